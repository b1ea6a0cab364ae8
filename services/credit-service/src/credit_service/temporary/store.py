"""Temporary limits of customers and credit groups (spec 1.9)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from uuid import UUID

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
    if not groups:
        return {}
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
    work: Work, companies: list[str] | None, company: str | None, on: date, after: tuple[date, UUID] | None,
    limit: int | None,
) -> list[asyncpg.Record]:  # fmt: skip
    """Temporary limits of customers, and of groups that these companies own, that have not ended; by their end. All of
    them without a `limit`."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        """SELECT t.id, coalesce(t.company, g.owner_company) AS company, t.customer, t.credit_group, t.amount,
                  coalesce(g.currency, c.currency) AS currency, t.from_date, t.to_date, t.journal
           FROM temporary_limit t LEFT JOIN credit_group g ON g.name = t.credit_group
           LEFT JOIN company c ON c.company = t.company
           WHERE t.to_date >= $1 AND ($2::text[] IS NULL OR coalesce(t.company, g.owner_company) = ANY($2))
             AND ($3::text IS NULL OR coalesce(t.company, g.owner_company) = $3)
             AND ($4::date IS NULL OR (t.to_date, t.id) > ($4, $5::uuid)) ORDER BY t.to_date, t.id LIMIT $6""",
        on, companies, company, *(after or (None, None)), limit,
    )  # fmt: skip
    return rows


DUE = "((announced = 'no' AND from_date <= $2) OR (announced <> 'ended' AND to_date < $2))"


async def unannounced_of_customers(
    work: Work, company: str, as_of: date, customers: Collection[str] | None, limit: int
) -> list[asyncpg.Record]:
    """Temporary limits of a company's customers that have started or ended up to a day, unannounced."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        f"""SELECT id, customer FROM temporary_limit
            WHERE {DUE} AND company = $1 AND ($3::text[] IS NULL OR customer = ANY ($3))
            ORDER BY from_date, id LIMIT $4""",
        company,
        as_of,
        None if customers is None else sorted(customers),
        limit,
    )
    return rows


async def unannounced_of_groups(work: Work, company: str, as_of: date, limit: int) -> list[asyncpg.Record]:
    """Temporary limits of groups that a company owns which have started or ended up to a day, unannounced."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        f"""SELECT t.id, t.credit_group FROM temporary_limit t JOIN credit_group g ON g.name = t.credit_group
            WHERE {DUE} AND g.owner_company = $1 ORDER BY t.from_date, t.id LIMIT $3""",
        company,
        as_of,
        limit,
    )
    return rows


async def unannounced_of_journal(work: Work, journal: str, as_of: date) -> list[UUID]:
    """Temporary limits that a journal has given and that have started up to a day, unannounced."""
    rows = await work.conn.fetch(
        """SELECT id FROM temporary_limit WHERE announced = 'no' AND journal = $1 AND from_date <= $2
           ORDER BY from_date, id""",
        journal,
        as_of,
    )
    return [row["id"] for row in rows]


async def announce(work: Work, ids: Collection[UUID], as_of: date) -> list[asyncpg.Record]:
    """Keep that these limits, whose owners are locked, are announced; those that are by now are left out."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        f"""UPDATE temporary_limit t SET announced = CASE WHEN t.to_date < $2 THEN 'ended' ELSE 'started' END
            FROM (SELECT id, announced AS former FROM temporary_limit WHERE id = ANY ($1) AND {DUE}) f
            WHERE t.id = f.id RETURNING t.*, f.former""",
        sorted(ids),
        as_of,
    )
    return sorted(rows, key=lambda row: (row["from_date"], row["id"]))
