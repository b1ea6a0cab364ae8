"""Facts in the database: what waits, what is stale, what moves, what is locked."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from shared.tests.receivables.conftest import Feed
from shared.tests.receivables.feeding import incoming

from holdfast.bus.handlers import MoreParties
from holdfast.bus.undigestible import Undigestible
from holdfast.contracts import erp_customers, erp_orders, erp_receivables, erp_reference
from holdfast.contracts.base import Payload
from holdfast.contracts.currencies import MINOR_UNITS
from holdfast.contracts.erp_customers import CustomerChanged
from holdfast.contracts.erp_orders import DeliveryPosted, OrderCancelled, OrderChanged
from holdfast.contracts.erp_receivables import (
    BalanceReported,
    CreditNotePosted,
    DocumentCancelled,
    InvoicePosted,
    PaymentPosted,
    PaymentReturned,
    SettlementPosted,
    SettlementReversed,
)
from holdfast.contracts.erp_reference import CompanyChanged, CompanyWentLive
from holdfast.database.work import Work, transaction
from holdfast.platform import metrics
from holdfast.receivables.accounts import lock_accounts, recomputed, try_lock_accounts
from holdfast.receivables.as_of import read_balances_as_of
from holdfast.receivables.documents import apply_invoices
from holdfast.receivables.exposure import read_exposures
from holdfast.receivables.facts import FACT_HANDLERS
from holdfast.receivables.model import CheckedOrder, Reservation, parts
from holdfast.receivables.positions import read_positions
from holdfast.receivables.refresh import refresh
from holdfast.receivables.reservations import (
    end_reservations,
    expire_reservations,
    parties_with_old_reservations,
    reserve,
    set_credit_status,
)
from holdfast.receivables.waiting import KINDS, observe, prune_stale, read_waiting

A, B = ("DE01", "C-1001"), ("DE01", "B")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def example(cls: type[Payload], **changes: Any) -> Any:
    """The example of an event type with some fields changed."""
    return cls.model_validate({**cls.example, **changes})


async def balances(pool: asyncpg.Pool) -> dict[str, Decimal]:
    """Stored balance by customer."""
    return {row["customer"]: row["balance"] for row in await pool.fetch("SELECT customer, balance FROM balance")}


def test_every_fact_of_the_erp_has_its_handler() -> None:
    modules = (erp_customers, erp_orders, erp_receivables, erp_reference)
    payloads = {
        cls
        for module in modules
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, Payload) and "event_type" in vars(cls)
    }
    assert payloads - set(FACT_HANDLERS) == {erp_orders.CheckpointRequested}


@pytest.mark.parametrize("payload", list(FACT_HANDLERS), ids=lambda cls: cls.event_type)
async def test_a_doubled_event_is_stale_and_changes_nothing(
    pool: asyncpg.Pool, feed: Feed, payload: type[Payload]
) -> None:
    await feed([example(payload)])
    await feed([example(payload)])
    assert await pool.fetchval("SELECT count(*) FROM stale_event") == 1
    async with transaction(pool) as work:
        assert await prune_stale(work, work.now + timedelta(seconds=1)) == 1


async def test_the_newest_version_in_a_batch_wins(pool: asyncpg.Pool, feed: Feed) -> None:
    await feed([example(InvoicePosted, version=v, amount=f"{v}00.00", tax_amount=None) for v in (2, 3, 1)])
    assert await balances(pool) == {"C-1001": 300}


async def test_a_document_moves_to_another_customer(pool: asyncpg.Pool, feed: Feed) -> None:
    await feed([example(InvoicePosted)])
    async with transaction(pool) as work:
        await lock_accounts(work, {B})
        await apply_invoices(work, [incoming(example(InvoicePosted, version=2, customer="B"))])
        with pytest.raises(MoreParties) as more:
            await refresh(work, {B})
        assert more.value.parties == {A}
        await lock_accounts(work, {A})
        await refresh(work, {B})
        assert recomputed(work) == {A, B}
    assert await balances(pool) == {"B": 1190}


async def test_a_payment_settles_another_customers_invoice(pool: asyncpg.Pool, feed: Feed) -> None:
    await feed([example(InvoicePosted, order=None)])
    await feed([example(PaymentPosted, customer="B")])
    assert await balances(pool) == {}
    await feed([example(PaymentReturned, customer="B")])
    assert await balances(pool) == {"C-1001": 1190}


async def test_a_newer_payment_replaces_its_applications(pool: asyncpg.Pool, feed: Feed) -> None:
    await feed([example(InvoicePosted), example(PaymentPosted)])
    assert await balances(pool) == {}
    await feed([example(PaymentPosted, version=2, applications=[])])
    assert await pool.fetchval("SELECT open_amount FROM document WHERE document = 'INV-2026-0042'") == 1190
    await feed([example(PaymentPosted)])
    assert await pool.fetchval("SELECT count(*) FROM settlement") == 0


async def test_row_4_4_24_what_comes_early_waits_and_is_seen(pool: asyncpg.Pool, feed: Feed) -> None:
    await feed(
        [
            example(SettlementPosted), example(DocumentCancelled, document="INV-9"), example(DeliveryPosted),
            example(SettlementReversed, settlement="ST-9"), example(OrderCancelled, order="SO-9"),
        ]
    )  # fmt: skip
    async with transaction(pool) as work:
        every = await read_waiting(work)
        assert await read_waiting(work, limit=3) == every[:3]
        place = (every[2].company, every[2].what, every[2].number, every[2].waits_for)
        assert await read_waiting(work, after=place) == every[3:]
        assert await read_waiting(work, what="notice") == [w for w in every if w.what == "notice"]
        assert await read_waiting(work, companies=["DE02"]) == await read_waiting(work, company="DE02") == []
    assert {w.what for w in every} < set(KINDS)
    await observe(pool, "some-service")
    shown = metrics.exposition().decode()
    assert 'holdfast_facts_waiting{service="some-service",what="settlement"} 2.0' in shown
    assert 'holdfast_facts_waiting{service="some-service",what="invoice"} 0.0' in shown
    found = {(w.what, w.number, w.waits_for) for w in every}
    assert found == {
        ("account", "C-1001", "company DE01"),
        ("account", "C-1001", "customer C-1001"),
        ("settlement", "ST-551", "document INV-2026-0042"),
        ("settlement", "ST-551", "document CN-2026-0007"),
        ("notice", "INV-9", "document INV-9"),
        ("delivery", "PS-310", "order SO-771"),
        ("reversal", "ST-9", "settlement ST-9"),
        ("order cancellation", "SO-9", "order SO-9"),
    }


async def test_nothing_waits_once_all_has_come(pool: asyncpg.Pool, feed: Feed) -> None:
    await feed([example(payload) for payload in FACT_HANDLERS])
    async with transaction(pool) as work:
        assert await read_waiting(work) == []


async def test_an_order_cancelled_and_reopened_by_a_newer_state(pool: asyncpg.Pool, feed: Feed) -> None:
    await feed([example(CompanyChanged), example(OrderCancelled), example(OrderChanged, version=5)])
    assert (await exposure(pool)).open_orders == 0
    await feed([example(OrderChanged, version=6)])
    assert (await exposure(pool)).open_orders == 1190


async def exposure(pool: asyncpg.Pool) -> Any:
    """The parts of customer A."""
    async with transaction(pool) as work:
        return (await read_exposures(work, [A]))[A].parts


async def test_an_order_from_entry_to_invoice(pool: asyncpg.Pool, feed: Feed) -> None:
    await feed([example(CompanyChanged), example(OrderChanged)])
    assert (await exposure(pool)).open_orders == 1190
    await feed([example(DeliveryPosted, amount="500.00")])
    assert ((await exposure(pool)).open_orders, (await exposure(pool)).delivered_not_invoiced) == (690, 500)
    await feed([example(InvoicePosted)])
    found = await exposure(pool)
    assert (found.balance, found.open_orders, found.delivered_not_invoiced) == (1190, 0, 0)
    await feed([example(DocumentCancelled)])
    assert ((await exposure(pool)).balance, (await exposure(pool)).delivered_not_invoiced) == (0, 500)


async def test_row_4_5_4_the_orders_own_invoiced_figure_does_not_count(pool: asyncpg.Pool, feed: Feed) -> None:
    line = {**OrderChanged.example["lines"][0], "delivered": "10", "invoiced": "10"}
    await feed([example(CompanyChanged), example(OrderChanged, version=2, lines=[line])])
    assert (await exposure(pool)).delivered_not_invoiced == 1190


async def test_company_customer_and_check_date_come_with_the_position(pool: asyncpg.Pool, feed: Feed) -> None:
    async with transaction(pool) as work:
        unknown = (await read_positions(work, [A]))[A]
    assert (unknown.currency, unknown.live, unknown.customer_known) == (None, False, False)
    await feed([example(CompanyChanged), example(CompanyWentLive), example(CustomerChanged)])
    async with transaction(pool) as work:
        work.business_now = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
        known = (await read_positions(work, [A]))[A]
    assert (known.currency, known.live, known.customer_known) == ("EUR", True, True)
    assert known.check_date == date(2026, 3, 2)


async def test_the_newest_control_totals_are_kept(pool: asyncpg.Pool, feed: Feed) -> None:
    await feed([example(BalanceReported, version=3), example(BalanceReported, version=2, as_of="2026-02-28")])
    assert await pool.fetchval("SELECT as_of FROM reported_balance") == date(2026, 3, 31)


def promised(order: str, version: int = 1, reserved_at: datetime = NOON) -> Reservation:
    """What a check of customer A reserved."""
    return Reservation("DE01", order, "C-1001", "EUR", Decimal(50), version, "passed", NOON, reserved_at)


async def reserved(work: Work) -> list[str]:
    """Orders with a reservation."""
    return [row[0] for row in await work.conn.fetch("SELECT order_no FROM reservation ORDER BY 1")]


async def test_reservations_end(pool: asyncpg.Pool, feed: Feed) -> None:
    await feed([example(OrderChanged, order="KNOWN", version=2)])
    async with transaction(pool) as work:
        await lock_accounts(work, {A})
        old = promised("OLD", reserved_at=NOON - timedelta(days=1))
        await reserve(work, [promised("KNOWN", 2), promised("NEW", 1), promised("END"), old])
        assert await reserved(work) == ["END", "NEW", "OLD"]
        await end_reservations(work, [("DE01", "END")])
        assert await parties_with_old_reservations(work, NOON) == [A]
        assert await expire_reservations(work, [A], NOON) == [old]
        assert await reserved(work) == ["NEW"]
    await feed([example(OrderChanged, order="NEW", version=1)])
    async with transaction(pool) as work:
        assert await reserved(work) == []


async def test_passed_orders_are_summed_and_the_others_listed(pool: asyncpg.Pool, feed: Feed) -> None:
    await feed([example(CompanyChanged), *(example(OrderChanged, order=f"SO-{n}") for n in range(50))])
    async with transaction(pool) as work:
        await lock_accounts(work, {A})
        await set_credit_status(work, [("DE01", f"SO-{n}", "passed") for n in range(48)])
        found = (await read_positions(work, {A: ["SO-0", "SO-NEW"]}))[A]
    assert set(found.orders) == {"SO-0", "SO-48", "SO-49"}
    assert found.passed["EUR"].open_orders == 47 * 1190
    mine = CheckedOrder("SO-0", 1, "EUR", Decimal(1190), found.orders["SO-0"].created_at)
    assert parts(found, mine).exposure() == 48 * 1190


async def test_row_4_5_11_a_lock_that_is_held_is_passed_over(pool: asyncpg.Pool) -> None:
    async with transaction(pool) as first, transaction(pool) as second:
        await lock_accounts(first, {A})
        assert await try_lock_accounts(second, {B}) == {B}
    async with transaction(pool) as first, transaction(pool) as second:
        await lock_accounts(first, {A})
        assert await try_lock_accounts(second, {A, B}) == {B}
        assert await try_lock_accounts(second, {B}) == {B}


async def test_row_4_5_1_a_check_that_waited_for_the_lock_sees_what_was_committed(
    pool: asyncpg.Pool, feed: Feed
) -> None:
    await feed([example(CompanyChanged)])

    async def check_and_reserve(order: str) -> Decimal:
        async with transaction(pool) as work:
            await lock_accounts(work, {A})
            position = (await read_positions(work, {A: [order]}))[A]
            found = parts(position, CheckedOrder(order, 1, "EUR", Decimal(50), NOON)).exposure()
            await reserve(work, [promised(order)])
            return found

    seen = await asyncio.gather(*(check_and_reserve(f"O{n}") for n in range(8)))
    assert sorted(seen) == [50 * n for n in range(1, 9)]


INVOICE = example(InvoicePosted, document="1001")
CREDIT_NOTE = example(CreditNotePosted, document="1001")
PAYMENT = example(PaymentPosted, document="1001", applications=[])


@pytest.mark.parametrize(
    ("first", "second", "known"),
    [
        (INVOICE, PAYMENT, "debit"),
        (PAYMENT, INVOICE, "payment"),
        (PAYMENT, CREDIT_NOTE, "payment"),
        (CREDIT_NOTE, INVOICE, "credit note"),
    ],
    ids=str,
)
@pytest.mark.parametrize("version", [1, 2])
async def test_a_number_of_another_kind_is_refused(
    first: Any, second: Any, known: str, version: int, pool: asyncpg.Pool, feed: Feed
) -> None:
    await feed([first])
    before = await pool.fetchrow("SELECT * FROM document")
    with pytest.raises(Undigestible) as caught:
        await feed([second.model_copy(update={"version": version})])
    assert (caught.value.field, caught.value.value) == ("document", "1001")
    assert f"{known} of DE01" in caught.value.problem
    assert "prefix" in caught.value.remedy
    assert await pool.fetchrow("SELECT * FROM document") == before


async def test_a_debit_may_become_another_debit_and_a_stub_anything(pool: asyncpg.Pool, feed: Feed) -> None:
    await feed([INVOICE, INVOICE.model_copy(update={"version": 2, "kind": "fee"})])
    assert await pool.fetchval("SELECT kind FROM document") == "fee"
    await feed([example(DocumentCancelled, document="P-1"), example(PaymentPosted, document="P-1", applications=[])])
    assert await pool.fetchval("SELECT kind FROM document WHERE document = 'P-1'") == "payment"


@pytest.mark.parametrize("settled_first", [False, True])
async def test_less_than_the_minor_unit_does_not_stay_open(settled_first: bool, pool: asyncpg.Pool, feed: Feed) -> None:
    settled = example(SettlementPosted, debit_amount="118.9999", credit_amount="119.0001")
    documents = [
        example(InvoicePosted, amount="119.00", tax_amount="19.00", lines=[]), example(CreditNotePosted),
    ]  # fmt: skip
    for batch in ([settled], documents) if settled_first else (documents, [settled]):
        await feed(batch)
    assert await pool.fetch("SELECT open_amount FROM document WHERE open_amount <> 0") == []
    async with transaction(pool) as work:
        assert await read_balances_as_of(work, "DE01", date(2027, 1, 1)) == []


async def test_settlements_above_a_document_are_seen(pool: asyncpg.Pool, feed: Feed) -> None:
    await feed(
        [
            example(InvoicePosted), example(CreditNotePosted), example(CompanyChanged), example(CustomerChanged),
            example(OrderChanged), example(SettlementPosted, debit_amount="2000.00", credit_amount="119.00"),
        ]
    )  # fmt: skip
    async with transaction(pool) as work:
        (found,) = await read_waiting(work)
    assert (found.what, found.number) == ("document", "INV-2026-0042")
    assert found.waits_for == "settlements of at most its amount"


async def test_the_database_knows_the_decimals_of_each_currency(pool: asyncpg.Pool) -> None:
    rows = await pool.fetch("SELECT code, minor_units(code) AS units FROM unnest($1::text[]) code", list(MINOR_UNITS))
    assert {row["code"]: row["units"] for row in rows} == MINOR_UNITS
