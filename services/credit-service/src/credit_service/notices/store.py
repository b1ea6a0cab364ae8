"""The SQL of dates that fall due: what was not announced yet, and what now is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

import asyncpg

from holdfast.database.bulk import columns
from holdfast.database.work import Work

PROFILE = """SELECT company, customer, '' AS subject, {column} AS due_date, credit_limit, NULL::jsonb AS policy
FROM credit_profile WHERE {column} <= $2"""
POLICY = """SELECT company, customer, id::text AS subject, expires_on AS due_date, NULL::numeric AS credit_limit,
    jsonb_build_object(
    'id', id, 'kind', kind, 'value', value::text, 'currency', currency,
    'update_credit_limit_pct', update_credit_limit_pct::text, 'included_in_exposure', included_in_exposure,
    'effective_from', effective_from, 'expires_on', expires_on) AS policy
FROM credit_policy WHERE expires_on <= $2"""
SOURCES = {
    "limit-expiring": PROFILE.format(column="credit_limit_expiry_date"),
    "limit-expired": PROFILE.format(column="credit_limit_expiry_date"),
    "suspension-ended": PROFILE.format(column="ignore_until_date"),
    "policy-expiring": POLICY,
    "policy-expired": POLICY,
    "review-due": PROFILE.format(column="next_review_date"),
}
"""Dates up to `$2`, by kind of notice."""
NEW = """
SELECT d.* FROM ({source}) d
WHERE d.company = $1 AND ($3::text[] IS NULL OR d.customer = ANY ($3)) AND NOT EXISTS (
    SELECT FROM credit_notice n
    WHERE n.customer = d.customer AND n.company = d.company AND n.kind = $4 AND n.subject = d.subject
      AND n.due_date = d.due_date)
ORDER BY d.due_date, d.customer, d.subject LIMIT $5
"""


async def unannounced(
    work: Work, kind: str, company: str, until: date, customers: Collection[str] | None, limit: int
) -> list[asyncpg.Record]:
    """What falls due up to a day and was not announced: customer, subject, due_date, and the policy if it is one."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        NEW.format(source=SOURCES[kind]), company, until, None if customers is None else sorted(customers), kind, limit
    )
    return rows


async def note(work: Work, kind: str, rows: Sequence[asyncpg.Record]) -> None:
    """Keep that these are announced."""
    await work.conn.execute(
        """INSERT INTO credit_notice (kind, announced_at, company, customer, subject, due_date)
           SELECT $1, $2, d.* FROM unnest($3::text[], $4::text[], $5::text[], $6::date[]) AS d""",
        kind,
        work.business_now,
        *columns([(row["company"], row["customer"], row["subject"], row["due_date"]) for row in rows], 4),
    )
