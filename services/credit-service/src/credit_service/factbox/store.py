"""The SQL of fact boxes: all that is beside exposure and limits, in one statement however many they are."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

import asyncpg

from credit_service.exposure.aging import AGE
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

BOXES = """
SELECT w.company, w.customer,
       (SELECT row_to_json(s) FROM (
            SELECT as_of, dso_1::text, dso_2::text, dso_12::text, average_payment_days::text, average_days_late::text,
                   average_balance_1::text, average_balance_2::text, average_balance_12::text,
                   average_credit_limit_pct::text, average_exposure_pct::text, highest_balance::text,
                   highest_balance_date, calculated_at
            FROM customer_statistics WHERE customer = w.customer AND company = w.company) s) AS statistics,
       (SELECT row_to_json(r) FROM (
            SELECT k.risk_score::text, k.risk_group, g.description, g.indicator, k.calculated_at
            FROM customer_risk k LEFT JOIN risk_group g ON g.company = k.company AND g.id = k.risk_group
            WHERE k.customer = w.customer AND k.company = w.company) r) AS risk,
       (SELECT json_agg(json_build_array(a.currency, a.bucket, a.amount::text, a.items)) FROM (
            SELECT d.currency, @age@ AS bucket,
                   sum(d.open_amount) AS amount, count(*) AS items
            FROM document d
            WHERE d.customer = w.customer AND d.company = w.company AND d.is_debit AND d.open_amount <> 0
            GROUP BY 1, 2 ORDER BY 1, 2) a) AS aging,
       (SELECT json_build_array(d.document, d.amount::text, d.currency, d.document_date) FROM document d
        WHERE d.customer = w.customer AND d.company = w.company AND d.kind = 'payment' AND d.gone_date IS NULL
        ORDER BY d.document_date DESC, d.document DESC LIMIT 1) AS payment,
       (SELECT json_agg(json_build_array(h.currency, h.orders, h.amount::text)) FROM (
            SELECT o.currency, count(*) AS orders, sum(o.open_amount) AS amount FROM sales_order o
            WHERE o.customer = w.customer AND o.company = w.company AND (o.open_amount > 0 OR o.uninvoiced_amount > 0)
              AND o.credit_status = 'held'
            GROUP BY 1 ORDER BY 1) h) AS held
FROM unnest($1::text[], $2::text[], $3::date[]) AS w (company, customer, day)
""".replace("@age@", AGE.format(day="w.day"))
KEPT = """
SELECT f.known, f.grouped, f.state, CASE WHEN b.state = f.state THEN b.body END AS body
FROM (
    SELECT a.customer IS NOT NULL OR p.customer IS NOT NULL AS known, m.customer IS NOT NULL AS grouped,
           array_to_string(ARRAY[
               a.xmin::text, p.xmin::text, c.xmin::text, q.xmin::text, s.xmin::text, k.xmin::text, g.xmin::text,
               e.stamp::text, (t.now AT TIME ZONE coalesce(c.time_zone, 'UTC'))::date::text,
               (t.now AT TIME ZONE 'Etc/GMT+12')::date::text], '|', '-') AS state
    FROM (SELECT coalesce((SELECT simulated_at FROM business_clock), $3::timestamptz) AS now OFFSET 0) t
    LEFT JOIN account a ON a.customer = $2 AND a.company = $1
    LEFT JOIN credit_profile p ON p.customer = $2 AND p.company = $1
    LEFT JOIN credit_group_member m ON m.customer = $2 AND m.company = $1
    LEFT JOIN company c ON c.company = $1
    LEFT JOIN credit_parameters q ON q.company = $1
    LEFT JOIN customer_statistics s ON s.customer = $2 AND s.company = $1
    LEFT JOIN customer_risk k ON k.customer = $2 AND k.company = $1
    LEFT JOIN risk_group g ON g.company = $1 AND g.id = k.risk_group
    LEFT JOIN rate_stamp e ON e.id = 1) f
LEFT JOIN kept_fact_box b ON b.customer = $2 AND b.company = $1
"""
"""The state that a box shows: the transaction that has written each row it is made of (`xmin`; that of the account has
recomputed the customer's figures last), the stamp of the rates, and the business dates."""
STATES = f"""
SELECT w.company, w.customer, k.state FROM unnest($1::text[], $2::text[]) AS w (company, customer)
CROSS JOIN LATERAL ({KEPT.replace("$1", "w.company").replace("$2", "w.customer")} OFFSET 0) k
"""
KEEP = """
INSERT INTO kept_fact_box (company, customer, state, body)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
ON CONFLICT (customer, company) DO UPDATE SET state = excluded.state, body = excluded.body
"""


async def read_kept(conn: asyncpg.Pool, party: Party, now: datetime) -> asyncpg.Record:
    """Whether a customer is known and in a credit group, and their box if it is kept."""
    row: asyncpg.Record | None = await conn.fetchrow(KEPT, *party, now)
    assert row is not None
    return row


async def read_states(work: Work, parties: Collection[Party]) -> dict[Party, str]:
    """The states of the boxes of many customers."""
    rows = await work.conn.fetch(STATES, *columns(parties, 2), work.now)
    return {(row["company"], row["customer"]): row["state"] for row in rows}


async def keep_boxes(conn: asyncpg.Pool, boxes: Collection[tuple[str, str, str, str]]) -> None:
    """Keep boxes (company, customer, state, body) with the states that they show."""
    await conn.execute(KEEP, *columns(sorted(boxes), 4))


async def read_boxes(work: Work, wanted: Collection[tuple[str, str, date]]) -> dict[Party, asyncpg.Record]:
    """Statistics, risk, ages of what is open on a day, the newest payment and held orders of many customers."""
    rows = await work.conn.fetch(BOXES, *columns(wanted, 3))
    return {(row["company"], row["customer"]): row for row in rows}
