"""The SQL of the fact box: all that is beside exposure and limits, in one statement."""

from __future__ import annotations

from datetime import date

import asyncpg

from holdfast.database.work import Work
from holdfast.receivables.model import Party

BOX = """
SELECT (SELECT row_to_json(s) FROM (
            SELECT as_of, dso_1::text, dso_2::text, dso_12::text, average_payment_days::text,
                   average_balance_1::text, average_balance_2::text, average_balance_12::text,
                   average_credit_limit_pct::text, average_exposure_pct::text, highest_balance::text,
                   highest_balance_date, calculated_at
            FROM customer_statistics WHERE customer = $2 AND company = $1) s) AS statistics,
       (SELECT row_to_json(r) FROM (
            SELECT k.risk_score::text, k.risk_group, g.description, g.indicator, k.calculated_at
            FROM customer_risk k LEFT JOIN risk_group g ON g.company = k.company AND g.id = k.risk_group
            WHERE k.customer = $2 AND k.company = $1) r) AS risk,
       (SELECT json_agg(json_build_array(a.currency, a.bucket, a.amount::text, a.items)) FROM (
            SELECT d.currency, CASE WHEN d.due_date IS NULL OR d.due_date >= $3 THEN 0
                                    WHEN d.due_date >= $3 - 30 THEN 1 WHEN d.due_date >= $3 - 60 THEN 2
                                    WHEN d.due_date >= $3 - 90 THEN 3 ELSE 4 END AS bucket,
                   sum(d.open_amount) AS amount, count(*) AS items
            FROM document d
            WHERE d.customer = $2 AND d.company = $1 AND d.is_debit AND d.open_amount <> 0
            GROUP BY 1, 2 ORDER BY 1, 2) a) AS aging,
       (SELECT json_build_array(d.document, d.amount::text, d.currency, d.document_date) FROM document d
        WHERE d.customer = $2 AND d.company = $1 AND d.kind = 'payment' AND d.gone_date IS NULL
        ORDER BY d.document_date DESC, d.document DESC LIMIT 1) AS payment,
       (SELECT json_agg(json_build_array(h.currency, h.orders, h.amount::text)) FROM (
            SELECT o.currency, count(*) AS orders, sum(o.open_amount) AS amount FROM sales_order o
            WHERE o.customer = $2 AND o.company = $1 AND (o.open_amount > 0 OR o.uninvoiced_amount > 0)
              AND o.credit_status = 'held'
            GROUP BY 1 ORDER BY 1) h) AS held
"""
"""Buckets of age in days past due: not due, 1-30, 31-60, 61-90, more; an item without a due date is not due."""


async def read_box(work: Work, party: Party, on: date) -> asyncpg.Record:
    """Statistics, risk, ages of what is open, the newest payment and held orders of a customer."""
    row: asyncpg.Record | None = await work.conn.fetchrow(BOX, *party, on)
    assert row is not None
    return row
