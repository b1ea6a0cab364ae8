"""`GET /v1/fact-boxes/…` of customers with 1,000 open items against a bare route that does one indexed SELECT: as it is
kept, after the customer has changed, and of members of a credit group of 50."""

from __future__ import annotations

from collections.abc import Iterable

import asyncpg
from tests.performance.credit_checks import measure, reads
from tests.performance.load import Load, request
from tests.performance.report import Result, result
from tests.performance.stage import COMPANY, bare, credit_url, service, stage

from holdfast.platform.processes import free_port
from holdfast.platform.stack import Stack
from holdfast.web.auth import issue_token

CUSTOMERS, LARGE, MEMBERS, ITEMS, CALLERS, GOAL = 20_000, 500, 50, 1_000, 8, 0.33
"""The first `LARGE` customers have that many open items, the `MEMBERS` after them share a limit."""
BARE_REQUESTS, BOXES, CHANGES, WARM_UP = 8_000, 4_000, 4, 300
SEED = f"""
INSERT INTO company (company, version, name, currency, time_zone, country, exchange_rate_type, live_version, live)
VALUES ('{COMPANY}', 1, 'Benchmark', 'EUR', 'Europe/Berlin', 'DE', 'default', 1, true);
INSERT INTO account (company, customer) SELECT '{COMPANY}', 'C-' || n FROM generate_series(1, {CUSTOMERS}) n;
INSERT INTO credit_profile (company, customer, version, currency, credit_limit, changed_at, changed_by)
SELECT '{COMPANY}', 'C-' || n, 1, 'EUR', 1000000, now(), 'bench' FROM generate_series(1, {CUSTOMERS}) n;
INSERT INTO document (company, document, version, customer, kind, currency, amount, document_date, due_date,
                      open_amount)
SELECT '{COMPANY}', 'I-' || c || '-' || n, 1, 'C-' || c, 'invoice', 'EUR', 500, current_date - n % 200,
       current_date + 30 - n % 200, 500
FROM generate_series(1, {LARGE}) c, generate_series(1, {ITEMS}) n;
INSERT INTO document (company, document, version, customer, kind, currency, amount, document_date, open_amount)
SELECT '{COMPANY}', 'P-' || c || '-' || n, 1, 'C-' || c, 'payment', 'EUR', 500, current_date - 300 - n % 200, 0
FROM generate_series(1, {LARGE}) c, generate_series(1, {ITEMS}) n;
INSERT INTO document (company, document, version, customer, kind, currency, amount, document_date, due_date,
                      open_amount)
SELECT '{COMPANY}', 'O-' || n || '-' || i, 1, 'C-' || n, 'invoice', 'EUR', 500, '2026-01-02', '2026-02-01', 500
FROM generate_series({LARGE} + 1, {CUSTOMERS}) n, generate_series(1, 3) i;
INSERT INTO balance (company, customer, currency, open_debits, open_credits, balance, debit_count, credit_count,
                     oldest_due_date)
SELECT company, customer, 'EUR', sum(open_amount), 0, sum(open_amount), count(*), 0, min(due_date)
FROM document WHERE open_amount <> 0 GROUP BY 1, 2;
INSERT INTO sales_order (company, order_no, customer, version, currency, total, credit_status, created_at)
SELECT '{COMPANY}', 'SO-' || c || '-' || n, 'C-' || c, 1, 'EUR', 100, 'passed', now()
FROM generate_series(1, {LARGE} + {MEMBERS}) c, generate_series(1, 20) n;
INSERT INTO customer_statistics (company, customer, as_of, dso_1, highest_balance, highest_balance_date, calculated_at)
SELECT '{COMPANY}', 'C-' || c, current_date, 42, 600000, current_date, now()
FROM generate_series(1, {LARGE} + {MEMBERS}) c;
INSERT INTO credit_group VALUES ('G', '{COMPANY}', '', 'EUR', 1000000, '2099-12-31', false, 1);
INSERT INTO credit_group_member SELECT '{COMPANY}', 'C-' || c, 'G'
FROM generate_series({LARGE} + 1, {LARGE} + {MEMBERS}) c;
"""


CHANGED = "UPDATE account SET figures = figures + 1"


async def run(runs: int) -> list[Result]:
    """Each run: the bare route, then the fact box as it is kept, after changes and in a group, 8 callers each."""
    async with stage("postgres", CUSTOMERS) as stack:
        connection = await asyncpg.connect(credit_url(stack))
        await connection.execute(SEED)
        await connection.execute("VACUUM ANALYZE")
        ours, plain = stack.port("credit-service"), free_port()
        async with service(stack, "credit-service", "api", port=ours), bare(stack, "api", port=plain):
            pairs = await _pairs(stack, connection, runs, ours, plain)
        await connection.close()
    names = (f"fact box, {ITEMS} open items", "fact box, after a change", f"fact box, a group of {MEMBERS}")
    return [
        result(name, "http", "req/s", list(found), GOAL)
        for name, found in zip(names, zip(*pairs, strict=True), strict=True)
    ]


def boxes(token: str, customers: Iterable[int]) -> list[bytes]:
    """Whole requests for the boxes of these customers."""
    headers = {"authorization": f"Bearer {token}"}
    return [request("GET", f"/v1/fact-boxes/{COMPANY}/C-{n}", headers) for n in customers]


async def _pairs(
    stack: Stack, connection: asyncpg.Connection, runs: int, ours: int, plain: int
) -> list[list[tuple[float, float]]]:
    token = issue_token(stack.settings(), "bench", ["see"])
    members = [LARGE + 1 + n % MEMBERS for n in range(MEMBERS * 20)]
    await measure(plain, CALLERS, reads(WARM_UP, 0))
    await measure(ours, CALLERS, boxes(token, range(1, WARM_UP + 1)))
    pairs = []
    for _ in range(runs):
        base = await measure(plain, CALLERS, reads(BARE_REQUESTS, 0))
        kept = await measure(ours, CALLERS, boxes(token, [1] * BOXES))
        anew = [await _after_a_change(connection, ours, token) for _ in range(CHANGES)]
        shared = await measure(ours, CALLERS, boxes(token, members))
        found = (kept.per_second, CHANGES * LARGE / sum(load.seconds for load in anew), shared.per_second)
        pairs.append([(each, base.per_second) for each in found])
    return pairs


async def _after_a_change(connection: asyncpg.Connection, port: int, token: str) -> Load:
    await connection.execute(CHANGED)
    return await measure(port, CALLERS, boxes(token, range(1, LARGE + 1)))
