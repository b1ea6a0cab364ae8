"""The SQL of holds that wait."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from hold_service.holds.store import LIST
from holdfast.database.work import Work
from holdfast.receivables.model import Party

DUE = """
h.active AND (p.settings->>'escalate_after_days') IS NOT NULL
AND h.held_at + make_interval(days => (p.settings->>'escalate_after_days')::int * (h.escalations + 1)) <= $1
"""
OVERDUE = f"""
SELECT h.id, h.company, h.customer FROM hold h JOIN parameters p ON p.company = h.company
WHERE {DUE} ORDER BY h.held_at, h.id LIMIT $2
"""
ESCALATE = f"""
UPDATE hold h SET escalations = h.escalations + 1, escalated_at = $1, version = h.version + 1
FROM parameters p WHERE p.company = h.company AND h.id = ANY ($2::bigint[]) AND {DUE} RETURNING h.id
"""


async def overdue(work: Work, most: int) -> list[asyncpg.Record]:
    """Holds that wait longer than their company allows, the oldest first; nothing is locked yet."""
    return list(await work.conn.fetch(OVERDUE, work.business_now, most))


async def escalate(work: Work, hold_ids: Sequence[int]) -> list[asyncpg.Record]:
    """Count the escalation of those that are still overdue, now that their customers are locked."""
    done = [row["id"] for row in await work.conn.fetch(ESCALATE, work.business_now, hold_ids)]
    return list(await work.conn.fetch(f"{LIST} WHERE h.id = ANY($1::bigint[]) ORDER BY h.held_at, h.id", done))


async def with_holds(work: Work) -> set[Party]:
    """Every customer with a held order."""
    rows = await work.conn.fetch("SELECT DISTINCT company, customer FROM hold WHERE active")
    return {(row["company"], row["customer"]) for row in rows}
