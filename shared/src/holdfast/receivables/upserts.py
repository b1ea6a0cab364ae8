"""Newest version wins: one set-based statement per kind of fact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any

import asyncpg

from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.platform import metrics

STALE_EVENTS = metrics.counter(
    "holdfast_receivables_stale_events_total",
    "ERP events that came after a newer version of the same document and changed nothing.",
    ["type"],
)
NOTE_STALE = """
INSERT INTO stale_event (received_at, event_type, subject, version)
SELECT $1, $2, * FROM unnest($3::text[], $4::bigint[])
"""
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Fact:
    """How one aspect of a table is kept: its key, its version column and its values, with their SQL types.

    `former` pairs a column that keeps what the last change replaced with the column it was in, so that
    `returning` also tells whose figures changed before. `initial` columns are set by an insert alone. `only` is a
    condition on the row `t` that is there and the one that comes, `excluded`: where it fails nothing is changed.
    """

    event_type: str
    table: str
    key: dict[str, str]
    version: str
    values: dict[str, str]
    initial: dict[str, str] = field(default_factory=dict)
    former: dict[str, str] = field(default_factory=dict)
    returning: tuple[str, ...] = ()
    only: str = "true"

    @cached_property
    def columns(self) -> list[str]:
        """The columns of a row, in order: key, version, values, initial."""
        return [*self.key, self.version, *self.values, *self.initial]

    @cached_property
    def statement(self) -> str:
        """INSERT … ON CONFLICT DO UPDATE … WHERE newer, returning what was applied."""
        types = [*self.key.values(), "bigint", *self.values.values(), *self.initial.values()]
        # JSON goes in as text: a list inside an array would be taken for a further dimension of it.
        casts = ("text[]::jsonb[]" if sql_type == "jsonb" else f"{sql_type}[]" for sql_type in types)
        arrays = ", ".join(f"${n}::{cast}" for n, cast in enumerate(casts, 1))
        changes = [f"{c} = excluded.{c}" for c in (self.version, *self.values)]
        changes += [f"{c} = t.{source}" for c, source in self.former.items()]
        return (
            f"INSERT INTO {self.table} AS t ({', '.join(self.columns)}) SELECT * FROM unnest({arrays}) "
            f"ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {', '.join(changes)} "
            f"WHERE coalesce(t.{self.version}, 0) < excluded.{self.version} AND {self.only} "
            f"RETURNING {', '.join(f't.{c}' for c in (*self.key, *self.returning))}"
        )

    @cached_property
    def key_of(self) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        """Reads the key of a row."""
        width = len(self.key)
        return lambda row: tuple(row[:width])


def newest(fact: Fact, rows: Sequence[Row]) -> list[Row]:
    """One row per key, the one with the highest version, sorted by key."""
    found: dict[tuple[Any, ...], Row] = {}
    at = len(fact.key)
    for row in rows:
        key = fact.key_of(row)
        if key not in found or found[key][at] < row[at]:
            found[key] = row
    return sorted(found.values(), key=itemgetter(*range(at)))


async def upsert(work: Work, fact: Fact, rows: Sequence[Row]) -> list[asyncpg.Record]:
    """Apply the rows that are newer than what is known; the others are recorded as stale.

    Returns key and `returning` columns of the rows that were applied.
    """
    kept = newest(fact, rows)
    if not kept:
        return []
    applied: list[asyncpg.Record] = await work.conn.fetch(fact.statement, *columns(kept))
    if len(applied) < len(kept):
        await _note_stale(work, fact, kept, applied)
    return applied


async def _note_stale(work: Work, fact: Fact, rows: Sequence[Row], applied: Sequence[asyncpg.Record]) -> None:
    done = {fact.key_of(list(record.values())) for record in applied}
    stale = [row for row in rows if fact.key_of(row) not in done]
    at = len(fact.key)
    subjects = ["/".join(str(part) for part in row[:at]) for row in stale]
    versions = [row[at] for row in stale]
    await work.conn.execute(NOTE_STALE, work.now, fact.event_type, subjects, versions)
    work.on_commit(lambda: STALE_EVENTS.labels(fact.event_type).inc(len(stale)))
