"""One batch of records of a partition takes effect in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
import structlog

from holdfast.bus import failpoints, inbox, metrics, offsets, parking
from holdfast.bus.envelope import Incoming, Undigestible, UnknownType, decode
from holdfast.bus.handlers import MoreParties, Party, Service
from holdfast.bus.offsets import Claim
from holdfast.bus.parking import Poison
from holdfast.bus.poison import PoisonLimit
from holdfast.bus.port import Record
from holdfast.bus.segments import runs, segments
from holdfast.database.work import Work, is_transient, transaction

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Item:
    """A record with what became of reading it: an event, an error, or neither (ignored)."""

    record: Record
    event: Incoming[Any] | None = None
    error: Exception | None = None


@dataclass(slots=True)
class Taken:
    """How the records of a batch were sorted."""

    live: list[Incoming[Any]] = field(default_factory=list)
    behind: list[Incoming[Any]] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    repeated: int = 0


def read(service: Service, record: Record) -> Item:
    """Decode a record; never raises for what the record contains."""
    try:
        event = decode(record)
    except UnknownType as unknown:
        log.debug("event_ignored", service=service.name, type=unknown.event_type)
        return Item(record)
    except Undigestible as error:
        return Item(record, error=error)
    return Item(record, event if service.handlers.get(event.type) else None)


async def apply(service: Service, work: Work, events: Sequence[Incoming[Any]], known: set[Party]) -> None:
    """Lock the customers, then let the events take effect in order per key. Raises MoreParties."""
    parties = known.union(*(event.payload.parties() for event in events))
    await service.lock(work, parties)
    for segment in segments(events, service.handlers):
        touched: set[Party] = set()
        for handler, group in runs(segment, service.handlers, decides=False):
            await handler.handle(work, group)
            touched.update(*(event.payload.parties() for event in group))
        if touched:
            await service.refresh(work, touched | known)
        for handler, group in runs(segment, service.handlers, decides=True):
            await handler.handle(work, group)


class BatchProcessor:
    """Handles the batches of one partition, one after another; holds its claim."""

    def __init__(self, service: Service, pool: asyncpg.Pool, claim: Claim, limit: PoisonLimit) -> None:
        self._service, self._pool, self._limit = service, pool, limit
        self.claim = claim
        self.mended: set[str] = set()

    async def process(self, records: Sequence[Record]) -> None:
        """Handle records in order. Raises Fenced, PartitionStopped, and transient errors to be tried again.

        Whatever was committed before such an error stays; `claim.position` says where to go on.
        """
        with metrics.BATCH_SECONDS.labels(self._service.name).time():
            await self._split([read(self._service, record) for record in records])

    async def _split(self, items: list[Item]) -> None:
        try:
            await self._transact(items)
        except Exception as error:
            if is_transient(error) or isinstance(error, offsets.Fenced | _Full):
                if not isinstance(error, _Full):
                    raise
                await self._up_to_the_limit(items, error.before)
                return
            if len(items) == 1:
                await self._transact([Item(items[0].record, items[0].event, error)])
                return
            middle = len(items) // 2
            await self._split(items[:middle])
            await self._split(items[middle:])

    async def _up_to_the_limit(self, items: list[Item], before: int) -> None:
        if before:
            await self._transact(items[:before])
        raise self._limit.stop()

    async def _transact(self, items: list[Item]) -> None:
        """One transaction; begun again with more customers locked when a handler finds some."""
        known: set[Party] = set()
        while True:
            try:
                async with transaction(self._pool) as work:
                    taken, claim = await self._handle(work, items, known)
                    failpoints.hit("before_commit")
                break
            except MoreParties as more:
                if more.parties <= known:
                    raise RuntimeError("a handler asks for customers that are locked already") from more
                known |= more.parties
        failpoints.hit("after_commit")
        self.claim = claim
        self._count(items, taken)

    async def _handle(self, work: Work, items: list[Item], known: set[Party]) -> tuple[Taken, Claim]:
        await offsets.hold(work, self.claim)
        taken = await self._sort(work, items)
        if taken.live or taken.behind or taken.poison:
            # One sorted lock for everything the transaction touches, before anything is written under it.
            touching = [*(e.payload.parties() for e in taken.behind), *(p.parties for p in taken.poison)]
            await apply(self._service, work, taken.live, known.union(*touching))
        for poison in taken.poison:
            await parking.park(self._service, work, poison)
        mended = await parking.park_behind(self._service, work, taken.behind)
        self.mended |= mended
        last = items[-1].record
        at = datetime.fromtimestamp(last.timestamp_ms / 1000, UTC)
        return taken, await offsets.advance(work, self.claim, last, at)

    async def _sort(self, work: Work, items: list[Item]) -> Taken:
        """Fresh events of free keys are live; those of parked keys, also keys parked just now, wait behind."""
        events = [item.event for item in items if item.event is not None]
        fresh = await inbox.mark(work, events)
        topic = self.claim.tp.topic
        parked = await parking.parked_keys(work, topic, (event.key for event in events))
        taken, noted = Taken(), 0
        for place, item in enumerate(items):
            if item.error is not None:
                noted += 1
                if not self._limit.allows(noted, place):
                    raise _Full(place)
                poison = Poison(item.record, item.event, item.error)
                taken.poison.append(poison)
                if poison.key is not None:
                    parked.add(poison.key)
            elif item.event is None:
                taken.ignored.append(item.record.topic)
            elif (mark := (item.event.source, item.event.id)) not in fresh:
                taken.repeated += 1
            else:
                fresh.discard(mark)
                (taken.behind if item.event.key in parked else taken.live).append(item.event)
        return taken

    def _count(self, items: list[Item], taken: Taken) -> None:
        name = self._service.name
        for item in items:
            self._limit.note(item.error is not None)
        for event in taken.live:
            metrics.EVENTS.labels(name, event.type).inc()
        for poison in taken.poison:
            kind = poison.event.type if poison.event else "unreadable"
            metrics.POISON.labels(name, kind).inc()
        for topic in taken.ignored:
            metrics.IGNORED.labels(name, topic).inc()
        metrics.DUPLICATES.labels(name).inc(taken.repeated)


class _Full(Exception):
    """Diverting one more record would pass the limit; `before` it is where to stop."""

    def __init__(self, before: int) -> None:
        super().__init__("too much poison")
        self.before = before
