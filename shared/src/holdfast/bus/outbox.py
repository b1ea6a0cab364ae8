"""The outbox: what a service publishes is written in the transaction of the change it speaks of."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

import asyncpg
import structlog

from holdfast.contracts.base import Payload
from holdfast.contracts.topics import Topic
from holdfast.database.bulk import columns
from holdfast.database.work import Work

LANES = 16
"""Keys are spread over lanes; one sender at a time has a lane, so a key's events leave in order."""
LANE_LOCK = 0x686F6C64
"""First half of the advisory lock of a lane ("hold" in ASCII)."""
MOST_AT_ONCE = 10_000
TRACES = "outbox.traces"
"""Under this name a unit of work notes the `traceparent` of the event that a key's events follow from."""
log = structlog.get_logger(__name__)

Row = tuple[str, str, str, str]
"""topic, key, event type, JSON object without `sequence`"""

PUBLISH_GIVEN = """
numbered AS (
    INSERT INTO outbox_sequence AS s (topic, key, last)
    SELECT topic, key, count(*) FROM given GROUP BY topic, key ORDER BY topic, key
    ON CONFLICT (topic, key) DO UPDATE SET last = s.last + excluded.last
    RETURNING topic, key, last
), rows AS (
    SELECT g.*, n.last - row_number() OVER (PARTITION BY g.topic, g.key ORDER BY g.place DESC) + 1 AS sequence
    FROM given g JOIN numbered n ON n.topic = g.topic AND n.key = g.key
), written AS (
    INSERT INTO outbox (aggregatetype, aggregateid, type, payload, lane, sequence, traceparent, created_at)
    SELECT topic, key, type, left(body, -1) || ',"sequence":' || sequence || '}', lane, sequence, trace, $7
    FROM rows ORDER BY place
    RETURNING seq, lane
)
INSERT INTO outbox_unsent (seq, lane) SELECT seq, lane FROM written
"""
"""Behind a part `given` with these columns: for statements that make their events themselves. `$7` is real time."""
PUBLISH = f"""
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[])
                  WITH ORDINALITY AS g (topic, key, type, body, lane, trace, place)
), {PUBLISH_GIVEN}
"""
"""Rows of `outbox_sequence` are locked in sorted order and stay locked to the commit, so that within a key
sequence order is commit order."""


UNSEND = """
INSERT INTO outbox_unsent (seq, lane)
SELECT seq, lane FROM outbox o
WHERE seq > $4 AND refused_at IS NULL AND NOT EXISTS (SELECT FROM outbox_unsent u WHERE u.seq = o.seq)
  AND ($1::text IS NULL OR aggregatetype = $1)
  AND ($2::timestamptz IS NULL OR created_at >= $2) AND ($3::timestamptz IS NULL OR created_at < $3)
ORDER BY seq LIMIT $5
RETURNING seq
"""
OFFER_REFUSED = """
WITH offered AS (
    UPDATE outbox SET refused_at = NULL, refusal = NULL WHERE refused_at IS NOT NULL RETURNING seq, lane)
INSERT INTO outbox_unsent (seq, lane) SELECT seq, lane FROM offered
"""


class Signal:
    """Wakes relays of this process after a commit, without the database."""

    def __init__(self) -> None:
        self._events: set[asyncio.Event] = set()

    def listen(self) -> asyncio.Event:
        """An event that is set at each signal; clear it before looking."""
        event = asyncio.Event()
        self._events.add(event)
        return event

    def forget(self, event: asyncio.Event) -> None:
        """The listener has gone."""
        self._events.discard(event)

    def send(self) -> None:
        """Wake all listeners."""
        for event in self._events:
            event.set()


WRITTEN = Signal()


def lane_of(key: str) -> int:
    """The lane of a key."""
    return crc32(key.encode()) % LANES


async def emit(work: Work, events: Sequence[Payload]) -> None:
    """Publish `events` with this transaction, in this order; each gets its key's next `sequence`.

    Call it only while the locks of the customers concerned are held.
    """
    await publish(work, [row_of(event) for event in events])


def row_of(event: Payload, topic: Topic | None = None) -> Row:
    """An event of the catalogue as an outbox row; `topic` where its type is on several."""
    body = event.model_dump_json(exclude_none=True, exclude={"sequence"})
    return (topic or event.topic).name, event.partition_key(), event.event_type, body


async def publish(work: Work, rows: Sequence[Row]) -> None:
    """Write outbox rows in this order; bodies get the next `sequence` of their key."""
    if rows:
        await work.conn.execute(PUBLISH, *publish_values(work, rows))
        work.on_commit(WRITTEN.send)


def publish_values(work: Work, rows: Sequence[Row]) -> list[Any]:
    """The parameters of `PUBLISH`; whoever executes it himself calls `work.on_commit(WRITTEN.send)`."""
    topics, keys, types, bodies = columns(rows, 4)
    traces: dict[str, str] = work.notes.get(TRACES, {})
    return [topics, keys, types, bodies, [lane_of(key) for key in keys], [traces.get(key) for key in keys], work.now]


async def resend(
    pool: asyncpg.Pool, *, topic: str | None = None, since: datetime | None = None, until: datetime | None = None
) -> int:
    """Mark events that were published as unsent, so that the relay publishes them again in order.

    For a broker that lost its data. Answers how many; readers recognise those they have by the event's id. It goes in
    batches, and no relay sends meanwhile, which would bring newer events before older ones.
    """
    async with pool.acquire() as connection:
        await connection.execute(
            "SELECT pg_advisory_lock($1, lane) FROM generate_series(0, $2 - 1) lane", LANE_LOCK, LANES
        )
        try:
            marked = await _unsend(connection, topic, since, until)
        finally:
            await connection.execute("SELECT pg_advisory_unlock_all()")
    WRITTEN.send()
    return marked


async def _unsend(
    connection: asyncpg.pool.PoolConnectionProxy, topic: str | None, since: datetime | None, until: datetime | None
) -> int:
    marked, done = 0, [0]
    while done:
        rows = await connection.fetch(UNSEND, topic, since, until, max(done), MOST_AT_ONCE)
        done = [row["seq"] for row in rows]
        marked += len(done)
    return marked


async def resend_refused(pool: asyncpg.Pool) -> int:
    """Offer the events that the bus has refused once more, after its limits were changed. Answers how many."""
    done: str = await pool.execute(OFFER_REFUSED)
    WRITTEN.send()
    return int(done.split()[-1])


async def refused(pool: asyncpg.Pool, limit: int = 100) -> list[dict[str, Any]]:
    """Events that the bus has refused, oldest first, each with the reason."""
    rows = await pool.fetch(
        """SELECT seq, id, aggregatetype AS topic, aggregateid AS key, type, refused_at, refusal FROM outbox
           WHERE refused_at IS NOT NULL ORDER BY seq LIMIT $1""",
        limit,
    )
    return [dict(row) for row in rows]
