"""The hot statements go by their indexes, for customers with ten thousand open items and as many open orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import pytest

from holdfast.receivables import documents, position_statements, refresh, reservations, settlements
from holdfast.receivables.accounts import LOCK_ALL

FILL = """
INSERT INTO document (company, document, version, customer, kind, currency, amount, open_amount, document_date,
                      due_date, order_no)
SELECT 'X', 'I' || n, 1, CASE WHEN n <= 10000 THEN 'BIG' ELSE 'C' || n % 15000 END, 'invoice', 'EUR', 100,
       CASE WHEN n % 3 = 0 OR n <= 10000 THEN 100 ELSE 0 END, date '2026-01-01', date '2026-02-01' + n % 90, 'O' || n
FROM generate_series(1, 40000) n;
INSERT INTO sales_order (company, order_no, version, customer, currency, total, created_at, credit_status)
SELECT 'X', 'O' || n, 1, CASE WHEN n <= 10000 THEN 'BIG' ELSE 'C' || n % 15000 END, 'EUR',
       CASE WHEN n % 3 = 0 OR n <= 10000 THEN 100 ELSE 0 END, timestamptz '2026-01-01', 'passed'
FROM generate_series(1, 40000) n;
INSERT INTO settlement SELECT 'X', 'S' || n, '', 1, 'I' || n, 'P' || n, 10, 10, date '2026-01-05'
FROM generate_series(1, 20000) n;
INSERT INTO account SELECT DISTINCT 'X', customer FROM document;
INSERT INTO delivery SELECT 'X', 'D' || n, 1, 'O' || n, 'BIG', 'EUR', 0, date '2026-01-01'
FROM generate_series(1, 20000) n;
INSERT INTO reservation SELECT 'X', 'R' || n, 'C' || n % 15000, 'EUR', 5, 1, 'passed', now(), now()
FROM generate_series(1, 5000) n;
INSERT INTO document_order SELECT 'X', 'O' || n, 'J' || n, 5 FROM generate_series(1, 5000) n;
INSERT INTO settlement_reversal SELECT 'X', 'S' || n, 2, date '2026-01-05' FROM generate_series(1, 5000) n;
INSERT INTO balance SELECT 'X', customer, 'EUR', 1, 0, 1, 1, 0, NULL FROM account;
INSERT INTO customer (company, customer, version, name, currency, blocked, details)
SELECT 'X', customer, 1, '', 'EUR', false, '{}' FROM account;
"""
CUSTOMERS = ["BIG", *(f"C{n}" for n in range(50))]
DOCUMENTS = [f"I{n}" for n in range(1, 12000, 200)]
ORDERS = [f"O{n}" for n in range(1, 12000, 200)]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
STATEMENTS: dict[str, tuple[str, list[Any]]] = {
    "lock": (LOCK_ALL, [["X"] * 51, CUSTOMERS]),
    "documents": (refresh.DOCUMENTS, [["X"] * len(DOCUMENTS), DOCUMENTS]),
    "orders": (refresh.ORDERS, [["X"] * len(ORDERS), ORDERS]),
    "balances": (refresh.BALANCES, [["X"] * 51, CUSTOMERS, NOW]),
    "positions": (
        position_statements.POSITIONS,
        [["X"] * 51, CUSTOMERS, date(2026, 3, 1), NOW, ['["O5", "NEW"]'] * 51, [None] * 51, None],
    ),
    "positions added up": (
        position_statements.POSITIONS_ADDED_UP,
        [
            ["X"] * 51,
            CUSTOMERS,
            date(2026, 3, 1),
            NOW,
            ['["O5", "NEW"]'] * 51,
            [None] * 51,
            ['[[null, "O5"], [null, "NEW"]]'] * 51,
        ],
    ),
}
STATEMENTS |= {
    name: (statement, [["X"] * len(DOCUMENTS), DOCUMENTS])
    for name, statement in {
        "counterparts": documents.COUNTERPARTS,
        "shared orders": documents.SHARED_ORDERS,
        "forget shares": documents.FORGET_SHARES,
        "forget applications": settlements.FORGET_APPLICATIONS,
        "settled": settlements.SETTLED,
        "ended": reservations.ENDED,
        "end": reservations.END,
    }.items()
}
RARE = {"forget shares", "forget applications", "ended", "end"}
"""They delete: from tables that stay small, or when a document is posted anew."""
FREQUENT = [name for name in STATEMENTS if name not in RARE]
SMALL = {"company", "payment_terms", "exchange_rate"}


@pytest.fixture
async def filled(pool: asyncpg.Pool) -> asyncpg.Pool:
    """A database with ten thousand open items and open orders of one customer, and many other customers."""
    await pool.execute(FILL)
    await pool.execute("VACUUM ANALYZE")
    return pool


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a plan."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


async def explain(connection: Any, statement: str, arguments: list[Any]) -> list[dict[str, Any]]:
    """The nodes of a statement's plan that read or write a table."""
    plan = (await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *arguments))[0]["Plan"]
    return [node for node in nodes(plan) if node.get("Relation Name") not in {None, *SMALL}]


async def test_hot_statements_use_indexes(filled: asyncpg.Pool) -> None:
    for name, (statement, arguments) in STATEMENTS.items():
        for node in await explain(filled, statement, arguments):
            assert node["Node Type"] != "Seq Scan", (name, node)
    read = await explain(filled, refresh.BALANCES, [["X"], ["BIG"], NOW])
    assert {node["Index Name"] for node in read if node["Relation Name"] == "document"} == {"document_open"}


@pytest.mark.parametrize("name", FREQUENT)
async def test_plans_made_while_tables_are_empty_will_do_when_they_are_not(pool: asyncpg.Pool, name: str) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        scans = [node for node in await explain(connection, *STATEMENTS[name]) if "Scan" in node["Node Type"]]
    assert scans
    for scan in scans:
        condition = scan.get("Index Cond") or scan.get("Recheck Cond") or ""
        assert " = " in condition.replace("company = ", ""), scan
