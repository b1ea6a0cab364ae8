"""The SQL of holds that wait, and of the days on which a company's held orders were evaluated."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from hold_service.holds.store import LIST
from holdfast.database.work import Work
from holdfast.receivables.model import Party

DAY = "({} AT TIME ZONE coalesce(c.time_zone, 'UTC'))::date"
AGE = f"({DAY.format('$1::timestamptz')} - {DAY.format('h.held_at')})"
LEVEL = f"{AGE} / (p.settings->>'escalate_after_days')::int"
OWNER = "parameters p LEFT JOIN company c ON c.company = p.company"
DUE = f"p.company = h.company AND h.active AND {LEVEL} > h.escalations"
OVERDUE = f"SELECT h.id, h.company, h.customer FROM hold h, {OWNER} WHERE {DUE} ORDER BY h.held_at, h.id LIMIT $2"
ESCALATE = f"""
UPDATE hold h SET escalations = {LEVEL}, escalated_at = $1, version = h.version + 1
FROM {OWNER} WHERE h.id = ANY ($2::bigint[]) AND {DUE} RETURNING h.id, {AGE} AS days
"""
NEW_DAYS = f"""
INSERT INTO evaluated_day AS e (company, day)
SELECT w.company, {DAY.format("$1::timestamptz")}
FROM (SELECT DISTINCT company FROM hold WHERE active) w
LEFT JOIN company c ON c.company = w.company
LEFT JOIN parameters p ON p.company = w.company
WHERE coalesce((p.settings->>'evaluate_daily')::boolean, true)
ORDER BY w.company
ON CONFLICT (company) DO UPDATE SET day = excluded.day WHERE e.day < excluded.day
RETURNING e.company
"""


async def overdue(work: Work, most: int) -> list[asyncpg.Record]:
    """Holds that wait longer than their company allows, the oldest first; nothing is locked yet."""
    return list(await work.conn.fetch(OVERDUE, work.business_now, most))


async def escalate(work: Work, hold_ids: Sequence[int]) -> tuple[list[asyncpg.Record], dict[int, int]]:
    """Raise the level of those that are still overdue, now that their customers are locked.

    Answers these holds, and for how many business days each has waited.
    """
    days = {row["id"]: row["days"] for row in await work.conn.fetch(ESCALATE, work.business_now, hold_ids)}
    rows = await work.conn.fetch(f"{LIST} WHERE h.id = ANY($1::bigint[]) ORDER BY h.held_at, h.id", list(days))
    return list(rows), days


async def begin_days(work: Work) -> list[str]:
    """Companies with held orders whose business day has not been evaluated yet; noted as evaluated from now on."""
    return [row["company"] for row in await work.conn.fetch(NEW_DAYS, work.business_now)]


async def with_holds(work: Work, companies: Sequence[str]) -> set[Party]:
    """Every customer of these companies with a held order."""
    rows = await work.conn.fetch(
        "SELECT DISTINCT company, customer FROM hold WHERE active AND company = ANY($1::text[])", companies
    )
    return {(row["company"], row["customer"]) for row in rows}
