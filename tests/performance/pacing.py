"""Sends events at a steady rate and measures how long each answer takes to come back on the bus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import orjson

from holdfast.bus.port import Consumer, Outgoing, Producer, Record, TopicPartition, Transport

MOST_SECONDS = 60.0
Batch = Sequence[Outgoing]
"""Sent together; the last record is the one that is answered."""


class FromTheEnd:
    """Reads what comes from now on; an `AssignmentListener`."""

    def __init__(self, consumer: Consumer, ends: dict[TopicPartition, int]) -> None:
        self._consumer, self._ends, self.assigned_now = consumer, ends, asyncio.Event()

    async def assigned(self, partitions: set[TopicPartition]) -> None:
        for tp in partitions:
            self._consumer.seek(tp, self._ends.get(tp, 0))
        if partitions:
            self.assigned_now.set()

    async def revoked(self, partitions: set[TopicPartition]) -> None:
        """Nothing to let go."""


def attempt_of(record: Outgoing | Record) -> str:
    """What an answer and its question have in common."""
    found: str = orjson.loads(record.value or b"{}").get("attempt", "")
    return found


class Clock:
    """When each question was sent and how many seconds its answer took."""

    def __init__(self) -> None:
        self.sent: dict[str, float] = {}
        self.took: dict[str, float] = {}
        self._heard = asyncio.Event()

    def answered(self, record: Record) -> None:
        """An answer has come; those to other questions are passed over."""
        attempt = attempt_of(record)
        if attempt in self.sent and attempt not in self.took:
            self.took[attempt] = time.perf_counter() - self.sent[attempt]
            self._heard.set()

    async def all_answered(self) -> None:
        """Wait for the answers to all questions. Raises TimeoutError when they stay out."""
        async with asyncio.timeout(MOST_SECONDS):
            while len(self.took) < len(self.sent):
                self._heard.clear()
                await self._heard.wait()

    def percentile(self, share: float, chosen: Callable[[str], bool] = lambda _: True) -> float:
        """Milliseconds within which a share of the chosen questions was answered."""
        found = sorted(seconds for attempt, seconds in self.took.items() if chosen(attempt))
        return found[min(len(found) - 1, int(len(found) * share))] * 1000


@asynccontextmanager
async def timed(transport: Transport, topic: str) -> AsyncIterator[tuple[Clock, Producer]]:
    """A clock that watches the answers on a topic for the length of the block, and a producer."""
    clock, producer, admin = Clock(), transport.producer(), transport.admin()
    ends = await admin.end_offsets([topic])
    await admin.close()
    consumer = transport.consumer(f"bench-{uuid4().hex[:8]}")
    listener = FromTheEnd(consumer, ends)
    await producer.start()
    await consumer.start([topic], listener)
    reading = asyncio.create_task(_read(consumer, clock))
    try:
        async with asyncio.timeout(MOST_SECONDS):
            await listener.assigned_now.wait()
        yield clock, producer
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await consumer.stop()
        await producer.stop()


async def _read(consumer: Consumer, clock: Clock) -> None:
    while True:
        for records in (await consumer.poll(0.5, 500)).values():
            for record in records:
                clock.answered(record)


async def pace(clock: Clock, producer: Producer, batches: Sequence[Batch], per_second: float) -> None:
    """Send the batches at a steady rate, whether or not answers come, and wait for the answers of all.

    Raises TimeoutError when answers stay out.
    """
    sending: set[asyncio.Task[object]] = set()
    start = time.perf_counter()
    for number, batch in enumerate(batches):
        await asyncio.sleep(max(0.0, start + number / per_second - time.perf_counter()))
        clock.sent[attempt_of(batch[-1])] = time.perf_counter()
        sending.add(asyncio.create_task(producer.send(batch)))
    await asyncio.gather(*sending)
    await clock.all_answered()
