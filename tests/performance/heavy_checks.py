"""`POST /v1/credit-checks` where much is to be looked at: 200 rules, credit groups of 50 members, 10,000 open items."""

from __future__ import annotations

import asyncpg
from tests.performance.credit_checks import CUSTOMERS, checks, checks_of, compare, results, routes
from tests.performance.report import Result
from tests.performance.stage import COMPANY, hold_url, stage

MEMBERS, ITEMS, ORDERS = 50, 10_000, 50
SEED = f"""
INSERT INTO credit_parameters VALUES ('{COMPANY}', 1, '{{"check_customer_credit_groups": true}}');
INSERT INTO credit_group
SELECT 'G-' || n, 1, 'EUR', 1000000000, '2099-12-31', true, '[]', false, now()
FROM generate_series(0, {CUSTOMERS // MEMBERS - 1}) n;
INSERT INTO credit_group_member
SELECT '{COMPANY}', 'C-' || n, 'G-' || n % {CUSTOMERS // MEMBERS} FROM generate_series(1, {CUSTOMERS}) n;
INSERT INTO sales_order (company, order_no, customer, version, currency, total, credit_status, created_at)
SELECT '{COMPANY}', 'OPEN-' || n, 'C-' || n, 1, 'EUR', 100, 'passed', '2026-01-05T08:00:00Z'
FROM generate_series(1, {CUSTOMERS}) n;
UPDATE profile SET credit_management_group = 'M-' || right(customer, 1);
INSERT INTO rule (id, company, kind, rule_type, valid_for, account_or_group, value, currency, threshold_percent,
                  enabled, version, changed_at)
SELECT gen_random_uuid(), '{COMPANY}', k.kind, k.rule_type, v.valid_for,
       CASE v.valid_for WHEN 'table' THEN 'C-' || n WHEN 'group' THEN 'M-' || n % 10 END,
       k.value - n, k.currency, k.threshold, true, 1, now()
FROM (VALUES ('credit_limit_used', 'blocking', 1000, NULL, NULL), ('days_overdue', 'blocking', 3600, NULL, NULL),
             ('overdue_amount', 'blocking', 100000000, 'EUR', 90), ('sales_order', 'blocking', 100000000, 'EUR', NULL),
             ('days_overdue', 'exclusion', 100, NULL, NULL)) AS k (kind, rule_type, value, currency, threshold),
     (VALUES ('table', 18), ('group', 18), ('all', 4)) AS v (valid_for, count),
     LATERAL generate_series(1, v.count) n;
"""
OVERDUE = """
UPDATE document SET due_date = current_date - 12 WHERE document LIKE 'OPEN-%0-1';
UPDATE balance SET overdue = 500, oldest_due_date = current_date - 12, next_due_date = current_date + 20
WHERE customer LIKE '%0';
"""
"""One customer in ten is late, which all members of his group hear of."""
LARGE = f"""
DELETE FROM document WHERE customer = 'C-1';
INSERT INTO document (company, document, version, customer, kind, currency, amount, document_date, due_date,
                      open_amount)
SELECT '{COMPANY}', 'LARGE-' || n, 1, 'C-1', 'invoice', 'EUR', 500, current_date - 60 - n % 300,
       current_date - 30 - n % 300, 500
FROM generate_series(1, {ITEMS}) n;
UPDATE balance b SET open_debits = d.owed, balance = d.owed, debit_count = {ITEMS}, oldest_due_date = d.oldest,
                     overdue = d.owed, next_due_date = NULL
FROM (SELECT sum(open_amount) AS owed, min(due_date) AS oldest FROM document WHERE customer = 'C-1') d
WHERE b.customer = 'C-1';
INSERT INTO sales_order (company, order_no, customer, version, currency, total, created_at)
SELECT '{COMPANY}', 'SO-' || n, 'C-1', 1, 'EUR', 119, '2026-03-01T09:15:00Z' FROM generate_series(1, {ORDERS}) n;
"""
"""Open items of one customer, all of them overdue, and orders that are not checked yet."""


async def run(runs: int) -> list[Result]:
    """Each run: the bare route, then ours, at 8 and at 32 callers: for all customers, then for the one with many
    open items alone."""
    async with stage("postgres", CUSTOMERS) as stack:
        connection = await asyncpg.connect(hold_url(stack))
        await connection.execute(SEED)
        await connection.execute(OVERDUE)
        await connection.execute(LARGE)
        await connection.execute("ANALYZE")
        await connection.close()
        async with routes(stack) as (ours, plain):
            every = await compare(stack, runs, ours, plain, checks)
            large = await compare(stack, runs, ours, plain, _of_the_large)
    rules = "200 rules, groups of 50"
    return results(f"checks, {rules}", every) + results("checks, 10,000 items", large)


def _of_the_large(token: str, count: int, start: int) -> list[bytes]:
    return checks_of(token, [(1, f"SO-{n % ORDERS + 1}") for n in range(start, start + count)])
