"""The consumer runner: partitions come and go, each is read from the offset in our own database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterable

import asyncpg
import structlog

from holdfast.bus import dead_letters, metrics, offsets, relay, standing
from holdfast.bus.handlers import Service
from holdfast.bus.offsets import Claim, fingerprint_of
from holdfast.bus.partition import BATCH, PartitionTask
from holdfast.bus.poison import SHARE, PartitionStopped, PoisonLimit
from holdfast.bus.port import BusUnavailable, Consumer, OffsetGone, TopicPartition, Transport
from holdfast.bus.together import Together
from holdfast.database.work import is_transient

POLL_SECONDS = 0.5
DRAIN_SECONDS = 5.0
OBSERVE_SECONDS = 2.0
RESTART_SECONDS = 0.5
BURST = 10
"""Polls that may follow each other at once after a quiet time, where their number a second is limited."""
LOST_LOG = (
    "{tp}: {what}. The topic was recreated or the broker lost its data. Nothing is read until an operator has looked: "
    "see the runbook on a broker that lost its data, then `holdfast offsets reset`."
)
log = structlog.get_logger(__name__)


class Runner:
    """Reads all topics of a service as a member of its group; an `AssignmentListener` of the consumer."""

    def __init__(
        self, service: Service, pool: asyncpg.Pool, transport: Transport, *, poison_share: float = SHARE
    ) -> None:
        """`poison_share` (0 to 1) is the share of poison above which a partition stops."""
        self._service, self._pool, self._transport = service, pool, transport
        self._poison_share = poison_share
        self._consumer: Consumer = transport.consumer(service.name)
        self._together = Together(service, pool)
        self._tasks: dict[TopicPartition, PartitionTask] = {}
        self._lost: dict[TopicPartition, tuple[Claim, PartitionStopped]] = {}
        self._was_reset, self._next_poll = False, 0.0
        # Whoever takes a partition may need a second connection to end a stalled owner.
        self._taking = asyncio.Semaphore(max(1, pool.get_max_size() // 2))

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop`, then drain, leave the group and return. A fenced member joins anew."""
        while not stop.is_set():
            try:
                await self._belong(stop)
            except Exception as error:
                if not _passes(error):
                    raise
                log.warning("bus_unavailable", service=self._service.name, error=str(error))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), RESTART_SECONDS)

    async def _belong(self, stop: asyncio.Event) -> None:
        """One membership of the group, from joining to leaving."""
        self._consumer, self._was_reset = self._transport.consumer(self._service.name), False
        observing: asyncio.Task[None] | None = None
        try:
            await self._consumer.start(self._service.handlers.topics, self)
            observing = asyncio.create_task(self._observe())
            await self._read(stop, observing)
        finally:
            if observing is not None:
                observing.cancel()
                await asyncio.gather(observing, return_exceptions=True)
            await self._leave()

    async def _read(self, stop: asyncio.Event, observing: asyncio.Task[None]) -> None:
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                polling = asyncio.ensure_future(self._poll())
                await asyncio.wait([polling, stopping], return_when=asyncio.FIRST_COMPLETED)
                if not polling.done():
                    polling.cancel()
                await asyncio.gather(polling, return_exceptions=not polling.done())
                self._check_tasks(observing)
                if self._was_reset or any(task.fenced for task in self._tasks.values()):
                    return
        finally:
            stopping.cancel()

    async def _poll(self) -> None:
        await self._gather()
        try:
            records = await self._consumer.poll(POLL_SECONDS, BATCH)
        except OffsetGone as gone:
            await self._gone(gone)
            return
        for tp, found in records.items():
            if task := self._tasks.get(tp):
                task.give(found)

    async def _gather(self) -> None:
        """Let records gather where polls a second are limited and there have been many of late."""
        if not self._service.polls_per_second:
            return
        now, gap = asyncio.get_running_loop().time(), 1 / self._service.polls_per_second
        self._next_poll = max(self._next_poll + gap, now - (BURST - 1) * gap)
        await asyncio.sleep(self._next_poll - now)

    def _check_tasks(self, observing: asyncio.Task[None]) -> None:
        """An error nobody expected ends the process loudly instead of leaving a partition unread or unobserved."""
        for task in [observing, *(each.task for each in self._tasks.values())]:
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error

    async def _gone(self, gone: OffsetGone) -> None:
        """The position is not in the log: never skip silently."""
        task = self._tasks.get(gone.tp)
        if task is not None and task.claim.position == 0 and task.claim.fingerprint is None:
            await offsets.skip_to(self._pool, task.claim, gone.begin)
            await self.revoked({gone.tp})
            await self.assigned({gone.tp})
        elif task is not None:
            await task.stand_still(_lost(gone.tp, str(gone)))

    async def assigned(self, partitions: set[TopicPartition]) -> None:
        """Become owner in our database, compare with the log, seek, and only then handle."""
        metrics.REBALANCES.labels(self._service.name).inc()
        await self._end(partitions)
        begun = await asyncio.gather(*(self._begin(tp) for tp in sorted(partitions)), return_exceptions=True)
        for error in begun:
            if error is not None:
                # All of them are told again: what has begun must not be at work beside what replaces it.
                await self._end(partitions)
                raise error
        metrics.OWNED.labels(self._service.name).set(len(self._tasks))

    async def revoked(self, partitions: set[TopicPartition]) -> None:
        """Finish what is under way within the deadline, then let go."""
        metrics.REBALANCES.labels(self._service.name).inc()
        await self._end(partitions)

    async def _end(self, partitions: Collection[TopicPartition]) -> None:
        await asyncio.gather(*(self._tasks[tp].close(DRAIN_SECONDS) for tp in partitions if tp in self._tasks))
        for tp in partitions:
            self._tasks.pop(tp, None)
            if self._lost.pop(tp, None) is not None:
                standing.goes_on(self._service.name, tp)
        metrics.OWNED.labels(self._service.name).set(len(self._tasks))

    async def _begin(self, tp: TopicPartition) -> None:
        async with self._taking:
            claim = await offsets.take(self._pool, tp, self._consumer.member_id)
        lost = await self._compare(claim)
        if lost is not None:
            self._lost[tp] = claim, lost
            standing.stands_still(self._service.name, tp, lost.reason)
            log.error("partition_stopped", partition=str(tp), reason=lost.reason, text=str(lost))
            await offsets.mark_stopped(self._pool, claim, lost.reason)
            return
        limit = PoisonLimit(share=self._poison_share)
        self._tasks[tp] = PartitionTask(self._service, self._pool, self._consumer, claim, limit, self._together)
        self._consumer.seek(tp, claim.position)

    async def _compare(self, claim: Claim) -> PartitionStopped | None:
        """Whether the log is still the one we read before: its end, and the last record we handled."""
        tp, position = claim.tp, claim.position
        end = (await self._consumer.end_offsets([tp]))[tp]
        if position > end:
            return _lost(tp, f"the log ends at {end}, before the position {position} that is stored")
        if claim.fingerprint is None or position == 0:
            return None
        record = await self._consumer.read_one(tp, position - 1)
        if record is not None and fingerprint_of(record) != claim.fingerprint:
            return _lost(tp, f"the record at {position - 1} is not the one that was handled")
        return None

    async def _leave(self) -> None:
        with contextlib.suppress(BusUnavailable):
            await self._consumer.stop()
        await self.revoked(self._tasks.keys() | self._lost.keys())
        await self._together.close()

    async def _observe(self) -> None:
        while True:
            try:
                await self._observe_once()
            except Exception as error:
                if not _passes(error):
                    raise
                log.info("not_observed", service=self._service.name, error=str(error))
            await asyncio.sleep(OBSERVE_SECONDS)

    async def _observe_once(self) -> None:
        ends, drained = await self._consumer.end_offsets(self._tasks) if self._tasks else {}, []
        for tp, task in list(self._tasks.items()):
            read_to = await self._consumer.position(tp)
            if task.observe(ends.get(tp, task.claim.position), read_to):
                drained.append(task.claim)
        stopped = [task.claim for task in self._tasks.values() if task.stopped]
        for claim in [*stopped, *(claim for claim, _ in self._lost.values())]:
            self._was_reset = self._was_reset or not await offsets.is_newest(self._pool, claim)
        await offsets.note_fresh(self._pool, drained)
        await relay.observe(self._pool, self._service.name)
        await dead_letters.observe(self._pool, self._service.name)


def _passes(error: Exception) -> bool:
    """Whether the bus or the database may answer when it is asked again."""
    return isinstance(error, BusUnavailable) or is_transient(error)


def _lost(tp: TopicPartition, what: str) -> PartitionStopped:
    return PartitionStopped("lost_log", LOST_LOG.format(tp=tp, what=what))


async def stopped_partitions(pool: asyncpg.Pool) -> dict[str, str]:
    """Partitions of this service that stand still, by what its workers wrote down: for readiness."""
    rows: Iterable[asyncpg.Record] = await pool.fetch(
        "SELECT topic, partition, stopped FROM consumer_offset WHERE stopped IS NOT NULL"
    )
    return {f"{row['topic']}:{row['partition']}": row["stopped"] for row in rows}
