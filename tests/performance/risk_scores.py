"""Risk scores of 100,000 customers against a bare INSERT … SELECT of as many values, and of 10,000 to 1,000,000: the
cost of a customer."""

from __future__ import annotations

import time
from datetime import date

import asyncpg
from tests.performance.report import Result, result
from tests.performance.stage import credit_url, stage

from credit_service.periodic import TASKS
from credit_service.risk.jobs import NAME
from credit_service.tasks.running import begin, go_on
from holdfast.database.pool import create_pool
from holdfast.database.work import transaction

CUSTOMERS, FEW, MANY = 100_000, 10_000, 1_000_000
GOAL, LINEAR = 5.0, 1.5
"""A customer among a million costs at most one and a half of one among ten thousand."""
TODAY = date(2026, 3, 2)
GROUPS = """
INSERT INTO scoring_group SELECT $1, g.id, g.id, g.group_type, 'range', 0, 1 FROM (VALUES
    ('GROWTH', 'user'), ('DSO', 'dso'), ('PAYS', 'average_payment_days'), ('SINCE', 'customer_since'))
    AS g (id, group_type)
"""
LINES = """
INSERT INTO scoring_group_line (company, scoring_group, line_no, from_value, to_value, score)
SELECT $1, g.id, n, 10 * n, 10 * n + 9, n FROM scoring_group g, generate_series(0, 9) n WHERE g.company = $1
"""
CLASSES = """
INSERT INTO risk_group SELECT $1, 'R' || n, 'R' || n, 10 * n, 10 * n + 9, 'green', 1 FROM generate_series(0, 3) n
"""
PEOPLE = """
WITH c AS (SELECT 'C-' || n AS customer, n FROM generate_series(1, $2::int) n), profiled AS (
    INSERT INTO credit_profile (company, customer, version, currency, credit_limit, customer_since_date, changed_at,
                                changed_by)
    SELECT $1, customer, 1, 'EUR', 1000, $3::date - 300 * (n % 40), now(), 'bench' FROM c
), known AS (
    INSERT INTO account (company, customer) SELECT $1, customer FROM c
), figured AS (
    INSERT INTO customer_statistics (company, customer, as_of, dso_12, average_payment_days, calculated_at)
    SELECT $1, customer, $3, n % 100, n % 90, now() FROM c
)
INSERT INTO customer_risk_value (company, customer, scoring_group, value, numeric_value, score, calculated_at, version)
SELECT $1, customer, 'GROWTH', (n % 50)::text, n % 50, 0, now(), 1 FROM c
"""
BARE = "CREATE TABLE bare_value (LIKE customer_risk_value INCLUDING ALL)"
COPY = """
INSERT INTO bare_value (company, customer, scoring_group, value, numeric_value, score, calculated_at, version)
SELECT company, customer, scoring_group, value, numeric_value, score, calculated_at, version
FROM customer_risk_value WHERE company = $1
"""


async def run(runs: int) -> list[Result]:
    """Each run scores customers who have a typed value and three figures, and no score yet."""
    async with (
        stage("postgres", 1) as stack,
        await create_pool(credit_url(stack), application_name="bench", statement_timeout=600) as pool,
    ):
        await pool.execute(BARE)
        against_bare = [await _against_bare(pool, f"B{n}") for n in range(runs)]
        linear = [await _linear(pool, n) for n in range(runs)]
    return [
        result("risk scores of 100,000 customers", "postgres", "s", against_bare, GOAL, "less"),
        result("risk scores, of 1,000,000 against 10,000", "postgres", "µs", linear, LINEAR, "less"),
    ]


async def _against_bare(pool: asyncpg.Pool, company: str) -> tuple[float, float]:
    ours = await _scored(pool, company, CUSTOMERS)
    start = time.perf_counter()
    await pool.execute(COPY, company)
    plain = time.perf_counter() - start
    await pool.execute("TRUNCATE bare_value")
    return ours, plain


async def _linear(pool: asyncpg.Pool, number: int) -> tuple[float, float]:
    """Microseconds of a customer: among many, among few."""
    few = await _scored(pool, f"F{number}", FEW)
    many = await _scored(pool, f"M{number}", MANY)
    return 1e6 * many / MANY, 1e6 * few / FEW


async def _scored(pool: asyncpg.Pool, company: str, customers: int) -> float:
    """Seconds that the periodic task takes for all customers of a company."""
    await pool.execute("INSERT INTO company (company, currency, time_zone) VALUES ($1, 'EUR', 'UTC')", company)
    for statement in (GROUPS, LINES, CLASSES):
        await pool.execute(statement, company)
    await pool.execute(PEOPLE, company, customers, TODAY)
    await pool.execute("VACUUM ANALYZE")
    start = time.perf_counter()
    async with transaction(pool) as work:
        run_id = await begin(work, TASKS.tasks[NAME], company, TODAY, None, {}, "bench")
    state = "running"
    while state == "running":
        async with transaction(pool) as work:
            state = await go_on(work, TASKS, run_id)
    took = time.perf_counter() - start
    assert state == "done"
    assert await pool.fetchval("SELECT count(*) FROM customer_risk WHERE company = $1", company) == customers
    return took
