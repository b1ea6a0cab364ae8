"""A check of a customer with very many orders that wait reads no more of them than one of a customer with a few."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from hold_service.checks import preview, store
from holdfast.database.work import transaction

HELD = """
INSERT INTO sales_order (company, order_no, version, customer, currency, total, created_at, credit_status)
SELECT 'DE01', 'W-' || n, 1, 'C-1', 'EUR', 10, timestamptz '2026-02-01' + n * interval '1 minute', 'held'
FROM generate_series($1::integer, $2::integer) n
"""
PROMISED = """
INSERT INTO reservation (company, order_no, customer, currency, amount, order_version, status, created_at, reserved_at)
SELECT 'DE01', 'R-' || n, 'C-1', 'EUR', 10, 1, 'held', timestamptz '2026-02-01' + n * interval '1 minute', now()
FROM generate_series($1::integer, $2::integer) n
"""
FIFTIETH = "2026-02-01T00:50:00Z"
MANY = 300


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many orders and reservations each reading of positions has brought."""
    plain, first, counts = store.positions_of, store._read, list[int]()

    def brought(rows: Iterable[Any]) -> int:
        return sum(len(row["orders"] or ()) + len(row["reservations"] or ()) for row in rows)

    async def counting(work: Any, rows: Iterable[Any], **given: Any) -> Any:
        counts.append(brought(rows))
        return await plain(work, rows, **given)

    async def few(*given: Any) -> Any:
        row = await first(*given)
        assert brought(row["positions"]) <= 3 * store.ONE_BY_ONE + len(row["positions"])
        return row

    monkeypatch.setattr(store, "positions_of", counting)
    monkeypatch.setattr(store, "_read", few)
    return counts


async def crowd(hold: Any) -> None:
    await hold.set_up(limit="1000000")
    await hold.pool.execute(HELD, 1, MANY)
    await hold.pool.execute(PROMISED, 1, MANY)


async def test_a_check_reads_its_own_order_only(hold: Any, ask: Any, read: list[int]) -> None:
    await crowd(hold)
    await hold.facts(ask.order("O-1", "5", created_at="2026-03-01T00:00:00Z"))
    (answer,) = await hold.check(ask.request("O-1", "5", created_at=None))
    assert read == [1]
    figures = answer["figures"]
    assert (figures["open_orders"], figures["reserved"]) == ("3000.00", "3000.00")


async def test_only_what_came_before_it_counts(hold: Any, ask: Any, read: list[int]) -> None:
    await crowd(hold)
    answers = await hold.check(
        ask.request("O-1", "5", created_at=FIFTIETH), ask.request("A", "5", created_at=FIFTIETH),
        ask.request("O-2", "5", created_at=FIFTIETH), ask.request("Z", "5", created_at=FIFTIETH),
        ask.request("O-3", "5", created_at="2026-02-01T00:00:00Z"),
    )  # fmt: skip
    assert read == [0]
    seen = [(answer["figures"]["open_orders"], answer["figures"]["reserved"]) for answer in answers]
    assert seen == [
        ("490.00", "490.00"), ("490.00", "495.00"), ("490.00", "500.00"), ("500.00", "515.00"), ("0", "20.00")
    ]  # fmt: skip


async def test_a_preview_reads_its_own_order_only(hold: Any, ask: Any, read: list[int]) -> None:
    await crowd(hold)
    async with transaction(hold.pool) as work:
        answer = await preview.preview(work, ask.request("O-1", "5", created_at=FIFTIETH), None)
        await preview.limit_check(work, ("DE01", "C-1"), "on_account", answer["figures"]["exposure"], "EUR")
    assert read == [0, 0]


@pytest.mark.parametrize("members", [("DE01/C-1",), ("DE01/C-1", "DE01/C-2")])
async def test_of_a_member_of_a_group_each_order_is_read(
    members: tuple[str, ...], hold: Any, ask: Any, read: list[int]
) -> None:
    """What it uses counts for checks of the other members, whose place is not known yet."""
    await crowd(hold)
    await hold.facts(ask.group("1000000", members=members))
    (answer,) = await hold.check(ask.request("O-1", "5", created_at=FIFTIETH))
    assert max(read) == 2 * MANY
    assert (answer["figures"]["open_orders"], answer["figures"]["reserved"]) == ("490.00", "490.00")
    async with transaction(hold.pool) as work:
        again = await preview.preview(work, ask.request("O-2", "5", created_at=FIFTIETH), None)
    assert str(again["figures"]["open_orders"]) == "490.00"
