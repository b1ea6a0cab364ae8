"""Every figure exists twice; random histories in random order with duplicates give both the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shared.tests.receivables.feeding import feed_batch, parties_of
from shared.tests.receivables.histories import CUSTOMERS, FIRST, ORDERS, Histories

from holdfast.contracts.erp_receivables import InvoicePosted
from holdfast.database.work import Work, transaction
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.as_of import read_balances_as_of, read_lateness_as_of, read_open_items_as_of
from holdfast.receivables.model import CheckedOrder, Counted, Party, Position, Reservation, parts
from holdfast.receivables.positions import read_positions
from holdfast.receivables.reference import Ledger
from holdfast.receivables.reference_exposure import figures
from holdfast.receivables.reservations import set_credit_status

TABLES = """company, exchange_rate, customer, account, document, document_order, settlement, settlement_reversal,
balance, sales_order, delivery, reservation, reported_balance, stale_event"""
CODES = {"EUR", "USD", "JPY", "GBP"}
FIRST_HOUR = datetime(2026, 1, 1, tzinfo=UTC)
DATES = [FIRST + timedelta(days=days) for days in (20, 60, 95, 150)]


async def play(pool: asyncpg.Pool, random: Random) -> Ledger:
    """A random history into both, with duplicates, each in an order and in batches of its own."""
    history = Histories(random).build()
    ledger = Ledger()
    for item in random.sample(history, len(history)):
        ledger.reserve(item) if isinstance(item, Reservation) else ledger.apply(item)
    events = [*history, *random.choices(history, k=len(history) // 4)]
    random.shuffle(events)
    while events:
        size = random.choice((1, 3, 20))
        batch, events = events[:size], events[size:]
        await feed_batch(pool, batch, parties_of(batch))
    ledger.status = {("X", order): random.choice(("unchecked", "passed", "held", "released")) for order in ORDERS}
    async with transaction(pool) as work:
        await set_credit_status(work, [(*key, status) for key, status in ledger.status.items()])
    return ledger


def seen(position: Position, check: CheckedOrder | None, counted: Counted) -> tuple[Any, ...]:
    """The parts as the SQL and the model give them."""
    p = parts(position, check, counted)
    return (p.balance, p.delivered_not_invoiced, p.open_orders, p.reserved, p.this_order, p.missing_rates)


def expected(ledger: Ledger, party: Party, on: date, check: CheckedOrder | None, counted: Counted) -> tuple[Any, ...]:
    """The parts as the reference gives them."""
    f = figures(ledger, party, on, check, counted)
    return (f.balance, f.delivered_not_invoiced, f.open_orders, f.reserved, f.this_order, f.missing_rates)


async def compare_stored(work: Work, ledger: Ledger) -> None:
    """Open amounts and balances as stored."""
    rows = await work.conn.fetch("SELECT customer, document, open_amount FROM document WHERE open_amount <> 0")
    stored = {(row["customer"], row["document"]): row["open_amount"] for row in rows}
    items = {(c, number): amount for c in CUSTOMERS for number, amount in ledger.open_items("X", c).items()}
    assert stored == items
    for row in await work.conn.fetch("SELECT * FROM balance"):
        mine = {
            number: amount
            for number, amount in ledger.open_items("X", row["customer"]).items()
            if ledger.facts["document"]["X", number].currency == row["currency"]
        }
        debits = {n: a for n, a in mine.items() if isinstance(ledger.facts["document"]["X", n], InvoicePosted)}
        due = [ledger.facts["document"]["X", n].due_date for n, a in debits.items() if a > 0]
        assert row["open_debits"] == sum(debits.values())
        assert row["open_credits"] == sum(mine.values()) - sum(debits.values())
        assert (row["debit_count"], row["credit_count"]) == (len(debits), len(mine) - len(debits))
        assert row["oldest_due_date"] == min(due, default=None)


async def compare_exposure(work: Work, ledger: Ledger, random: Random) -> None:
    """Positions and every part of the exposure, with and without a check."""
    on = random.choice(DATES)
    requests = {("X", customer): (*ORDERS, "NEW") for customer in CUSTOMERS}
    positions = await read_positions(work, requests, check_date=on, currencies=CODES)
    plain = await read_positions(work, list(requests), check_date=on)
    for party, position in positions.items():
        assert {code: b.balance for code, b in position.balances.items()} == ledger.balances(*party)
        overdue = {code: amount for code, (amount, _) in ledger.overdue(*party, on).items()}
        assert position.overdue == overdue
        assert seen(plain[party], None, Counted.ALL) == expected(ledger, party, on, None, Counted.ALL)
        for order in (*ORDERS, "NEW"):
            check = CheckedOrder(
                order, random.choice((1, 2, 3)), random.choice(("EUR", "USD")), Decimal(random.randrange(900))
            )
            for counted in Counted:
                assert seen(position, check, counted) == expected(ledger, party, on, check, counted)
        some = (await read_positions(work, {party: ["O1"]}, check_date=on))[party]
        check = CheckedOrder("O1", 2, "EUR", Decimal(10), None)
        for counted in Counted:
            assert seen(some, check, counted) == expected(ledger, party, on, check, counted)


async def compare_added_up(work: Work, ledger: Ledger, random: Random) -> None:
    """What is added up between the orders of some checks, which are decided one after the other."""
    on, days = random.choice(DATES), random.choice((None, 30))
    asked = [(random.choice((None, FIRST_HOUR + timedelta(hours=random.randrange(400)))), order)
             for order in random.sample((*ORDERS, "NEW"), random.choice((1, 1, 2, 4)))]  # fmt: skip
    parties = [("X", customer) for customer in CUSTOMERS]
    requests = {party: [order for _, order in asked] for party in parties}
    horizons = {} if days is None else dict.fromkeys(parties, days)
    read = await read_positions(work, requests, check_date=on, currencies=CODES, horizons=horizons)
    added = await read_positions(
        work, requests, check_date=on, currencies=CODES, horizons=horizons, places=dict.fromkeys(parties, asked)
    )
    for party in parties:
        position, summed = read[party], added[party]
        assert summed.currencies() == position.currencies()
        for created_at, order in asked:
            state = position.orders.get(order)
            created_at = created_at or (state.created_at if state else None) or work.business_now
            check = CheckedOrder(order, random.choice((1, 2, 3)), "USD", Decimal(random.randrange(900)), created_at)
            for counted in Counted:
                assert seen(summed, check, counted) == seen(position, check, counted)
            promise = Reservation("X", order, party[1], "EUR", Decimal(50), 2, "passed", created_at, created_at)
            position, summed = (p.after(order, "passed", promise) for p in (position, summed))


async def compare_as_of(work: Work, ledger: Ledger) -> None:
    """Balances, overdue totals, open items and days late at the end of past dates."""
    for on in DATES:
        balances = await read_balances_as_of(work, "X", on)
        items = await read_open_items_as_of(work, "X", on, CUSTOMERS)
        late = {row.customer: row for row in await read_lateness_as_of(work, "X", on)}
        for customer in CUSTOMERS:
            mine = [row for row in balances if row.customer == customer]
            overdue = ledger.overdue("X", customer, on, on)
            assert {row.currency: row.balance for row in mine} == ledger.balances("X", customer, on)
            assert {row.currency: (row.overdue, row.days_overdue) for row in mine if row.overdue} == overdue
            found = {item.document: item.open_amount for item in items if item.customer == customer}
            assert found == ledger.open_items("X", customer, on)
            days = ledger.lateness("X", customer, on)
            assert (late[customer].paid, late[customer].days_late, late[customer].worst) == (
                len(days), sum(days), max(days),
            ) if days else customer not in late  # fmt: skip


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(random=st.randoms(use_true_random=True))
async def test_sql_and_reference_agree(pool: asyncpg.Pool, random: Random) -> None:
    await pool.execute(f"TRUNCATE {TABLES}")
    ledger = await play(pool, random)
    async with transaction(pool) as work:
        await lock_accounts(work, ledger.parties())
        await compare_stored(work, ledger)
        await compare_exposure(work, ledger, random)
        await compare_added_up(work, ledger, random)
        await compare_as_of(work, ledger)
