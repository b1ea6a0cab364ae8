"""The SQL of the credit manager's reports (spec 5)."""

from __future__ import annotations

from datetime import date, datetime

import asyncpg

from holdfast.database.work import Work

SEEN = "($1::text[] IS NULL OR h.company = ANY($1)) AND ($2::text IS NULL OR h.company = $2)"
AGES = ((0, "today"), (1, "1-2 days"), (3, "3-7 days"), (8, "8-30 days"), (31, "over 30 days"))
AGE = "CASE " + " ".join(f"WHEN days >= {days} THEN '{name}'" for days, name in reversed(AGES)) + " END"
OPEN = f"""
WITH found AS (
    SELECT h.*, floor(extract(epoch FROM $3::timestamptz - h.held_at) / 86400)::int AS days FROM hold h
    WHERE h.active AND {SEEN})
"""
BY_AGE = f"""{OPEN}
SELECT {AGE} AS age, min(days) AS from_days, order_currency AS currency, count(*) AS holds, sum(order_total) AS value
FROM found GROUP BY 1, order_currency ORDER BY 2, 3
"""
BY_REASON = f"""{OPEN}
SELECT r.reason, f.order_currency AS currency, count(*) AS holds, sum(f.order_total) AS value
FROM found f JOIN hold_reason r ON r.hold_id = f.id AND r.active GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""
BY_VALUE = f"""{OPEN}
SELECT order_currency AS currency, power(10, greatest(0, floor(log(greatest(order_total, 1)))))::numeric AS from_value,
       count(*) AS holds, sum(order_total) AS value
FROM found GROUP BY 1, 2 ORDER BY 1, 2
"""
RELEASES = f"""
WITH released AS (
    SELECT h.*, EXISTS (SELECT FROM hold n WHERE n.previous_hold = h.id) AS held_again,
           EXISTS (SELECT FROM sales_order o WHERE o.order_no = h.order_no AND o.company = h.company AND o.cancelled)
               AS cancelled,
           (SELECT bool_or(d.open_amount > 0 AND d.due_date < $5) FROM document d
            WHERE d.order_no = h.order_no AND d.company = h.company AND d.is_debit) AS overdue,
           (SELECT bool_and(d.open_amount <= 0) FROM document d
            WHERE d.order_no = h.order_no AND d.company = h.company AND d.is_debit) AS paid
    FROM hold h
    WHERE h.closed_as = 'released' AND {SEEN} AND h.closed_at >= $3 AND h.closed_at < $4)
SELECT closed_by AS released_by, coalesce(release_reason, '') AS reason, order_currency AS currency,
       count(*) AS releases, sum(coalesce(released_amount, order_total)) AS value,
       count(*) FILTER (WHERE held_again) AS held_again, count(*) FILTER (WHERE cancelled) AS cancelled,
       count(*) FILTER (WHERE paid) AS paid, count(*) FILTER (WHERE overdue) AS overdue
FROM released GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
TURNAROUND = f"""
SELECT h.closed_as, CASE WHEN h.closed_by = 'automatic' THEN 'automatic' ELSE 'by a person' END AS how,
       h.order_currency AS currency, count(*) AS holds, sum(h.order_total) AS value,
       round((avg(extract(epoch FROM h.closed_at - h.held_at)) / 3600)::numeric, 2) AS mean_hours,
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM h.closed_at - h.held_at)) / 3600)::numeric,
             2) AS median_hours,
       round((max(extract(epoch FROM h.closed_at - h.held_at)) / 3600)::numeric, 2) AS longest_hours
FROM hold h WHERE NOT h.active AND {SEEN} AND h.closed_at >= $3 AND h.closed_at < $4
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
Rows = list[asyncpg.Record]


async def open_holds(work: Work, companies: list[str] | None, company: str | None) -> dict[str, Rows]:
    """Active holds by age, reason and value; `companies` None stands for all."""
    found = {}
    for name, query in (("by_age", BY_AGE), ("by_reason", BY_REASON), ("by_value", BY_VALUE)):
        found[name] = list(await work.conn.fetch(query, companies, company, work.business_now))
    return found


async def releases(
    work: Work, companies: list[str] | None, company: str | None, since: datetime, until: datetime, today: date
) -> Rows:
    """Releases of a period by user and reason, and what became of their orders."""
    return list(await work.conn.fetch(RELEASES, companies, company, since, until, today))


async def turnaround(
    work: Work, companies: list[str] | None, company: str | None, since: datetime, until: datetime
) -> Rows:
    """How long holds that ended in a period had waited."""
    return list(await work.conn.fetch(TURNAROUND, companies, company, since, until))
