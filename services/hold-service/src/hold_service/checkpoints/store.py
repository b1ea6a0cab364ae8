"""The SQL of checkpoints."""

from __future__ import annotations

import asyncpg

from holdfast.database.work import Work


async def read_checkpoint(work: Work, company: str, document: str, *, lock: bool = False) -> asyncpg.Record | None:
    """One checkpoint, if it was set up."""
    return await work.conn.fetchrow(
        f"SELECT * FROM checkpoint WHERE company = $1 AND document = $2{' FOR UPDATE' if lock else ''}",
        company,
        document,
    )


async def read_checkpoints(work: Work, company: str) -> list[asyncpg.Record]:
    """The checkpoints of a company that were set up."""
    return list(await work.conn.fetch("SELECT * FROM checkpoint WHERE company = $1", company))


async def write_checkpoint(
    work: Work, company: str, document: str, on_posting: bool, on_proforma: bool
) -> asyncpg.Record:
    """Set a checkpoint up, or change it."""
    row = await work.conn.fetchrow(
        """INSERT INTO checkpoint AS c (company, document, check_on_posting, check_on_proforma, version)
           VALUES ($1, $2, $3, $4, 1)
           ON CONFLICT (company, document) DO UPDATE
           SET check_on_posting = excluded.check_on_posting, check_on_proforma = excluded.check_on_proforma,
               version = c.version + 1
           RETURNING *""",
        company,
        document,
        on_posting,
        on_proforma,
    )
    assert row is not None
    return row
