"""`GET /v1/fact-boxes/…` of one customer with 1,000 open items against a bare route that does one indexed SELECT."""

from __future__ import annotations

import asyncpg
from tests.performance.credit_checks import measure, reads
from tests.performance.load import request
from tests.performance.report import Result, result
from tests.performance.stage import COMPANY, bare, credit_url, service, stage

from holdfast.platform.processes import free_port
from holdfast.platform.stack import Stack
from holdfast.web.auth import issue_token

CUSTOMERS, ITEMS, CALLERS, GOAL = 20_000, 1_000, 8, 0.33
BARE_REQUESTS, BOXES, WARM_UP = 8_000, 4_000, 300
SEED = f"""
INSERT INTO company (company, version, name, currency, time_zone, country, exchange_rate_type, live_version, live)
VALUES ('{COMPANY}', 1, 'Benchmark', 'EUR', 'Europe/Berlin', 'DE', 'default', 1, true);
INSERT INTO account (company, customer) SELECT '{COMPANY}', 'C-' || n FROM generate_series(1, {CUSTOMERS}) n;
INSERT INTO credit_profile (company, customer, version, currency, credit_limit, changed_at, changed_by)
SELECT '{COMPANY}', 'C-' || n, 1, 'EUR', 1000000, now(), 'bench' FROM generate_series(1, {CUSTOMERS}) n;
INSERT INTO document (company, document, version, customer, kind, currency, amount, document_date, due_date,
                      open_amount)
SELECT '{COMPANY}', 'I-' || n, 1, 'C-1', 'invoice', 'EUR', 500, current_date - n % 200, current_date + 30 - n % 200, 500
FROM generate_series(1, {ITEMS}) n;
INSERT INTO document (company, document, version, customer, kind, currency, amount, document_date, open_amount)
SELECT '{COMPANY}', 'P-' || n, 1, 'C-1', 'payment', 'EUR', 500, current_date - 300 - n % 200, 0
FROM generate_series(1, {ITEMS}) n;
INSERT INTO document (company, document, version, customer, kind, currency, amount, document_date, due_date,
                      open_amount)
SELECT '{COMPANY}', 'O-' || n || '-' || i, 1, 'C-' || n, 'invoice', 'EUR', 500, '2026-01-02', '2026-02-01', 500
FROM generate_series(2, {CUSTOMERS}) n, generate_series(1, 3) i;
INSERT INTO balance (company, customer, currency, open_debits, open_credits, balance, debit_count, credit_count,
                     oldest_due_date)
SELECT company, customer, 'EUR', sum(open_amount), 0, sum(open_amount), count(*), 0, min(due_date)
FROM document WHERE open_amount <> 0 GROUP BY 1, 2;
INSERT INTO sales_order (company, order_no, customer, version, currency, total, credit_status, created_at)
SELECT '{COMPANY}', 'SO-' || n, 'C-1', 1, 'EUR', 100, 'passed', now() FROM generate_series(1, 20) n;
INSERT INTO customer_statistics (company, customer, as_of, dso_1, highest_balance, highest_balance_date, calculated_at)
VALUES ('{COMPANY}', 'C-1', current_date, 42, 600000, current_date, now());
"""


async def run(runs: int) -> list[Result]:
    """Each run: the bare route, then the fact box, 8 callers each."""
    async with stage("postgres", CUSTOMERS) as stack:
        connection = await asyncpg.connect(credit_url(stack))
        await connection.execute(SEED)
        await connection.execute("ANALYZE")
        await connection.close()
        ours, plain = stack.port("credit-service"), free_port()
        async with service(stack, "credit-service", "api", port=ours), bare(stack, "api", port=plain):
            pairs = await _pairs(stack, runs, ours, plain)
    return [result(f"fact box, {ITEMS} open items", "http", "req/s", pairs, GOAL)]


def boxes(token: str, count: int) -> list[bytes]:
    """Whole requests for the box of one customer."""
    headers = {"authorization": f"Bearer {token}"}
    return [request("GET", f"/v1/fact-boxes/{COMPANY}/C-1", headers)] * count


async def _pairs(stack: Stack, runs: int, ours: int, plain: int) -> list[tuple[float, float]]:
    token = issue_token(stack.settings(), "bench", ["see"])
    await measure(plain, CALLERS, reads(WARM_UP, 0))
    await measure(ours, CALLERS, boxes(token, WARM_UP))
    pairs = []
    for _ in range(runs):
        base = await measure(plain, CALLERS, reads(BARE_REQUESTS, 0))
        load = await measure(ours, CALLERS, boxes(token, BOXES))
        pairs.append((load.per_second, base.per_second))
    return pairs
