"""The SQL of policies: insurance and guarantees (spec 1.8)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg

from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.limits import Policy
from holdfast.receivables.model import Party

FIELDS = ("company", "customer", "kind", "type", "coverage_type", "insurer_guarantor", "identification",
          "effective_from", "expires_on", "value", "currency", "update_credit_limit_pct",
          "included_in_exposure")  # fmt: skip
TYPES = {"effective_from": "date", "expires_on": "date", "value": "numeric", "update_credit_limit_pct": "numeric",
         "included_in_exposure": "boolean"}  # fmt: skip
WRITE = (
    f"INSERT INTO credit_policy (id, version, {', '.join(FIELDS)}) SELECT * FROM unnest($1::uuid[], $2::bigint[], "
    + ", ".join(f"${n}::{TYPES.get(name, 'text')}[]" for n, name in enumerate(FIELDS, 3))
    + ") ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in ("version", *FIELDS[2:]))
    + " RETURNING *"
)


async def policies_of(work: Work, parties: Collection[Party], on: date) -> dict[Party, list[Policy]]:
    """Policies of customers that have not expired."""
    rows = await work.conn.fetch(
        """SELECT p.* FROM unnest($1::text[], $2::text[]) AS w (company, customer)
           CROSS JOIN LATERAL (
               SELECT company, customer, id::text, kind, value, currency, update_credit_limit_pct,
                      included_in_exposure, effective_from, expires_on FROM credit_policy
               WHERE customer = w.customer AND company = w.company AND expires_on >= $3
               ORDER BY effective_from, id OFFSET 0) p""",
        *columns(sorted(parties), 2),
        on,
    )
    found: dict[Party, list[Policy]] = {}
    for company, customer, *rest in rows:
        found.setdefault((company, customer), []).append(Policy(*rest))
    return found


async def read_policy(work: Work, number: UUID) -> asyncpg.Record | None:
    """One policy."""
    return await work.conn.fetchrow("SELECT * FROM credit_policy WHERE id = $1", number)


async def page_of_policies(
    work: Work, companies: list[str] | None, company: str | None, customer: str | None,
    expires: tuple[date | None, date | None], after: tuple[date, UUID] | None, limit: int,
) -> list[asyncpg.Record]:  # fmt: skip
    """Policies by their expiry, of those that expire between two days."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        """SELECT * FROM credit_policy
           WHERE ($1::text[] IS NULL OR company = ANY($1)) AND ($2::text IS NULL OR company = $2)
             AND ($3::text IS NULL OR customer = $3)
             AND ($4::date IS NULL OR expires_on >= $4) AND ($5::date IS NULL OR expires_on <= $5)
             AND ($6::date IS NULL OR (expires_on, id) > ($6, $7::uuid)) ORDER BY expires_on, id LIMIT $8""",
        companies, company, customer, *expires, *(after or (None, None)), limit,
    )  # fmt: skip
    return rows


async def write_policies(work: Work, wanted: Sequence[tuple[UUID, int, dict[str, Any]]]) -> list[asyncpg.Record]:
    """Keep new versions (number, version, fields); the customers are locked. Answers the rows in the same order."""
    given = [(number, version, *(fields[name] for name in FIELDS)) for number, version, fields in wanted]
    rows = await work.conn.fetch(WRITE, *columns(given, len(FIELDS) + 2))
    found = {row["id"]: row for row in rows}
    return [found[number] for number, _, _ in wanted]


async def policies_by_number(work: Work, company: str, numbers: Collection[UUID]) -> dict[UUID, asyncpg.Record]:
    """Many policies of a company."""
    rows = await work.conn.fetch(
        "SELECT * FROM credit_policy WHERE id = ANY($1::uuid[]) AND company = $2", sorted(numbers), company
    )
    return {row["id"]: row for row in rows}


async def policies_of_customers(work: Work, company: str, customers: Collection[str]) -> list[asyncpg.Record]:
    """All policies of many customers of a company."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        "SELECT * FROM credit_policy WHERE customer = ANY($1::text[]) AND company = $2", sorted(customers), company
    )
    return rows


async def delete_policy(work: Work, number: UUID) -> None:
    """Remove a policy."""
    await work.conn.execute("DELETE FROM credit_policy WHERE id = $1", number)
