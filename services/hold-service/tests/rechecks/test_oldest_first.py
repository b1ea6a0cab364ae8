"""When several held orders are decided again, the oldest hold goes first (spec 2.1), also across a credit group."""

from __future__ import annotations

from typing import Any

import pytest

from hold_service.rechecks import decide, jobs
from hold_service.rechecks.store import MOST_RESTARTS


async def two_held(hold: Any, ask: Any) -> None:
    """C-2's order was held a day before C-1's; there is no room for either."""
    await hold.set_up(limit="0")
    await hold.facts(
        ask.event("erp.customer.changed.v1", customer="C-2"), ask.profile("0", customer="C-2"),
        ask.group("100", members=("DE01/C-1", "DE01/C-2")),
    )  # fmt: skip
    await hold.credit_parameters(check_customer_credit_groups=True, open_orders_counted="passed_only")
    await hold.check(ask.request("OLD", "600", customer="C-2"))
    await hold.today("2026-03-03")
    await hold.check(ask.request("NEW", "600"))


async def released(hold: Any) -> list[str]:
    return [e["order"] for kind, e in await hold.published() if kind == "hold.order.released.v1"]


@pytest.mark.parametrize("customers_at_once", [100, 1])
async def test_the_oldest_hold_of_a_group_goes_first(
    hold: Any, ask: Any, monkeypatch: pytest.MonkeyPatch, customers_at_once: int
) -> None:
    monkeypatch.setattr(jobs, "CUSTOMERS", customers_at_once)
    await two_held(hold, ask)
    await hold.facts(ask.group("1000", 2, members=("DE01/C-1", "DE01/C-2")))
    await hold.recheck()
    assert await released(hold) == ["OLD"]


async def test_of_very_many_holds_each_transaction_takes_some_the_oldest_first(
    hold: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide, "MOST", 2)
    await hold.set_up(limit="0")
    await hold.credit_parameters(open_orders_counted="passed_only")
    for n in range(5):
        await hold.check(ask.request(f"O-{n}", "600"))
    await hold.facts(ask.profile("1900", 2))
    assert await jobs.recheck_due(hold.pool)
    assert await released(hold) == ["O-0", "O-1"]
    left = await hold.pool.fetchrow("SELECT after_id FROM recheck_due")
    assert left["after_id"] == 2
    await hold.recheck()
    assert await released(hold) == ["O-0", "O-1", "O-2"]
    assert await hold.pool.fetchval("SELECT count(*) FROM recheck_due") == 0


async def test_what_comes_between_begins_with_the_oldest_again(
    hold: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide, "MOST", 1)
    await hold.set_up(limit="0")
    await hold.credit_parameters(open_orders_counted="passed_only")
    for n in range(3):
        await hold.check(ask.request(f"O-{n}", "600"))
    await hold.facts(ask.profile("1", 2))
    assert await jobs.recheck_due(hold.pool)
    await hold.facts(ask.profile("600", 3))
    await hold.recheck()
    assert await released(hold) == ["O-0"]


async def many_of_a_busy_customer(hold: Any, ask: Any, count: int = 6) -> None:
    """So many orders are held for want of a limit; the youngest is excluded meanwhile, and waits for its turn."""
    await hold.set_up(limit="0")
    await hold.credit_parameters(open_orders_counted="passed_only")
    for n in range(count):
        await hold.check(ask.request(f"O-{n}", "600"))
    await hold.facts(ask.order(f"O-{count - 1}", "600", version=2, exclude_from_credit_management=True))


async def test_however_often_a_customer_is_marked_each_of_its_holds_gets_its_turn(
    hold: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide, "MOST", 1)
    await many_of_a_busy_customer(hold, ask)
    turns = 0
    while await released(hold) != ["O-5"]:
        await hold.facts(ask.profile("1", 2 + turns))
        assert await jobs.recheck_due(hold.pool)
        turns += 1
        assert turns <= 6 * (MOST_RESTARTS + 1)
    assert turns > 6


async def test_what_came_while_a_pass_went_on_is_decided_by_the_next_one(
    hold: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit that frees one order comes while the third is at turn, when the oldest has been looked at already."""
    monkeypatch.setattr(decide, "MOST", 1)
    await many_of_a_busy_customer(hold, ask)
    for turn in range(MOST_RESTARTS + 2):
        await hold.facts(ask.profile("1", 2 + turn))
        assert await jobs.recheck_due(hold.pool)
    place = await hold.pool.fetchval("SELECT after_id FROM recheck_due")
    await hold.facts(ask.profile("600", 99))
    assert (place, await hold.pool.fetchval("SELECT after_id FROM recheck_due")) == (2, 2)
    await hold.recheck()
    assert sorted(await released(hold)) == ["O-2", "O-5"]
    await hold.facts(ask.profile("1800", 100))
    await hold.recheck()
    assert sorted(await released(hold)) == ["O-0", "O-2", "O-5"]
    assert await hold.pool.fetchval("SELECT count(*) FROM recheck_due") == 0
