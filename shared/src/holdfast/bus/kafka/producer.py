"""Sends to Kafka: idempotent, acknowledged by all replicas, our own choice of partition."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeGuard

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
)

from holdfast.bus.kafka.client import AWAY, unavailable
from holdfast.bus.limits import refusal
from holdfast.bus.partitioner import partition_of
from holdfast.bus.port import BusUnavailable, Outgoing, Position, RecordRefused, TopicMissing

BATCH_BYTES = 65_536
REQUEST_BYTES = 1_048_576
log = structlog.get_logger(__name__)

Outcome = Position | RecordRefused | BaseException


class KafkaProducer:
    """A producer on Kafka (`holdfast.bus.port.Producer`).

    After a time-out the client below keeps its batches and goes on trying in their order; what is sent again
    comes behind them, so a key's order is kept and only repetitions can be seen.
    """

    def __init__(self, options: dict[str, Any], seconds: float) -> None:
        self._options, self._seconds = options, seconds
        self._client: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Nothing to do: the first `send` connects."""

    async def stop(self) -> None:
        """Send what is under way, within the request time-out, and disconnect."""
        self._discard()
        while self._closing:
            await asyncio.wait(self._closing)

    async def send(self, records: Sequence[Outgoing]) -> list[Position | RecordRefused]:
        """Send, and wait for all replicas. Raises TopicMissing, BusUnavailable: then nothing is certain."""
        outcomes: list[Outcome | None] = [refusal(record) for record in records]
        good = [i for i, refused in enumerate(outcomes) if refused is None]
        try:
            async with asyncio.timeout(self._seconds):
                await self._send(good, records, outcomes)
        except AWAY as error:
            self._discard_if_broken(error)
            raise unavailable(error) from error
        return [_certain(outcome) for outcome in outcomes]

    async def _send(self, wanted: Sequence[int], records: Sequence[Outgoing], outcomes: list[Outcome | None]) -> None:
        """Fill the outcomes of the `wanted` records; what was too large in a batch is tried one by one."""
        if not wanted:
            return
        client = await self._connected()
        counts = {topic: await _partitions(client, topic) for topic in {records[i].topic for i in wanted}}
        places = {i: _place(records[i], counts[records[i].topic]) for i in wanted}
        for i, outcome in zip(wanted, await _deliver(client, records, places), strict=True):
            outcomes[i] = outcome
        failed = next((o for o in outcomes if _failed(o) and not _too_large(o)), None)
        if failed is not None:
            raise failed
        stuck = {place for i, place in places.items() if _too_large(outcomes[i])}
        await self._send_singly([i for i in wanted if places[i] in stuck], records, outcomes)

    async def _send_singly(
        self, wanted: Sequence[int], records: Sequence[Outgoing], outcomes: list[Outcome | None]
    ) -> None:
        """All of a partition again from its first record on, so that order within a key is kept."""
        for i in wanted:
            client = await self._connected() if len(wanted) > 1 else None
            if client is not None:
                count = await _partitions(client, records[i].topic)
                outcomes[i] = (await _deliver(client, records, {i: _place(records[i], count)}))[0]
            outcome = outcomes[i]
            if _too_large(outcome):
                self._discard()
                outcomes[i] = RecordRefused("The broker finds the record too large: send it in parts.")
            elif _failed(outcome):
                raise outcome

    async def _connected(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._client is None:
                client = AIOKafkaProducer(
                    **self._options,
                    enable_idempotence=True,
                    acks="all",
                    max_batch_size=BATCH_BYTES,
                    max_request_size=REQUEST_BYTES,
                )
                try:
                    await client.start()
                except BaseException:
                    self._close(client)
                    raise
                self._client = client
            return self._client

    def _discard_if_broken(self, error: BaseException) -> None:
        """An error that is not to be retried has broken the sequence that makes the client idempotent."""
        if isinstance(error, KafkaError) and not error.retriable and not isinstance(error, KafkaTimeoutError):
            self._discard()

    def _discard(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            self._close(client)

    def _close(self, client: AIOKafkaProducer) -> None:
        task = asyncio.create_task(_stop(client, self._seconds))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _stop(client: AIOKafkaProducer, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await client.stop()
    except AWAY as error:
        log.info("kafka_producer_closed_badly", error=str(error))


def _place(record: Outgoing, partitions: int) -> tuple[str, int]:
    return record.topic, partition_of(record.key, partitions)


async def _partitions(client: AIOKafkaProducer, topic: str) -> int:
    """How many partitions `topic` has; the client itself would wait long for a topic that is missing."""
    known = client.client.cluster.partitions_for_topic(topic)
    if known is None:
        if topic not in (await client.client.fetch_all_metadata()).topics():
            raise TopicMissing(topic)
        known = await client.partitions_for(topic)
    return len(known)


async def _deliver(
    client: AIOKafkaProducer, records: Sequence[Outgoing], places: dict[int, tuple[str, int]]
) -> list[Outcome]:
    """Hand over in order, wait for all, and answer what became of each."""
    futures: list[asyncio.Future[Any]] = []
    for i, (topic, partition) in places.items():
        record = records[i]
        future = await client.send(
            topic, record.value, record.key.encode(), partition=partition, headers=list(record.headers)
        )
        future.add_done_callback(_look)
        futures.append(future)
    return [_outcome(answer) for answer in await asyncio.gather(*futures, return_exceptions=True)]


def _look(future: asyncio.Future[Any]) -> None:
    """The error of a record that nobody waits for any more is no news."""
    with suppress(asyncio.CancelledError):
        future.exception()


def _outcome(answer: Any) -> Outcome:
    if isinstance(answer, BaseException):
        return answer
    if answer.offset < 0:
        return TimeoutError("the broker has the record but no longer knows where")
    topic, partition, offset = answer.topic, answer.partition, answer.offset
    return Position(topic, partition, offset)


def _failed(outcome: object) -> TypeGuard[BaseException]:
    return isinstance(outcome, BaseException) and not isinstance(outcome, RecordRefused)


def _too_large(outcome: object) -> bool:
    return isinstance(outcome, MessageSizeTooLargeError)


def _certain(outcome: Outcome | None) -> Position | RecordRefused:
    if isinstance(outcome, Position | RecordRefused):
        return outcome
    raise BusUnavailable(f"Kafka gave no answer for a record: {outcome!r}")
