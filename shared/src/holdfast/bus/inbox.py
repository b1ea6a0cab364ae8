"""The inbox: which events have taken effect. Its key is (source, id), since two ERPs may use the same id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from holdfast.bus.envelope import Incoming
from holdfast.database.work import Work

Mark = tuple[str, str]
TAKE = """
INSERT INTO inbox (source, id, received_at)
SELECT source, id, $3 FROM unnest($1::text[], $2::text[]) AS wanted (source, id)
ON CONFLICT DO NOTHING RETURNING source, id
"""
NAMES = """
SELECT count(*) AS marked,
       CASE WHEN count(*) < $4 THEN array_agg(source) END AS sources,
       CASE WHEN count(*) < $4 THEN array_agg(id) END AS ids
FROM marked
"""
MARK = f"WITH marked AS ({TAKE}) {NAMES}"
"""Names the new marks only where some were known before: mostly none was."""


async def mark(work: Work, events: Sequence[Incoming[Any]]) -> set[Mark]:
    """Mark events as taken; answers the marks that are new. A repeat inside the batch is new once."""
    wanted = sorted({event.mark for event in events})
    if not wanted:
        return set()
    (row,) = await work.conn.fetch(MARK, *arguments(work, wanted))
    return fresh(row, wanted)


def arguments(work: Work, wanted: Sequence[Mark]) -> list[Any]:
    """What `MARK` is called with."""
    return [[source for source, _ in wanted], [event_id for _, event_id in wanted], work.now, len(wanted)]


def fresh(row: asyncpg.Record, wanted: Sequence[Mark]) -> set[Mark]:
    """The marks that are new by the answer of `MARK`."""
    if row["marked"] == len(wanted):
        return set(wanted)
    return set(zip(row["sources"] or (), row["ids"] or (), strict=True))
