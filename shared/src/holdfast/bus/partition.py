"""The task of one assigned partition: takes what was read and handles it batch by batch, in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import structlog

from holdfast.bus import dead_letters, metrics, offsets, standing
from holdfast.bus.batch import BatchProcessor
from holdfast.bus.handlers import Service
from holdfast.bus.offsets import Claim, Fenced
from holdfast.bus.poison import WINDOW, PartitionStopped, PoisonLimit
from holdfast.bus.port import Consumer, Record
from holdfast.bus.together import Together
from holdfast.database.work import is_transient
from holdfast.platform.clock import milliseconds, utc_now

BATCH = 1000
BACKLOG = 2 * BATCH
BACKLOG_BYTES = 16_000_000
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0
LONGEST_REASON = 500
log = structlog.get_logger(__name__)


class PartitionTask:
    """Owns a claim from assignment to revocation."""

    def __init__(
        self, service: Service, pool: asyncpg.Pool, consumer: Consumer, claim: Claim, limit: PoisonLimit,
        together: Together,
    ) -> None:  # fmt: skip
        self._service, self._pool, self._consumer = service, pool, consumer
        self._processor = BatchProcessor(service, pool, claim, limit, together)
        self._backlog: deque[Record] = deque()
        self._backlog_bytes = 0
        self._arrived, self._closed = asyncio.Event(), asyncio.Event()
        self._unsure, self._refused, self._behind_since = False, False, utc_now()
        self.tp = claim.tp
        self.stopped: PartitionStopped | None = None
        self.fenced = False
        self.task = asyncio.create_task(self._run(), name=f"partition {claim.tp}")

    @property
    def claim(self) -> Claim:
        """The claim as of the last commit."""
        return self._processor.claim

    def give(self, records: Sequence[Record]) -> None:
        """Records read from the partition, in order; reading pauses while too many wait."""
        wanted = [record for record in records if record.offset >= self.claim.position]
        self._backlog.extend(wanted)
        self._backlog_bytes += sum(len(record.value or b"") for record in wanted)
        if len(self._backlog) > BACKLOG or self._backlog_bytes > BACKLOG_BYTES:
            self._consumer.pause(self.tp)
        self._arrived.set()

    async def close(self, deadline: float) -> None:
        """Finish the batch under way, or abandon it at the deadline (it rolls back); then let the claim go."""
        self._closed.set()
        self._arrived.set()
        done, _ = await asyncio.wait([self.task], timeout=deadline)
        if not done:
            self.task.cancel()
        (error,) = await asyncio.gather(self.task, return_exceptions=True)
        if isinstance(error, Exception):
            log.warning("batch_left_undone", partition=str(self.tp), error=str(error))
        try:
            await offsets.release(self._pool, self.claim)
        except Exception as error:
            if not is_transient(error):
                raise
            log.info("claim_not_released", partition=str(self.tp), error=str(error))
        self._clear_metrics()

    async def _run(self) -> None:
        try:
            await self._persist(self._remember)
            await self._persist(self._free_mended)
            while not self._closed.is_set():
                self._arrived.clear()
                if self._backlog:
                    await self._persist(self._one_batch)
                else:
                    await self._arrived.wait()
        except Fenced as fenced:
            log.warning("partition_fenced", partition=str(self.tp), reason=str(fenced))
            self.fenced = True
        except PartitionStopped as stopped:
            await self.stand_still(stopped)

    async def stand_still(self, stopped: PartitionStopped) -> None:
        """Read nothing more of this partition until an operator has looked."""
        self.stopped = stopped
        self._consumer.pause(self.tp)
        standing.stands_still(self._service.name, self.tp, stopped.reason)
        log.error("partition_stopped", partition=str(self.tp), reason=stopped.reason, text=str(stopped))
        await self._persist(lambda: offsets.mark_stopped(self._pool, self.claim, stopped.reason))

    async def _one_batch(self) -> None:
        if self._unsure:
            await self._find_out()
        batch = [self._backlog[n] for n in range(min(BATCH, len(self._backlog)))]
        if batch:
            await self._processor.process(batch)
        self._forget_handled()
        if len(self._backlog) < BATCH and self._backlog_bytes <= BACKLOG_BYTES // 2:
            self._consumer.resume(self.tp)
        await self._consumer.commit_hint({self.tp: self.claim.position})
        if self._processor.mended:
            await self._free_mended()
            self._processor.mended.clear()

    async def _remember(self) -> None:
        """What the partition's last owner diverted counts on, also after a restart."""
        position = self.claim.position
        recent = await dead_letters.recent_poison(self._pool, self.tp, position - WINDOW)
        self._processor.limit.remember(position, recent)

    async def _free_mended(self) -> None:
        await dead_letters.free_mended(self._pool, self._service, self.tp.topic)

    async def _persist(self, step: Callable[[], Awaitable[None]]) -> None:
        """Try a step again after transient errors, with growing pauses; the member stays in the group."""
        pause = FIRST_PAUSE
        while True:
            try:
                await step()
                break
            except Exception as error:
                if self._closed.is_set() or not is_transient(error):
                    raise
                metrics.RETRIES.labels(self._service.name).inc()
                log.warning("batch_retried", partition=str(self.tp), error=str(error), pause=pause)
                self._unsure = True
                if pause == LONGEST_PAUSE and self.stopped is None:
                    await self._is_refused(f"transient: {error}"[:LONGEST_REASON])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        if self._refused and self.stopped is None:
            await self._goes_on()

    async def _is_refused(self, why: str) -> None:
        """Tell it, and write it down where the database takes that much; the step is tried on."""
        self._refused = True
        standing.stands_still(self._service.name, self.tp, why)
        try:
            await offsets.mark_stopped(self._pool, self.claim, why)
        except Exception as error:
            if not is_transient(error):
                raise

    async def _goes_on(self) -> None:
        self._refused = False
        standing.goes_on(self._service.name, self.tp)
        await self._persist(lambda: offsets.mark_stopped(self._pool, self.claim, None))

    async def _find_out(self) -> None:
        """After an error the outcome of a commit may be unknown: the offset in the database tells it."""
        self._processor.claim = await offsets.read_again(self._pool, self.claim)
        self._unsure = False
        self._forget_handled()
        await self._free_mended()

    def _forget_handled(self) -> None:
        while self._backlog and self._backlog[0].offset < self.claim.position:
            self._backlog_bytes -= len(self._backlog.popleft().value or b"")

    def observe(self, end: int, read_to: int | None) -> bool:
        """Bring the lag metrics up to date; whether all is handled.

        `end` is the next offset of the partition, `read_to` the one before which nothing more will come.
        """
        place = (self._service.name, self.tp.topic, self.tp.partition)
        position = self.claim.position if self._backlog else max(self.claim.position, read_to or 0)
        metrics.LAG_RECORDS.labels(*place).set(max(0, end - position))
        metrics.POISON_SHARE.labels(*place).set(self._processor.limit.share)
        now = utc_now()
        if position >= end:
            self._behind_since = now
        since = self._backlog[0].timestamp_ms if self._backlog else milliseconds(self._behind_since)
        metrics.LAG_SECONDS.labels(*place).set(max(0.0, (milliseconds(now) - since) / 1000))
        return position >= end and self.stopped is None

    def _clear_metrics(self) -> None:
        place = (self._service.name, self.tp.topic, self.tp.partition)
        for gauge in (metrics.LAG_RECORDS, metrics.LAG_SECONDS, metrics.POISON_SHARE):
            gauge.labels(*place).set(0)
        standing.goes_on(self._service.name, self.tp)
