"""The relay publishes what the outbox holds: in order per key, at least once, whatever dies in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import asyncpg
import structlog

from holdfast.bus import failpoints, metrics
from holdfast.bus.envelope import event_headers
from holdfast.bus.outbox import LANE_LOCK, LANES, WRITTEN
from holdfast.bus.port import BusUnavailable, Outgoing, Position, Producer, RecordRefused
from holdfast.database.work import Chain, Work, is_transient

BATCH = 1000
SWEEP_SECONDS = 0.1
"""How often to look without being woken: what other processes wrote, and what a crash left."""
SOON_SECONDS = 0.005
SEND_SECONDS = 8.0
"""Shorter than the time after which PostgreSQL ends an idle transaction and with it the lane locks."""
LONGEST_PAUSE = 5.0

TAKE = """
WITH lazily AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), lanes AS MATERIALIZED (
    SELECT lane::smallint FROM lazily CROSS JOIN generate_series(0, CASE WHEN (
        SELECT true FROM outbox_unsent ORDER BY seq LIMIT 1) THEN $1 - 1 ELSE -1 END) AS lane
    WHERE pg_try_advisory_xact_lock($2, lane)
), oldest AS MATERIALIZED (
    SELECT ctid FROM outbox_unsent WHERE lane IN (SELECT lane FROM lanes) ORDER BY seq LIMIT $3
), taken AS (
    DELETE FROM outbox_unsent WHERE ctid = ANY (ARRAY(SELECT ctid FROM oldest)) RETURNING seq
)
SELECT o.seq, o.id, o.aggregatetype, o.aggregateid, o.type, o.payload, o.traceparent, o.created_at, o.sequence
FROM taken t CROSS JOIN LATERAL (SELECT * FROM outbox WHERE seq = t.seq OFFSET 0) o ORDER BY o.seq
"""
"""What the sender before us has sent between the look and the lock is seen again by the DELETE, and left out. By
`ctid`, since a join of two lists of unknown length may become a loop in a loop.

The commit does not wait for the disk: what a crash of the server takes back is sent once more, as after a crash of the
relay, and the events themselves were there before."""

log = structlog.get_logger(__name__)


class Relay:
    """Publishes the outbox of one service; any number of relays may run, each lane has one sender at a time."""

    def __init__(self, service: str, source: str, pool: asyncpg.Pool, producer: Producer) -> None:
        self._service, self._source = service, source
        self._producer, self._chain = producer, Chain(pool)

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop`; what is there at that moment is still sent if the bus answers."""
        woken = WRITTEN.listen()
        pause = SWEEP_SECONDS
        try:
            while not stop.is_set():
                was_woken = woken.is_set()
                woken.clear()
                sent = await self._try()
                pause = self._pause(sent, pause, was_woken)
                if sent is None or sent < BATCH:
                    await self._wait(woken, stop, pause)
            await self._try()
        finally:
            WRITTEN.forget(woken)
            await self._chain.close()

    @staticmethod
    def _pause(sent: int | None, pause: float, was_woken: bool) -> float:
        """How long to wait at most. Woken for nothing, the lane is at that moment another relay's, who may have looked
        before the row was there: look again soon, and then less and less often."""
        if sent is None:
            return min(pause * 2, LONGEST_PAUSE)
        if was_woken and not sent:
            return SOON_SECONDS
        return SWEEP_SECONDS if sent else min(pause * 2, SWEEP_SECONDS)

    async def drain(self) -> int:
        """Publish one batch; answers how many rows were settled. Raises BusUnavailable."""
        async with self._chain.transaction() as work:
            rows = await self._take(work)
            if rows:
                failpoints.hit("relay_before_send")
                async with asyncio.timeout(SEND_SECONDS):
                    answers = await self._producer.send([self._record(row) for row in rows])
                failpoints.hit("relay_after_send")
                await self._settle(work, rows, answers)
        return len(rows)

    async def _try(self) -> int | None:
        try:
            return await self.drain()
        except (BusUnavailable, TimeoutError) as error:
            log.warning("outbox_bus_unavailable", service=self._service, error=str(error))
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("outbox_database_unavailable", service=self._service, error=str(error))
        return None

    async def _wait(self, woken: asyncio.Event, stop: asyncio.Event, seconds: float) -> None:
        waits = [asyncio.ensure_future(woken.wait()), asyncio.ensure_future(stop.wait())]
        _, pending = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*pending)

    async def _take(self, work: Work) -> list[asyncpg.Record]:
        """Take the lanes that nobody sends now and strike the oldest unsent rows in them off, which the rollback undoes
        when they are not sent."""
        return list(await work.conn.fetch(TAKE, LANES, LANE_LOCK, BATCH))

    def _record(self, row: asyncpg.Record) -> Outgoing:
        headers = event_headers(
            str(row["id"]), self._source, row["type"], row["created_at"], row["aggregateid"],
            row["traceparent"], {"sequence": str(row["sequence"])},
        )  # fmt: skip
        return Outgoing(row["aggregatetype"], row["aggregateid"], row["payload"].encode(), headers)

    async def _settle(
        self, work: Work, rows: Sequence[asyncpg.Record], answers: Sequence[Position | RecordRefused]
    ) -> None:
        answered = zip(rows, answers, strict=True)
        refused = [(row, answer) for row, answer in answered if isinstance(answer, RecordRefused)]
        metrics.OUTBOX_SENT.labels(self._service).inc(len(rows) - len(refused))
        for row, answer in refused:
            log.error("outbox_event_refused", service=self._service, id=str(row["id"]), error=str(answer))
            await work.conn.execute(
                "UPDATE outbox SET refused_at = $2, refusal = $3 WHERE seq = $1",
                row["seq"], work.now, str(answer),
            )  # fmt: skip


async def observe(pool: asyncpg.Pool, service: str) -> None:
    """Bring the outbox metrics up to date."""
    row = await pool.fetchrow(
        """SELECT (SELECT count(*) FROM outbox_unsent) AS waiting,
                  (SELECT count(*) FROM outbox WHERE refused_at IS NOT NULL) AS refused,
                  (SELECT extract(epoch FROM now() - created_at) FROM outbox
                   WHERE seq = (SELECT min(seq) FROM outbox_unsent)) AS age"""
    )
    assert row is not None
    metrics.OUTBOX_WAITING.labels(service).set(row["waiting"])
    metrics.OUTBOX_REFUSED.labels(service).set(row["refused"])
    metrics.OUTBOX_AGE.labels(service).set(row["age"] or 0)
