"""The inbox: which events have taken effect. Its key is (source, id), since two ERPs may use the same id.

Beside each mark stands a digest of what tells its event from another that was given the same id by mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import asyncpg

from holdfast.bus.envelope import Incoming
from holdfast.bus.undigestible import Undigestible
from holdfast.contracts.refusals import shorten
from holdfast.database.work import Work

Mark = tuple[str, str]
Wanted = Mapping[Mark, int]
"""The digest of the event that each mark is wanted for, in the order of the marks, in which they are locked."""
TAKE = """
INSERT INTO inbox (source, id, digest, received_at)
SELECT source, id, digest, $4 FROM unnest($1::text[], $2::text[], $3::int[]) AS wanted (source, id, digest)
ON CONFLICT DO NOTHING RETURNING source, id
"""
NAMES = """
SELECT count(*) AS marked,
       CASE WHEN count(*) < $5 THEN array_agg(source) END AS sources,
       CASE WHEN count(*) < $5 THEN array_agg(id) END AS ids
FROM marked
"""
ARGUMENTS = 5
MARK = f"WITH marked AS ({TAKE}) {NAMES}"
"""Names the new marks only where some were known before: mostly none was."""
OTHERS = """
SELECT source, id FROM unnest($1::text[], $2::text[], $3::int[]) AS w (source, id, digest)
WHERE (SELECT i.digest FROM inbox i WHERE i.source = w.source AND i.id = w.id) <> w.digest
"""
"""Marks of other events. A statement of its own: `TAKE` cannot see a mark that was committed while it waited for it."""


class UsedAlready(Undigestible):
    """Another event has the (source, id) of this one, which has therefore no mark of its own."""

    def __init__(self, mark: Mark) -> None:
        source, event_id = mark
        super().__init__(
            "ce_id", shorten(event_id), f"an event of another type or key from the source {shorten(source)} has used "
            "this id", "Send this event with an id of its own, then drop this dead letter.",
        )  # fmt: skip


async def mark(work: Work, events: Sequence[Incoming[Any]]) -> set[Mark]:
    """Mark events as taken; answers the marks that are new. A repeat inside the batch is new once.

    Raises UsedAlready.
    """
    marks = wanted(events)
    if not marks:
        return set()
    (row,) = await work.conn.fetch(MARK, *arguments(work, marks))
    return await fresh(work, row, marks)


def wanted(events: Iterable[Incoming[Any]]) -> Wanted:
    """The marks of events. Raises UsedAlready where two of them would share one."""
    digests: dict[Mark, int] = {}
    for event in events:
        digest = event.digest
        if digests.setdefault(event.mark, digest) != digest:
            raise UsedAlready(event.mark)
    return dict(sorted(digests.items()))


def arguments(work: Work, marks: Wanted) -> list[Any]:
    """The `ARGUMENTS` that `MARK` is called with."""
    return [*_columns(marks), work.now, len(marks)]


async def fresh(work: Work, row: asyncpg.Record, marks: Wanted) -> set[Mark]:
    """The marks that are new by the answer of `MARK`. Raises UsedAlready where another event has one of the rest."""
    if row["marked"] == len(marks):
        return set(marks)
    new = set(zip(row["sources"] or (), row["ids"] or (), strict=True))
    known = {mark: digest for mark, digest in marks.items() if mark not in new}
    for other in await work.conn.fetch(OTHERS, *_columns(known)):
        raise UsedAlready((other["source"], other["id"]))
    return new


def _columns(marks: Wanted) -> list[list[Any]]:
    return [[source for source, _ in marks], [event_id for _, event_id in marks], list(marks.values())]
