"""The SQL of the parameters of credit holds."""

from __future__ import annotations

from typing import Any

import asyncpg

from holdfast.database.work import Work


async def read_parameters(work: Work, company: str) -> asyncpg.Record | None:
    """What a company has set, if it has set anything."""
    return await work.conn.fetchrow("SELECT version, settings FROM parameters WHERE company = $1", company)


async def write_parameters(work: Work, company: str, settings: dict[str, Any]) -> int:
    """Keep a company's parameters; answers their version."""
    version: int = await work.conn.fetchval(
        """INSERT INTO parameters AS p (company, version, settings) VALUES ($1, 1, $2)
           ON CONFLICT (company) DO UPDATE SET version = p.version + 1, settings = excluded.settings
           RETURNING version""",
        company,
        settings,
    )
    return version
