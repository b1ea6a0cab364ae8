"""The SQL of adjustment schedules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import asyncpg

from holdfast.database.work import Work

READ = """
SELECT company, id, enabled, fields, next_on, set_by, version, last_run_on, last_journal, last_lines
FROM adjustment_schedule
"""


async def schedules_of(work: Work, company: str) -> Sequence[asyncpg.Record]:
    """The schedules of a company."""
    found: Sequence[asyncpg.Record] = await work.conn.fetch(f"{READ} WHERE company = $1 ORDER BY id", company)
    return found


async def read_schedule(work: Work, company: str, code: str, *, lock: bool = False) -> asyncpg.Record | None:
    """One schedule."""
    return await work.conn.fetchrow(
        f"{READ} WHERE company = $1 AND id = $2{' FOR UPDATE' if lock else ''}", company, code
    )


async def next_due(work: Work, company: str, after: str | None, day: date) -> asyncpg.Record | None:
    """The next schedule, by name, that falls due by a day, locked."""
    return await work.conn.fetchrow(
        f"""{READ} WHERE company = $1 AND enabled AND next_on <= $2 AND ($3::text IS NULL OR id > $3)
            ORDER BY id LIMIT 1 FOR UPDATE""",
        company, day, after,
    )  # fmt: skip


async def write_schedule(
    work: Work, company: str, code: str, fields: dict[str, Any], next_on: date | None, by: str, version: int
) -> bool:
    """Keep a new version; False when somebody else was first."""
    written = await work.conn.fetchval(
        """INSERT INTO adjustment_schedule AS s (company, id, enabled, fields, next_on, set_by, version)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (company, id) DO UPDATE
           SET enabled = excluded.enabled, fields = excluded.fields, next_on = excluded.next_on,
               set_by = excluded.set_by, version = excluded.version
           WHERE s.version = excluded.version - 1 RETURNING true""",
        company, code, fields["enabled"], fields, next_on, by, version,
    )  # fmt: skip
    return bool(written)


async def has_run(
    work: Work, company: str, code: str, day: date, next_on: date | None, journal: str | None, lines: int
) -> None:
    """Keep what a run has made, and when the next one is."""
    await work.conn.execute(
        """UPDATE adjustment_schedule SET last_run_on = $3, next_on = $4, last_journal = $5, last_lines = $6
           WHERE company = $1 AND id = $2""",
        company, code, day, next_on, journal, lines,
    )  # fmt: skip


async def delete_schedule(work: Work, company: str, code: str) -> None:
    """Forget a schedule; the journals that it has made stay."""
    await work.conn.execute("DELETE FROM adjustment_schedule WHERE company = $1 AND id = $2", company, code)
