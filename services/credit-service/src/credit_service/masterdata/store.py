"""The SQL of master data."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

import asyncpg

from holdfast.database.bulk import columns
from holdfast.database.work import Work

Lock = Literal["", "FOR NO KEY UPDATE", "FOR UPDATE"]


async def entries(work: Work, company: str, name: str) -> list[asyncpg.Record]:
    """A list of a company."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        "SELECT id, fields, version FROM master_data WHERE list = $1 AND company = $2 ORDER BY id", name, company
    )
    return rows


async def read_entry(work: Work, company: str, name: str, code: str, lock: Lock = "") -> asyncpg.Record | None:
    """One entry; a change of it waits for no one who names it, its removal does."""
    return await work.conn.fetchrow(
        f"SELECT id, fields, version FROM master_data WHERE list = $1 AND company = $2 AND id = $3 {lock}",
        name,
        company,
        code,
    )


async def read_entries(
    work: Work, company: str, wanted: Collection[tuple[str, str]]
) -> dict[tuple[str, str], dict[str, Any]]:
    """The fields of entries by list and id; those that do not exist are absent. They stay until this transaction ends,
    so that it may name them."""
    if not wanted:
        return {}
    rows = await work.conn.fetch(
        """SELECT m.list, m.id, m.fields FROM unnest($2::text[], $3::text[]) AS w (list, id)
           JOIN master_data m ON m.list = w.list AND m.company = $1 AND m.id = w.id
           FOR KEY SHARE OF m""",
        company,
        *columns(sorted(wanted), 2),
    )
    return {(row["list"], row["id"]): row["fields"] for row in rows}


async def write_entry(work: Work, company: str, name: str, code: str, fields: dict[str, Any], version: int) -> bool:
    """Keep a new version; False when somebody else was first."""
    written = await work.conn.fetchval(
        """INSERT INTO master_data AS m (list, company, id, fields, version) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (list, company, id) DO UPDATE SET fields = excluded.fields, version = excluded.version
           WHERE m.version = excluded.version - 1 RETURNING true""",
        name, company, code, fields, version,
    )  # fmt: skip
    return bool(written)


async def delete_entry(work: Work, company: str, name: str, code: str) -> None:
    """Remove an entry."""
    await work.conn.execute("DELETE FROM master_data WHERE list = $1 AND company = $2 AND id = $3", name, company, code)
