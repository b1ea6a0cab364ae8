"""The inbox: which events have taken effect. Its key is (source, id), since two ERPs may use the same id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.bus.envelope import Incoming
from holdfast.database.work import Work

Mark = tuple[str, str]


async def mark(work: Work, events: Sequence[Incoming[Any]]) -> set[Mark]:
    """Mark events as taken; answers the marks that are new. A repeat inside the batch is new once."""
    wanted = sorted({(event.source, event.id) for event in events})
    if not wanted:
        return set()
    rows = await work.conn.fetch(
        """INSERT INTO inbox (source, id, received_at) SELECT source, id, $3
           FROM unnest($1::text[], $2::text[]) AS wanted (source, id)
           ON CONFLICT DO NOTHING RETURNING source, id""",
        [source for source, _ in wanted],
        [event_id for _, event_id in wanted],
        work.now,
    )
    return {(row["source"], row["id"]) for row in rows}
