"""Consumed offsets with owner epochs, in the service's own database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import asyncpg
import structlog

from holdfast.bus.port import Record, TopicPartition
from holdfast.database.work import Work

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
PATIENCE_SECONDS = 1.0
"""How long a new owner waits for the row before it ends the transaction of the one before it."""
LATEST_MS = 7_258_118_400_000
"""The year 2200."""
log = structlog.get_logger(__name__)

HOLD = """
SELECT topic, partition, epoch, next_offset FROM consumer_offset WHERE topic = $1 AND partition = $2 FOR NO KEY UPDATE
"""
MAKE = """
INSERT INTO consumer_offset (topic, partition) SELECT $1::text, $2::int
WHERE NOT EXISTS (SELECT FROM consumer_offset WHERE topic = $1 AND partition = $2) ON CONFLICT DO NOTHING
"""
"""A conflict alone would wait for the transaction of an owner who stands still, and nobody would end it."""
ADVANCE = """
UPDATE consumer_offset c SET next_offset = w.next_offset, fingerprint = w.fingerprint,
                             event_time = coalesce(least(w.event_time, $6), c.event_time), updated_at = $6
FROM unnest($1::text[], $2::int[], $3::bigint[], $4::text[], $5::timestamptz[])
     AS w (topic, partition, next_offset, fingerprint, event_time)
WHERE c.topic = w.topic AND c.partition = w.partition
"""


class Fenced(Exception):
    """Another owner has the partition: nothing of this batch may be written."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write for a partition: the epoch, and the position the next batch must start from."""

    tp: TopicPartition
    epoch: int
    position: int
    fingerprint: str | None


def fingerprint_of(record: Record) -> str:
    """A hash of a record that tells it from another one at the same offset of a recreated topic."""
    digest = sha256(record.value or b"")
    digest.update((record.key or "").encode())
    for name, value in record.headers:
        digest.update(name.encode() + b"\0" + value)
    return digest.hexdigest()[:32]


async def take(pool: asyncpg.Pool, tp: TopicPartition, owner: str) -> Claim:
    """Become the owner: raises the epoch. Ends a transaction of an earlier owner that does not come to an end."""
    async with pool.acquire() as connection:
        await connection.execute(MAKE, tp.topic, tp.partition)
        taking = asyncio.ensure_future(_raise_epoch(connection, tp, owner))
        backend = connection.get_server_pid()
        try:
            while not (await asyncio.wait([taking], timeout=PATIENCE_SECONDS))[0]:
                await _end_blockers(pool, backend, tp)
        finally:
            taking.cancel()
            await asyncio.wait([taking])
        row = taking.result()
    return Claim(tp, row["epoch"], row["next_offset"], row["fingerprint"])


async def _raise_epoch(connection: Connection, tp: TopicPartition, owner: str) -> asyncpg.Record:
    row = await connection.fetchrow(
        """UPDATE consumer_offset SET epoch = epoch + 1, owner = $3, stopped = NULL, updated_at = now()
           WHERE topic = $1 AND partition = $2 RETURNING epoch, next_offset, fingerprint""",
        tp.topic,
        tp.partition,
        owner,
    )
    assert row is not None
    return row


async def _end_blockers(pool: asyncpg.Pool, backend: int, tp: TopicPartition) -> None:
    ended = await pool.fetch(
        "SELECT pid, pg_terminate_backend(pid) FROM unnest(pg_blocking_pids($1)) AS blocker (pid)", backend
    )
    if ended:
        log.warning("stalled_owner_ended", topic=tp.topic, partition=tp.partition, backends=len(ended))


async def hold(work: Work, claim: Claim) -> None:
    """Lock the partition's row for this transaction. Raises Fenced when the claim is no longer the newest."""
    row = await work.conn.fetchrow(HOLD, claim.tp.topic, claim.tp.partition)
    check([claim], [tuple(row)] if row else [])


def check(claims: Sequence[Claim], rows: Iterable[Sequence[Any]]) -> None:
    """Compare claims with the rows (topic, partition, epoch, next offset) that were locked for them. Raises Fenced."""
    found = {(topic, partition): (epoch, at) for topic, partition, epoch, at in rows}
    for claim in claims:
        known = found.get((claim.tp.topic, claim.tp.partition))
        if known != (claim.epoch, claim.position):
            raise Fenced(f"{claim.tp}: epoch {claim.epoch} at {claim.position} is not the newest, found {known}")


async def read_again(pool: asyncpg.Pool, claim: Claim) -> Claim:
    """The claim as the database has it, after a commit whose outcome is unknown. Raises Fenced.

    The lock waits for that commit where the server is still at it.
    """
    row = await pool.fetchrow(
        """SELECT epoch, next_offset, fingerprint FROM consumer_offset WHERE topic = $1 AND partition = $2
           FOR NO KEY UPDATE""",
        claim.tp.topic,
        claim.tp.partition,
    )
    if row is None or row["epoch"] != claim.epoch:
        raise Fenced(f"{claim.tp}: epoch {claim.epoch} is not the newest, found {row}")
    return replace(claim, position=row["next_offset"], fingerprint=row["fingerprint"])


async def advance(work: Work, claim: Claim, last: Record | None) -> Claim:
    """Move past `last` in this transaction, or stay; answers the claim for the next batch."""
    (after,), moves = moved([(claim, last)])
    await work.conn.execute(ADVANCE, *moves, work.now)
    return after


def moved(done: Sequence[tuple[Claim, Record | None]]) -> tuple[list[Claim], list[list[Any]]]:
    """Claims past these records, or as they are without one, and the arguments of `ADVANCE` but for the time."""
    after = [
        replace(claim, position=last.offset + 1, fingerprint=fingerprint_of(last)) if last else claim
        for claim, last in done
    ]
    times = [_written_at(last) if last else None for _, last in done]
    return after, [*places(after), [c.position for c in after], [c.fingerprint for c in after], times]


def _written_at(record: Record) -> datetime:
    """What the producer's clock said; the broker takes any number."""
    return datetime.fromtimestamp(min(max(record.timestamp_ms, 0), LATEST_MS) / 1000, UTC)


def places(claims: Sequence[Claim]) -> list[list[Any]]:
    """Topics and partitions as columns."""
    return [[claim.tp.topic for claim in claims], [claim.tp.partition for claim in claims]]


async def is_newest(pool: asyncpg.Pool, claim: Claim) -> bool:
    """Whether nobody has taken or reset the partition since."""
    epoch: int | None = await pool.fetchval(
        "SELECT epoch FROM consumer_offset WHERE topic = $1 AND partition = $2",
        claim.tp.topic,
        claim.tp.partition,
    )
    return epoch == claim.epoch


async def skip_to(pool: asyncpg.Pool, claim: Claim, begin: int) -> None:
    """A service that has read nothing yet begins where the log begins."""
    await pool.execute(
        """UPDATE consumer_offset SET next_offset = $4
           WHERE topic = $1 AND partition = $2 AND epoch = $3 AND next_offset = 0""",
        claim.tp.topic,
        claim.tp.partition,
        claim.epoch,
        begin,
    )


async def note_fresh(pool: asyncpg.Pool, claims: Sequence[Claim]) -> None:
    """Nothing is waiting behind these claims: the facts of their partitions are complete as of now."""
    await pool.execute(
        """UPDATE consumer_offset AS c SET fresh_at = now() FROM (
               SELECT topic, partition FROM consumer_offset
               JOIN unnest($1::text[], $2::int[], $3::bigint[]) AS seen (topic, partition, epoch)
                    USING (topic, partition, epoch)
               FOR NO KEY UPDATE OF consumer_offset SKIP LOCKED) AS idle
           WHERE c.topic = idle.topic AND c.partition = idle.partition""",
        *places(claims),
        [claim.epoch for claim in claims],
    )


async def release(pool: asyncpg.Pool, claim: Claim) -> None:
    """Give the partition up, so that the next owner finds no one; harmless when it has one already."""
    await pool.execute(
        "UPDATE consumer_offset SET owner = NULL WHERE topic = $1 AND partition = $2 AND epoch = $3",
        claim.tp.topic,
        claim.tp.partition,
        claim.epoch,
    )


async def mark_stopped(pool: asyncpg.Pool, claim: Claim, reason: str | None) -> None:
    """Write down why the partition stands still, for readiness and the operator; None when it goes on."""
    await pool.execute(
        "UPDATE consumer_offset SET stopped = $4 WHERE topic = $1 AND partition = $2 AND epoch = $3",
        claim.tp.topic,
        claim.tp.partition,
        claim.epoch,
        reason,
    )


async def reset(pool: asyncpg.Pool, topic: str, partition: int | None = None, to: int = 0) -> int:
    """Read a topic (or one partition) again from `to`; answers how many partitions. What is known is skipped.

    An owner that is at work or stands still is fenced by it and begins anew.
    """
    done: str = await pool.execute(
        """UPDATE consumer_offset SET next_offset = $3, fingerprint = NULL, stopped = NULL, epoch = epoch + 1
           WHERE topic = $1 AND ($2::int IS NULL OR partition = $2)""",
        topic,
        partition,
        to,
    )
    return int(done.split()[-1])
