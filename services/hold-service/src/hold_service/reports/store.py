"""The SQL of the credit manager's reports (spec 5)."""

from __future__ import annotations

from datetime import date

import asyncpg

from hold_service.holds.ageing import AGE, DAY
from holdfast.database.work import Work
from holdfast.receivables.refresh import COUNTS

DAYS = 90
"""How long a period is whose first day is not said."""
SEEN = "($1::text[] IS NULL OR h.company = ANY($1)) AND ($2::text IS NULL OR h.company = $2)"
AGES = ((0, "today"), (1, "1-2 days"), (3, "3-7 days"), (8, "8-30 days"), (31, "over 30 days"))
SPAN = "CASE " + " ".join(f"WHEN days >= {days} THEN '{name}'" for days, name in reversed(AGES)) + " END"
TODAY = DAY.format("$5::timestamptz")
LAST = f"coalesce($4::date, {TODAY})"
ON = f"{DAY.format('h.closed_at')} BETWEEN coalesce($3::date, {LAST} - {DAYS}) AND {LAST}"
"""In business days of each company."""
OPEN = f"""
WITH found AS (
    SELECT h.*, {AGE.replace("$1", "$3")} AS days FROM hold h LEFT JOIN company c ON c.company = h.company
    WHERE h.active AND {SEEN})
"""
BY_COMPANY = f"""{OPEN}
SELECT company, order_currency AS currency, count(*) AS holds, sum(order_total) AS value, max(days) AS oldest_days
FROM found GROUP BY 1, 2 ORDER BY 1, 2
"""
BY_AGE = f"""{OPEN}
SELECT {SPAN} AS age, min(days) AS from_days, order_currency AS currency, count(*) AS holds, sum(order_total) AS value
FROM found GROUP BY 1, order_currency ORDER BY 2, 3
"""
BY_REASON = f"""{OPEN}
SELECT r.reason, f.order_currency AS currency, count(*) AS holds, sum(f.order_total) AS value
FROM found f JOIN hold_reason r ON r.hold_id = f.id AND r.active GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""
BY_VALUE = f"""{OPEN}
SELECT order_currency AS currency, round(power(10::numeric, floor(log(greatest(order_total, 1))))) AS from_value,
       count(*) AS holds, sum(order_total) AS value
FROM found GROUP BY 1, 2 ORDER BY 1, 2
"""
RELEASES = f"""
WITH released AS MATERIALIZED (
    SELECT h.id, h.company, h.order_no, h.closed_by, coalesce(h.release_reason, '') AS reason, h.order_currency,
           coalesce(h.released_amount, h.order_total) AS value, {TODAY} AS today
    FROM hold h LEFT JOIN company c ON c.company = h.company
    WHERE h.closed_as = 'released' AND {SEEN} AND {ON}
), billed AS (
    SELECT r.id, r.today, d.company, d.document FROM released r
    JOIN document d ON d.order_no = r.order_no AND d.company = r.company
    UNION
    SELECT r.id, r.today, o.company, o.document FROM released r
    JOIN document_order o ON o.order_no = r.order_no AND o.company = r.company
), paid AS (
    SELECT b.id, bool_and(d.open_amount <= 0) AS paid, bool_or(d.open_amount > 0 AND d.due_date < b.today) AS overdue,
           bool_or(d.open_amount <= 0 AND p.last > d.due_date) AS late
    FROM billed b
    JOIN document d ON d.document = b.document AND d.company = b.company
    CROSS JOIN LATERAL (
        SELECT max(s.settlement_date) AS last FROM settlement s
        WHERE s.company = d.company AND s.debit_document = d.document AND {COUNTS}) p
    WHERE d.is_debit GROUP BY b.id
)
SELECT r.company, r.closed_by AS released_by, r.reason, r.order_currency AS currency, count(*) AS releases,
       sum(r.value) AS value, count(*) FILTER (WHERE n.id IS NOT NULL) AS held_again,
       count(*) FILTER (WHERE o.cancelled) AS cancelled, count(*) FILTER (WHERE p.paid AND NOT p.late) AS paid,
       count(*) FILTER (WHERE p.paid AND p.late) AS paid_late, count(*) FILTER (WHERE p.overdue) AS overdue,
       count(*) FILTER (WHERE p.overdue OR p.late) AS later_overdue
FROM released r
LEFT JOIN paid p ON p.id = r.id
LEFT JOIN hold n ON n.order_no = r.order_no AND n.company = r.company AND n.previous_hold = r.id
LEFT JOIN sales_order o ON o.order_no = r.order_no AND o.company = r.company
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
TURNAROUND = f"""
SELECT h.company, h.closed_as, CASE WHEN h.closed_by = 'automatic' THEN 'automatic' ELSE 'by a person' END AS how,
       h.order_currency AS currency, count(*) AS holds, sum(h.order_total) AS value,
       round((avg(extract(epoch FROM h.closed_at - h.held_at)) / 3600)::numeric, 2) AS mean_hours,
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM h.closed_at - h.held_at)) / 3600)::numeric,
             2) AS median_hours,
       round((max(extract(epoch FROM h.closed_at - h.held_at)) / 3600)::numeric, 2) AS longest_hours
FROM hold h LEFT JOIN company c ON c.company = h.company
WHERE NOT h.active AND {SEEN} AND {ON}
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
Rows = list[asyncpg.Record]


async def open_holds(work: Work, companies: list[str] | None, company: str | None) -> dict[str, Rows]:
    """Active holds by company, age, reason and value; `companies` None stands for all."""
    found = {}
    for name, query in (
        ("by_company", BY_COMPANY),
        ("by_age", BY_AGE),
        ("by_reason", BY_REASON),
        ("by_value", BY_VALUE),
    ):
        found[name] = list(await work.conn.fetch(query, companies, company, work.business_now))
    return found


async def releases(
    work: Work, companies: list[str] | None, company: str | None, first: date | None, last: date | None
) -> Rows:
    """Releases of a period by user and reason, and what became of their orders."""
    return list(await work.conn.fetch(RELEASES, companies, company, first, last, work.business_now))


async def turnaround(
    work: Work, companies: list[str] | None, company: str | None, first: date | None, last: date | None
) -> Rows:
    """How long holds that ended in a period had waited."""
    return list(await work.conn.fetch(TURNAROUND, companies, company, first, last, work.business_now))
