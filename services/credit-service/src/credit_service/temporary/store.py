"""Temporary limits of customers and credit groups (spec 1.9)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import asyncpg

from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.limits import Temporary
from holdfast.receivables.model import Party


async def temporary_of(work: Work, parties: Collection[Party], on: date) -> dict[Party, list[Temporary]]:
    """Active and future temporary limits of customers, company currency."""
    rows = await work.conn.fetch(
        """SELECT t.* FROM unnest($1::text[], $2::text[]) AS w (company, customer)
           CROSS JOIN LATERAL (
               SELECT company, customer, id::text, amount, from_date, to_date FROM temporary_limit
               WHERE customer = w.customer AND company = w.company AND to_date >= $3
               ORDER BY from_date OFFSET 0) t""",
        *columns(sorted(parties), 2),
        on,
    )
    found: dict[Party, list[Temporary]] = {}
    for company, customer, *rest in rows:
        found.setdefault((company, customer), []).append(Temporary(*rest))
    return found


async def temporary_of_groups(work: Work, groups: Collection[str], on: date) -> dict[str, list[Temporary]]:
    """Active and future temporary limits of credit groups, group currency."""
    rows = await work.conn.fetch(
        """SELECT t.* FROM unnest($1::text[]) AS w (name)
           CROSS JOIN LATERAL (
               SELECT credit_group, id::text, amount, from_date, to_date FROM temporary_limit
               WHERE credit_group = w.name AND to_date >= $2 ORDER BY from_date OFFSET 0) t""",
        sorted(groups),
        on,
    )
    found: dict[str, list[Temporary]] = {}
    for group, *rest in rows:
        found.setdefault(group, []).append(Temporary(*rest))
    return found


async def page_of_temporary(
    work: Work, companies: list[str] | None, company: str | None, on: date, limit: int
) -> list[asyncpg.Record]:
    """Active and future temporary limits of customers, by their end."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        """SELECT id, company, customer, amount, from_date, to_date, journal FROM temporary_limit
           WHERE to_date >= $1 AND customer IS NOT NULL AND ($2::text[] IS NULL OR company = ANY($2))
             AND ($3::text IS NULL OR company = $3) ORDER BY to_date, id LIMIT $4""",
        on,
        companies,
        company,
        limit,
    )
    return rows
