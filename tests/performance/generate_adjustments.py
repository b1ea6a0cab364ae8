"""Adjustment lines for 100,000 customers, raised or by the rules of automatic limits, against a bare INSERT … SELECT of
as many rows."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal

import asyncpg
from tests.performance.report import Result, result
from tests.performance.stage import COMPANY, credit_url, stage

from credit_service.adjustments.automatic import Wanted, fill
from credit_service.adjustments.drafting import draft_journal
from credit_service.adjustments.generating import Order, generate
from credit_service.adjustments.model import JournalType
from credit_service.automatic.model import Rule, RuleLine, Value
from credit_service.automatic.proposing import Chosen
from credit_service.automatic.store import Kept, write_rule
from holdfast.database.pool import create_pool
from holdfast.database.work import Work, transaction

CUSTOMERS = 100_000
GOAL = 5.0
"""Also of automatic limits, for which currency, class, revenue and two values of each customer are read too."""
FILL = """
INSERT INTO company (company, currency, time_zone) VALUES ($1, 'EUR', 'UTC') ON CONFLICT DO NOTHING
"""
PROFILES = """
INSERT INTO credit_profile (company, customer, version, currency, credit_limit, credit_limit_expiry_date, changed_at,
                            changed_by)
SELECT $1, 'C-' || n, 1, 'EUR', 1000 + n, '2026-12-31', now(), 'bench' FROM generate_series(1, $2::int) n
"""
SCORED = """
WITH c AS (SELECT 'C-' || n AS customer, n FROM generate_series(1, $2::int) n), known AS (
    INSERT INTO customer (company, customer, version, name, currency, blocked, details)
    SELECT $1, customer, 1, customer, 'EUR', false, '{}' FROM c
), classified AS (
    INSERT INTO customer_risk SELECT $1, customer, 1, CASE WHEN n % 2 = 0 THEN 'LOW' ELSE 'MID' END, now(), 1 FROM c
), sold AS (
    INSERT INTO customer_revenue SELECT $1, customer, '2025-12-31', n, 'EUR', 1 FROM c
)
INSERT INTO customer_risk_value (company, customer, scoring_group, value, numeric_value, score, calculated_at)
SELECT $1, customer, g.id, CASE g.id WHEN 'DNB' THEN 'A' || n % 4 ELSE (n % 20)::text END,
       CASE g.id WHEN 'YEARS' THEN n % 20 END, 1, now()
FROM c, (VALUES ('DNB'), ('YEARS')) AS g (id)
"""
LISTED = """
INSERT INTO scoring_group_line (company, scoring_group, line_no, value, score)
SELECT $1, 'DNB', n, 'A' || n, 1 FROM generate_series(0, 3) n
"""
BARE = """
CREATE TABLE bare_line (LIKE adjustment_line INCLUDING ALL)
"""
COPY = "INSERT INTO bare_line SELECT * FROM adjustment_line WHERE journal = $1"
ORDER = Order("existing_customers", Decimal("7.5"), "percentage", Decimal(100), "up", new_to=date(2027, 12, 31))


Fill = Callable[[Work, str], Awaitable[int]]


async def run(runs: int) -> list[Result]:
    """Each run: the same rows copied by a bare statement after they were generated; seconds, so less is better."""
    async with (
        stage("postgres", 1) as stack,
        await create_pool(credit_url(stack), application_name="bench", statement_timeout=120) as pool,
    ):
        await pool.execute(FILL, COMPANY)
        await pool.execute(PROFILES, COMPANY, CUSTOMERS)
        await pool.execute(SCORED, COMPANY, CUSTOMERS)
        await pool.execute(LISTED, COMPANY)
        await pool.execute(BARE)
        await _rules(pool)
        await pool.execute("ANALYZE")
        raised = [await _pair(pool, _raise) for _ in range(runs)]
        ruled = [await _pair(pool, _propose) for _ in range(runs)]
    return [
        result("adjustments of 100,000 customers", "postgres", "s", raised, GOAL, "less"),
        result("automatic limits of 100,000 customers", "postgres", "s", ruled, GOAL, "less"),
    ]


async def _rules(pool: asyncpg.Pool) -> None:
    """Two classes with four lines each, so that everybody has a limit."""
    years = Decimal(10)
    lines = (
        RuleLine("DNB", ">=", Value("A0"), Decimal(1000)), RuleLine("DNB", "=", Value("A1"), Decimal(4000)),
        RuleLine("DNB", ">", Value("A2"), Decimal(500)), RuleLine("YEARS", ">=", Value("10", years), Decimal(9000)),
    )  # fmt: skip
    async with transaction(pool) as work:
        for group in ("LOW", "MID"):
            await write_rule(work, COMPANY, Kept(Rule(group, "EUR", Decimal(CUSTOMERS), "highest", lines), 1))


async def _raise(work: Work, number: str) -> int:
    return (await generate(work, number, COMPANY, JournalType.PERMANENT, ORDER, "EUR", date(2026, 3, 2))).lines


async def _propose(work: Work, number: str) -> int:
    return (await fill(work, number, COMPANY, Wanted(Chosen(), date(2027, 12, 31)), date(2026, 3, 2))).lines


async def _pair(pool: asyncpg.Pool, act: Fill) -> tuple[float, float]:
    start = time.perf_counter()
    async with transaction(pool) as work:
        number = await draft_journal(
            work, COMPANY, JournalType.PERMANENT, [], by="bench", description="bench", source="generated"
        )
        made = await act(work, number)
    ours = time.perf_counter() - start
    assert made == CUSTOMERS
    start = time.perf_counter()
    await pool.execute(COPY, number)
    plain = time.perf_counter() - start
    await pool.execute("TRUNCATE bare_line")
    return ours, plain
