"""The SQL of rankings."""

from __future__ import annotations

import asyncpg

from holdfast.database.work import Work


async def read_ranking(work: Work, company: str, subject: str) -> asyncpg.Record | None:
    """The ranking of a company, if it has one."""
    return await work.conn.fetchrow(
        "SELECT version, ranks FROM ranking WHERE company = $1 AND subject = $2",
        company,
        subject,
    )


async def write_ranking(work: Work, company: str, subject: str, ranks: dict[str, int]) -> int:
    """Keep a ranking; answers its version."""
    version: int = await work.conn.fetchval(
        """INSERT INTO ranking AS r (company, subject, version, ranks) VALUES ($1, $2, 1, $3)
           ON CONFLICT (company, subject) DO UPDATE SET version = r.version + 1, ranks = excluded.ranks
           RETURNING version""",
        company,
        subject,
        ranks,
    )
    return version
