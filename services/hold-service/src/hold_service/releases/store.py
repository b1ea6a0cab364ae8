"""The SQL of actions on many holds."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from holdfast.database.work import Work


async def holds_of(work: Work, hold_ids: Collection[int]) -> list[asyncpg.Record]:
    """Company, customer, version and state of holds."""
    return list(await work.conn.fetch(
        "SELECT id, company, customer, version, active FROM hold WHERE id = ANY($1::bigint[])", list(hold_ids)
    ))  # fmt: skip


async def active_holds(
    work: Work, companies: list[str] | None, company: str | None, customer: str | None, limit: int
) -> list[asyncpg.Record]:
    """Active holds, the oldest first; `companies` None stands for all."""
    return list(await work.conn.fetch(
        """SELECT id, company, customer, version, active FROM hold
           WHERE active AND ($1::text[] IS NULL OR company = ANY($1)) AND ($2::text IS NULL OR company = $2)
             AND ($3::text IS NULL OR customer = $3) ORDER BY held_at, id LIMIT $4""",
        companies, company, customer, limit,
    ))  # fmt: skip
