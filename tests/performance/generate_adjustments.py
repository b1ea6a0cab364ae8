"""Adjustment lines generated for 100,000 customers, against a bare INSERT … SELECT of as many rows."""

from __future__ import annotations

import time
from datetime import date
from decimal import Decimal

import asyncpg
from tests.performance.report import Result, result
from tests.performance.stage import COMPANY, credit_url, stage

from credit_service.adjustments.drafting import draft_journal
from credit_service.adjustments.generating import Order, generate
from credit_service.adjustments.model import JournalType
from holdfast.database.pool import create_pool
from holdfast.database.work import transaction

CUSTOMERS = 100_000
GOAL = 5.0
FILL = """
INSERT INTO company (company, currency, time_zone) VALUES ($1, 'EUR', 'UTC') ON CONFLICT DO NOTHING
"""
PROFILES = """
INSERT INTO credit_profile (company, customer, version, currency, credit_limit, credit_limit_expiry_date, changed_at,
                            changed_by)
SELECT $1, 'C-' || n, 1, 'EUR', 1000 + n, '2026-12-31', now(), 'bench' FROM generate_series(1, $2::int) n
"""
BARE = """
CREATE TABLE bare_line (LIKE adjustment_line INCLUDING ALL)
"""
COPY = "INSERT INTO bare_line SELECT * FROM adjustment_line WHERE journal = $1"
ORDER = Order("existing_customers", Decimal("7.5"), "percentage", Decimal(100), "up", new_to=date(2027, 12, 31))


async def run(runs: int) -> list[Result]:
    """Each run: the same rows copied by a bare statement after they were generated; seconds, so less is better."""
    async with (
        stage("postgres", 1) as stack,
        await create_pool(credit_url(stack), application_name="bench", statement_timeout=120) as pool,
    ):
        await pool.execute(FILL, COMPANY)
        await pool.execute(PROFILES, COMPANY, CUSTOMERS)
        await pool.execute(BARE)
        await pool.execute("ANALYZE")
        pairs = [await _pair(pool) for _ in range(runs)]
    return [result("adjustments of 100,000 customers", "postgres", "s", pairs, GOAL, "less")]


async def _pair(pool: asyncpg.Pool) -> tuple[float, float]:
    start = time.perf_counter()
    async with transaction(pool) as work:
        number = await draft_journal(
            work, COMPANY, JournalType.PERMANENT, [], by="bench", description="bench", source="generated"
        )
        made = await generate(work, number, COMPANY, JournalType.PERMANENT, ORDER, "EUR", date(2026, 3, 2))
    ours = time.perf_counter() - start
    assert made.lines == CUSTOMERS
    start = time.perf_counter()
    await pool.execute(COPY, number)
    plain = time.perf_counter() - start
    await pool.execute("TRUNCATE bare_line")
    return ours, plain
