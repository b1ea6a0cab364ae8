"""The SQL of the history of limits."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from credit_service.history.model import Noted
from holdfast.database.bulk import columns_of
from holdfast.database.work import Work

NOTE = """
INSERT INTO credit_limit_history (at, company, customer, credit_group, field, source, who, why, old_limit, new_limit,
                                  valid_from, valid_to, old_value, new_value)
SELECT $1, h.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                           $9::numeric[], $10::numeric[], $11::date[], $12::date[], $13::text[], $14::text[]) AS h
"""
PAGE = """
SELECT h.id, h.at, h.company, h.customer, h.credit_group, h.field, h.source, h.who, h.why, h.old_limit, h.new_limit,
       h.valid_from, h.valid_to, h.old_value, h.new_value, coalesce(g.currency, c.currency) AS currency
FROM credit_limit_history h LEFT JOIN company c ON c.company = h.company
LEFT JOIN credit_group g ON g.name = h.credit_group AND h.customer IS NULL
WHERE ($1::text[] IS NULL OR h.company = ANY($1)) AND ($2::text IS NULL OR h.company = $2)
  AND ($3::text IS NULL OR h.customer = $3) AND ($4::text IS NULL OR h.credit_group = $4)
  AND ($5::text IS NULL OR h.source = $5) AND ($6::text IS NULL OR h.field = $6)
  AND ($7::bigint IS NULL OR h.id < $7) ORDER BY h.id DESC LIMIT $8
"""


async def note(work: Work, rows: Sequence[Noted]) -> None:
    """Append to the history."""
    if rows:
        await work.conn.execute(NOTE, work.business_now, *columns_of(rows, *Noted.__slots__))


async def page_of_history(
    work: Work, companies: list[str] | None, company: str | None, customer: str | None, group: str | None,
    source: str | None, field: str | None, before: int | None, limit: int,
) -> list[asyncpg.Record]:  # fmt: skip
    """Changes of limits, the newest first; `companies` None stands for all."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        PAGE, companies, company, customer, group, source, field, before, limit
    )
    return rows
