"""One batch of records of a partition takes effect in one transaction, or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import asyncpg

from holdfast.bus import failpoints, inbox, metrics, offsets, outbox, parking
from holdfast.bus.envelope import Incoming
from holdfast.bus.handlers import MoreParties, Party, Service
from holdfast.bus.offsets import Claim
from holdfast.bus.parking import Poison
from holdfast.bus.poison import PartitionStopped, PoisonLimit
from holdfast.bus.port import Record
from holdfast.bus.segments import runs, segments
from holdfast.bus.turns import Item, Turns
from holdfast.database.work import Work, is_transient, transaction

if TYPE_CHECKING:
    from holdfast.bus.together import Together

FEW = 100
"""Up to so many records of a partition wait for those of others; a longer batch is worth a transaction of its own."""


@dataclass(slots=True)
class Taken:
    """How the records of a stretch were sorted; only its first can be poison."""

    poison: Poison | None = None
    live: list[Incoming[Any]] = field(default_factory=list)
    behind: list[Incoming[Any]] = field(default_factory=list)
    ignored: int = 0
    repeated: int = 0

    @property
    def parties(self) -> set[Party]:
        """Every customer that the stretch touches."""
        found: set[Party] = set(self.poison.parties) if self.poison else set()
        return found.union(*(event.payload.parties() for event in (*self.live, *self.behind)))

    def sort(self, items: Iterable[Item], fresh: set[inbox.Mark], parked: Collection[str]) -> None:
        """Fresh events of free keys are live, those of parked keys are behind; `fresh` loses what was found in it."""
        for item in items:
            if item.event is None:
                self.ignored += 1
            elif item.event.mark not in fresh:
                self.repeated += 1
            else:
                fresh.discard(item.event.mark)
                (self.behind if item.event.key in parked else self.live).append(item.event)


async def apply(service: Service, work: Work, events: Sequence[Incoming[Any]], known: set[Party]) -> None:
    """Lock the customers of events, then let them take effect. Raises MoreParties."""
    await service.lock(work, known.union(*(event.payload.parties() for event in events)))
    await take_effect(service, work, events, known)


async def take_effect(service: Service, work: Work, events: Sequence[Incoming[Any]], known: set[Party]) -> None:
    """Let events take effect in order per key, their customers being locked. Raises MoreParties.

    `known` are customers that a handler has asked for besides those of the events.
    """
    work.notes[outbox.TRACES] = {event.key: event.traceparent for event in events if event.traceparent}
    for segment in segments(events, service.handlers):
        touched: set[Party] = set()
        for handler, group in runs(segment, service.handlers, decides=False):
            await handler.handle(work, group)
            touched.update(*(event.payload.parties() for event in group))
        if touched:
            await service.refresh(work, touched | known)
        for handler, group in runs(segment, service.handlers, decides=True):
            await handler.handle(work, group)


def stretches(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Cut a batch before each record that cannot be read.

    What was decided before it stays untouched by it, and all that follows sees its customers parked.
    """
    stretch: list[Item] = []
    for item in items:
        if item.error is not None and stretch:
            yield stretch
            stretch = []
        stretch.append(item)
    if stretch:
        yield stretch


class BatchProcessor:
    """Handles what waits in one partition, turn by turn; holds its claim."""

    def __init__(
        self, service: Service, pool: asyncpg.Pool, claim: Claim, limit: PoisonLimit, together: Together | None = None
    ) -> None:
        self._service, self._pool, self.limit = service, pool, limit
        self._together, self._alone = together, together is None
        self.claim = claim
        self.mended: set[str] = set()
        self._turns = Turns(service)

    async def process(self, records: Sequence[Record]) -> None:
        """Handle the next turn of the records that wait. Raises Fenced, PartitionStopped, and transient errors to be
        tried again.

        Whatever was committed before such an error stays; `claim.position` says which records wait.
        """
        with metrics.BATCH_SECONDS.labels(self._service.name).time():
            for stretch in stretches(self._turns.next(records)):
                if not await self._taken_together(stretch):
                    await self._split(stretch)

    def reached(self, items: Sequence[Item]) -> Record | None:
        """The record after which to go on once these items are handled; None when it stays where it is."""
        return self._turns.reached(items)

    async def _taken_together(self, items: list[Item]) -> bool:
        """A few good records share a transaction with those of other partitions, unless that has just failed."""
        heavy = len(items) > FEW or self._turns.is_deep
        if self._together is None or self._alone or heavy or items[0].error is not None:
            self._alone = False
            return False
        self._alone = True
        taken = await self._together.take(self, items)
        self._alone = not taken
        return taken

    async def _split(self, items: list[Item]) -> None:
        """Halve what fails until the bad record is alone, and park that one."""
        error = await self._attempt(items)
        if error is None:
            return
        if len(items) == 1:
            await self._transact([replace(items[0], error=error)])
            return
        middle = len(items) // 2
        await self._split(items[:middle])
        await self._split(items[middle:])

    async def _attempt(self, items: list[Item]) -> Exception | None:
        try:
            await self._transact(items)
        except Exception as error:
            if is_transient(error) or isinstance(error, offsets.Fenced | PartitionStopped):
                raise
            return error
        return None

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
        self.committed(items, taken, claim)

    def committed(self, items: list[Item], taken: Taken, claim: Claim) -> None:
        """A transaction with these records has been committed; `claim` is for the batch after them."""
        self.claim = claim
        self._turns.handled(items)
        self._count(items, taken)

    async def _handle(self, work: Work, items: list[Item], known: set[Party]) -> tuple[Taken, Claim]:
        await offsets.hold(work, self.claim)
        if items[0].error is not None and not self.limit.allows_one_more():
            raise self.limit.stop()
        taken = await self._sort(work, items)
        if parties := known | taken.parties:
            # One sorted lock for everything the transaction touches, before anything is written under it.
            await self._service.lock(work, parties)
        if taken.poison is not None:
            await parking.park(self._service, work, taken.poison)
        await take_effect(self._service, work, taken.live, known)
        self.mended |= await parking.park_behind(self._service, work, taken.behind)
        return taken, await offsets.advance(work, self.claim, self.reached(items))

    async def _sort(self, work: Work, items: list[Item]) -> Taken:
        """Fresh events of free keys are live; those of parked keys, also of one parked just now, wait behind."""
        events = [item.event for item in items if item.event is not None]
        first, taken = items[0], Taken()
        fresh = await inbox.mark(work, events[1:] if isinstance(first.error, inbox.UsedAlready) else events)
        if first.error is not None:
            taken.poison = Poison(first.record, first.event, first.error)
        own = taken.poison.key if taken.poison else None
        keys = {event.key for event in events} | ({own} if own is not None else set())
        parked = await parking.parked_keys(work, self.claim.tp.topic, keys)
        parked |= {own} if own is not None else set()
        taken.sort(items if taken.poison is None else items[1:], fresh, parked)
        return taken

    def _count(self, items: list[Item], taken: Taken) -> None:
        name = self._service.name
        for item in items:
            self.limit.note(item.error is not None)
        for event_type, count in Counter(event.type for event in taken.live).items():
            metrics.EVENTS.labels(name, event_type).inc(count)
        if taken.poison is not None:
            kind = taken.poison.event.type if taken.poison.event else "unreadable"
            metrics.POISON.labels(name, kind).inc()
        if taken.ignored:
            metrics.IGNORED.labels(name, self.claim.tp.topic).inc(taken.ignored)
        metrics.DUPLICATES.labels(name).inc(taken.repeated)
