"""What is overdue is at hand, however many open items there are, and goes on as days pass."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
from shared.tests.receivables.conftest import Feed

from holdfast.contracts.erp_orders import OrderChanged
from holdfast.contracts.erp_receivables import InvoicePosted
from holdfast.contracts.erp_reference import CompanyChanged
from holdfast.database.work import set_business_clock, transaction
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.falling_due import refresh_fallen_due
from holdfast.receivables.position_statements import POSITIONS
from holdfast.receivables.positions import read_positions

A, B = ("DE01", "C-1001"), ("DE01", "B")
FIRST = date(2026, 3, 2)
ITEMS = 300


def example(cls: Any, **changes: Any) -> Any:
    return cls.model_validate({**cls.example, **changes})


async def at(pool: asyncpg.Pool, day: date) -> None:
    async with pool.acquire() as connection:
        await set_business_clock(connection, datetime(day.year, day.month, day.day, 12, tzinfo=UTC))


async def fill(pool: asyncpg.Pool, feed: Feed) -> None:
    """Invoices of 10 each, one falling due a day, the first on the first day."""
    await at(pool, FIRST)
    dates = [FIRST + timedelta(days=n) for n in range(ITEMS)]
    await feed([example(CompanyChanged), *(
        example(InvoicePosted, document=f"I-{n}", amount="10.00", tax_amount="0", lines=[], order=None,
                document_date="2026-02-01", due_date=due.isoformat())
        for n, due in enumerate(dates)
    )])  # fmt: skip


async def overdue(pool: asyncpg.Pool, on: date | None = None) -> Decimal:
    async with transaction(pool) as work:
        return (await read_positions(work, [A], check_date=on))[A].overdue.get("EUR", Decimal(0))


async def documents_read(pool: asyncpg.Pool) -> int:
    """Rows of documents that reading the position of a customer looks at now."""
    async with transaction(pool) as work:
        arguments = [["DE01"], ["C-1001"], None, work.business_now, ["[]"], [None], None]
        plan = await work.conn.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {POSITIONS}", *arguments)
    return sum(rows_of(plan[0]["Plan"]))


def rows_of(plan: dict[str, Any]) -> list[int]:
    mine = [round(plan["Actual Rows"] * plan["Actual Loops"])] if plan.get("Relation Name") == "document" else []
    return mine + [rows for child in plan.get("Plans", ()) for rows in rows_of(child)]


async def test_days_that_pass_add_what_falls_due(pool: asyncpg.Pool, feed: Feed) -> None:
    await fill(pool, feed)
    for days in (0, 1, 2, 30, ITEMS, ITEMS + 1):
        await at(pool, FIRST + timedelta(days=days))
        assert await overdue(pool) == 10 * min(days, ITEMS)
    assert await overdue(pool, FIRST - timedelta(days=5)) == 0


async def test_items_that_are_overdue_are_not_read_one_by_one(pool: asyncpg.Pool, feed: Feed) -> None:
    await fill(pool, feed)
    await at(pool, FIRST + timedelta(days=200))
    assert await documents_read(pool) >= 200
    async with transaction(pool) as work:
        assert await refresh_fallen_due(work, lock_accounts) is False
    assert (await documents_read(pool), await overdue(pool)) == (0, 2000)
    assert await overdue(pool, FIRST + timedelta(days=150)) == 1500
    async with transaction(pool) as work:
        await refresh_fallen_due(work, lock_accounts)
        assert await work.conn.fetchval("SELECT overdue_on FROM balance") == FIRST + timedelta(days=200)


async def test_a_balance_whose_overdue_amount_was_never_added_up_is_read_like_any(
    pool: asyncpg.Pool, feed: Feed
) -> None:
    await fill(pool, feed)
    await at(pool, FIRST + timedelta(days=200))
    await pool.execute("UPDATE balance SET overdue = DEFAULT, overdue_on = DEFAULT, next_due_date = DEFAULT")
    assert await overdue(pool) == 2000


async def test_an_order_is_read_for_the_customer_it_was_asked_for_and_no_other(pool: asyncpg.Pool, feed: Feed) -> None:
    await feed([
        example(CompanyChanged), example(OrderChanged, order="SO-A"), example(OrderChanged, order="SO-B", customer="B")
    ])  # fmt: skip
    await pool.execute("UPDATE sales_order SET credit_status = 'passed'")
    async with transaction(pool) as work:
        found = await read_positions(work, {A: ["SO-A"], B: ["SO-B"]})
    assert [set(found[party].orders) for party in (A, B)] == [{"SO-A"}, {"SO-B"}]
