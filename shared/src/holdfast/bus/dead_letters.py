"""The dead letters: list, show, replay, drop. What waits is handled in order, along the same path as live events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import structlog

from holdfast.bus import batch, failpoints, inbox, metrics, parking
from holdfast.bus.envelope import Incoming, UnknownType, decode
from holdfast.bus.handlers import MoreParties, Party, Service
from holdfast.bus.port import Record, TopicPartition
from holdfast.bus.undigestible import Undigestible
from holdfast.database.work import Work, is_transient, transaction

LISTED = (
    'id, state, topic, partition, "offset", key, event_type, event_id, event_source, field, shown, reason, '
    "remedy, parked_at, settled_at, note"
)
WAITING = "state IN ('poison', 'behind')"
log = structlog.get_logger(__name__)


class NoSuchDeadLetter(Exception):
    """There is no dead letter of that number, or it does not wait any more; the text says which."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did: how many took effect, and the first that still fails, with its reason and remedy."""

    applied: int
    failed: int | None = None
    reason: str | None = None
    remedy: str | None = None


async def waiting(pool: asyncpg.Pool, *, limit: int = 100, every_state: bool = False) -> list[dict[str, Any]]:
    """Dead letters that wait, oldest first; with `every_state` also those that are settled."""
    where = "true" if every_state else WAITING
    rows = await pool.fetch(f"SELECT {LISTED} FROM dead_letter WHERE {where} ORDER BY id LIMIT $1", limit)
    return [dict(row) for row in rows]


async def show(pool: asyncpg.Pool, number: int) -> dict[str, Any]:
    """Everything about one dead letter, with headers, body and stack. Raises NoSuchDeadLetter."""
    row = await pool.fetchrow("SELECT * FROM dead_letter WHERE id = $1", number)
    if row is None:
        raise NoSuchDeadLetter(f"There is no dead letter {number}: `dead-letters list` shows those that wait.")
    return dict(row) | {"headers": [[name, value.decode("latin-1")] for name, value in record_of(row).headers]}


async def recent_poison(pool: asyncpg.Pool, tp: TopicPartition, since: int) -> list[int]:
    """Offsets from `since` on of poison that waits: a new owner of the partition begins with it."""
    rows = await pool.fetch(
        """SELECT "offset" FROM dead_letter
           WHERE topic = $1 AND partition = $2 AND "offset" >= $3 AND state = 'poison'""",
        tp.topic,
        tp.partition,
        since,
    )
    return [row["offset"] for row in rows]


async def replay(pool: asyncpg.Pool, service: Service, number: int) -> Replayed:
    """Apply a poison record anew, then what waits behind it, in order; stops at the first that still fails.

    Run twice it does nothing the second time. Raises NoSuchDeadLetter.
    """
    row = await show(pool, number)
    if row["state"] not in ("poison", "behind"):
        raise NoSuchDeadLetter(f"Dead letter {number} is {row['state']} already; nothing is left to do.")
    if row["key"] is None:
        return await _replay_lone(pool, service, number)
    return await replay_key(pool, service, row["topic"], row["key"])


async def drop(pool: asyncpg.Pool, service: Service, number: int, reason: str) -> Replayed:
    """Give a record up for good and let those behind it go. `reason` is kept. Raises NoSuchDeadLetter."""
    async with transaction(pool) as work:
        # Who replays the key holds its row: the two follow one another.
        await parking.lock_key_of(work, number)
        row = await work.conn.fetchrow(
            f"""UPDATE dead_letter SET state = 'dropped', settled_at = $2, note = $3
                WHERE id = $1 AND {WAITING} RETURNING topic, key""",
            number,
            work.now,
            reason,
        )
    if row is None:
        raise NoSuchDeadLetter(f"Dead letter {number} does not wait: `dead-letters list` shows those that do.")
    return Replayed(0) if row["key"] is None else await replay_key(pool, service, row["topic"], row["key"])


async def replay_key(pool: asyncpg.Pool, service: Service, topic: str, key: str) -> Replayed:
    """Apply all that waits of a key in order, one transaction each, and unpark the key at the end."""
    applied = 0
    while True:
        step = await _next(pool, service, topic, key)
        if step is None:
            return Replayed(applied)
        if isinstance(step, Replayed):
            return replace(step, applied=applied)
        applied += 1


async def free_mended(pool: asyncpg.Pool, service: Service, topic: str) -> None:
    """Replay the keys of a topic that have no poison left: superseded ones, and those a crash left half-way."""
    rows = await pool.fetch(
        """SELECT key FROM parked_key AS parked WHERE topic = $1 AND NOT EXISTS (
               SELECT FROM dead_letter AS letter
               WHERE letter.topic = $1 AND letter.key = parked.key AND letter.state = 'poison')""",
        topic,
    )
    for row in rows:
        await replay_key(pool, service, topic, row["key"])


async def _next(pool: asyncpg.Pool, service: Service, topic: str, key: str) -> Replayed | int | None:
    """One step: the number applied, what failed, or None when nothing waits and the key is free."""
    known: set[Party] = set()
    while True:
        row = None
        try:
            async with transaction(pool) as work:
                await parking.parked_keys(work, topic, [key])
                row = await work.conn.fetchrow(
                    f"SELECT * FROM dead_letter WHERE topic = $1 AND key = $2 AND {WAITING} ORDER BY id LIMIT 1",
                    topic,
                    key,
                )
                if row is None:
                    await _free(service, work, topic, key)
                    return None
                await _apply(service, work, row, known)
                failpoints.hit("replay_before_commit")
            failpoints.hit("replay_after_commit")
            return int(row["id"])
        except MoreParties as more:
            known |= more.parties
        except Exception as error:
            if row is None or is_transient(error):
                raise
            return await _still_fails(pool, row, error)


async def _replay_lone(pool: asyncpg.Pool, service: Service, number: int) -> Replayed:
    """A poison record without a key has nobody behind it."""
    row = await show(pool, number)
    known: set[Party] = set()
    while True:
        try:
            async with transaction(pool) as work:
                await _apply(service, work, row, known)
            return Replayed(1)
        except MoreParties as more:
            known |= more.parties
        except Exception as error:
            if is_transient(error):
                raise
            return await _still_fails(pool, row, error)


async def _apply(service: Service, work: Work, row: Any, known: set[Party]) -> None:
    settled = await work.conn.fetchval(
        f"UPDATE dead_letter SET state = 'replayed', settled_at = $2 WHERE id = $1 AND {WAITING} RETURNING id",
        row["id"],
        work.now,
    )
    if settled is None:
        return
    try:
        event: Incoming[Any] = decode(record_of(row))
    except UnknownType:
        return
    repeated = not row["marked"] and not await inbox.mark(work, [event])
    if service.handlers.get(event.type) and not repeated:
        await batch.apply(service, work, [event], known)


async def _free(service: Service, work: Work, topic: str, key: str) -> None:
    rows = await work.conn.fetch("SELECT party FROM parked_party WHERE topic = $1 AND key = $2", topic, key)
    parties: list[Sequence[str]] = [row["party"].split("/", 1) for row in rows]
    await service.lock(work, {(company, customer) for company, customer in parties})
    await parking.unpark(service, work, topic, key)


async def _still_fails(pool: asyncpg.Pool, row: Any, error: Exception) -> Replayed:
    """Keep the newest reason; a record that waited behind and fails itself is poison from now on."""
    reason = error.problem if isinstance(error, Undigestible) else f"{type(error).__name__}: {error}"
    remedy = await pool.fetchval(
        f"""UPDATE dead_letter SET state = 'poison', reason = $2, remedy = coalesce(remedy, $3)
            WHERE id = $1 AND {WAITING} RETURNING remedy""",
        row["id"],
        reason,
        error.remedy if isinstance(error, Undigestible) else parking.CRASH_REMEDY,
    )
    log.warning("dead_letter_still_fails", id=row["id"], reason=reason)
    return Replayed(0, row["id"], reason, remedy)


def record_of(row: Any) -> Record:
    """The record as it was read from the bus."""
    headers = tuple((name, bytes.fromhex(value)) for name, value in row["headers"])
    return Record(
        row["topic"], row["partition"], row["offset"], row["record_key"], headers, row["value"],
        row["record_time_ms"],
    )  # fmt: skip


async def observe(pool: asyncpg.Pool, service: str) -> None:
    """Bring the dead-letter metrics up to date."""
    rows = await pool.fetch(f"SELECT state, count(*) FROM dead_letter WHERE {WAITING} GROUP BY state")
    counts = {row["state"]: row["count"] for row in rows}
    for state in ("poison", "behind"):
        metrics.DEAD_LETTERS.labels(service, state).set(counts.get(state, 0))
    metrics.PARKED_KEYS.labels(service).set(await pool.fetchval("SELECT count(*) FROM parked_key"))
