"""The outbox: what a service publishes is written in the transaction of the change it speaks of."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from zlib import crc32

import asyncpg
import structlog

from holdfast.contracts.base import Payload
from holdfast.contracts.topics import Topic
from holdfast.database.work import Work

LANES = 16
"""Keys are spread over lanes; one sender at a time has a lane, so a key's events leave in order."""
TRACES = "outbox.traces"
"""Under this name a unit of work notes the `traceparent` of the event that a key's events follow from."""
log = structlog.get_logger(__name__)

Row = tuple[str, str, str, str, int]
"""topic, key, event type, payload, sequence"""


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


async def next_sequences(work: Work, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Reserve a sequence number for each (topic, key) named; answers the first number of each.

    Rows are locked in sorted order and stay locked to the commit, so within a key sequence order is commit order.
    """
    counts = sorted(Counter(wanted).items())
    rows = await work.conn.fetch(
        """INSERT INTO outbox_sequence (topic, key, last)
           SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
           ON CONFLICT (topic, key) DO UPDATE SET last = outbox_sequence.last + EXCLUDED.last
           RETURNING topic, key, last""",
        [topic for (topic, _), _ in counts],
        [key for (_, key), _ in counts],
        [count for _, count in counts],
    )
    size = dict(counts)
    found = {(row["topic"], row["key"]): int(row["last"]) for row in rows}
    return {place: last - size[place] + 1 for place, last in found.items()}


async def emit(work: Work, events: Sequence[Payload]) -> None:
    """Publish `events` with this transaction, in this order; each gets its key's next `sequence`.

    Call it only while the locks of the customers concerned are held.
    """
    if not events:
        return
    places = [(event.topic.name, event.partition_key()) for event in events]
    numbers = await next_sequences(work, places)
    rows: list[Row] = []
    for event, (topic, key) in zip(events, places, strict=True):
        sequence = numbers[topic, key]
        numbers[topic, key] += 1
        numbered = event.model_copy(update={"sequence": sequence})
        body = numbered.model_dump_json(exclude_none=True)
        rows.append((topic, key, event.event_type, body, sequence))
    await write(work, rows)


async def announce(work: Work, topic: Topic, event_type: str, bodies: Sequence[tuple[str, str]]) -> None:
    """Publish `(key, JSON body)` pairs that are no events of the catalogue, such as dead-letter notices."""
    numbers = await next_sequences(work, [(topic.name, key) for key, _ in bodies])
    rows: list[Row] = []
    for key, body in bodies:
        rows.append((topic.name, key, event_type, body, numbers[topic.name, key]))
        numbers[topic.name, key] += 1
    await write(work, rows)


async def write(work: Work, rows: Sequence[Row]) -> None:
    """Write outbox rows whose sequence numbers were reserved in this transaction."""
    topics, keys, types, payloads, sequences = zip(*rows, strict=True)
    traces: dict[str, str] = work.notes.get(TRACES, {})
    await work.conn.execute(
        """INSERT INTO outbox (aggregatetype, aggregateid, type, payload, lane, sequence, traceparent, created_at)
           SELECT topic, key, type, payload, lane, sequence, trace, $8
           FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::bigint[], $7::text[])
                WITH ORDINALITY AS row (topic, key, type, payload, lane, sequence, trace, place)
           ORDER BY place""",
        topics,
        keys,
        types,
        payloads,
        [lane_of(key) for key in keys],
        sequences,
        [traces.get(key) for key in keys],
        work.now,
    )
    work.on_commit(WRITTEN.send)


async def resend(pool: asyncpg.Pool, *, topic: str | None = None, since: datetime | None = None) -> int:
    """Mark events that were published as unsent, so that the relay publishes them again in order.

    For a broker that lost its data. Answers how many; readers recognise those they have by the event's id.
    """
    done: str = await pool.execute(
        """UPDATE outbox SET sent_at = NULL
           WHERE sent_at IS NOT NULL AND ($1::text IS NULL OR aggregatetype = $1)
             AND ($2::timestamptz IS NULL OR created_at >= $2)""",
        topic,
        since,
    )
    WRITTEN.send()
    return int(done.split()[-1])
