"""The SQL of reasons."""

from __future__ import annotations

import asyncpg

from holdfast.database.work import Work


async def read_reason(work: Work, company: str, kind: str, reason: str) -> asyncpg.Record | None:
    """One reason of a company."""
    return await work.conn.fetchrow(
        "SELECT * FROM reason WHERE company = $1 AND type = $2 AND id = $3",
        company,
        kind,
        reason,
    )


async def reasons_of(work: Work, company: str) -> list[asyncpg.Record]:
    """All reasons of a company."""
    return list(await work.conn.fetch("SELECT * FROM reason WHERE company = $1 ORDER BY type, id", company))


async def write_reason(work: Work, company: str, kind: str, reason: str, description: str) -> asyncpg.Record:
    """Insert or change a reason."""
    row = await work.conn.fetchrow(
        """INSERT INTO reason AS r (company, type, id, description, version) VALUES ($1, $2, $3, $4, 1)
           ON CONFLICT (company, type, id) DO UPDATE SET description = excluded.description, version = r.version + 1
           RETURNING *""",
        company,
        kind,
        reason,
        description,
    )
    assert row is not None
    return row


async def delete_reason(work: Work, company: str, kind: str, reason: str) -> None:
    """Remove a reason; holds keep what they name."""
    await work.conn.execute("DELETE FROM reason WHERE company = $1 AND type = $2 AND id = $3", company, kind, reason)
