"""The SQL of policies: insurance and guarantees (spec 1.8)."""

from __future__ import annotations

from collections.abc import Collection
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


async def write_policy(work: Work, number: UUID, fields: dict[str, Any], version: int) -> asyncpg.Record:
    """Keep a new version; the customer is locked."""
    changes = ", ".join(f"{name} = excluded.{name}" for name in (*FIELDS[2:], "version"))
    values = ", ".join(f"${n}" for n in range(1, len(FIELDS) + 3))
    row = await work.conn.fetchrow(
        f"""INSERT INTO credit_policy (id, {", ".join(FIELDS)}, version) VALUES ({values})
            ON CONFLICT (id) DO UPDATE SET {changes} RETURNING *""",
        number,
        *[fields[name] for name in FIELDS],
        version,
    )
    assert row is not None
    return row


async def delete_policy(work: Work, number: UUID) -> None:
    """Remove a policy."""
    await work.conn.execute("DELETE FROM credit_policy WHERE id = $1", number)
