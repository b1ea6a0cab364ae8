"""Looks at partitions from outside any group: first and next offsets, one record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import aiokafka
from aiokafka import AIOKafkaConsumer

from holdfast.bus.kafka.client import AWAY, unavailable
from holdfast.bus.port import BusUnavailable, Record, TopicMissing, TopicPartition

T = TypeVar("T")
ONE_RECORD_SECONDS = 5.0


def to_kafka(tp: TopicPartition) -> aiokafka.TopicPartition:
    """aiokafka's name of a partition."""
    return aiokafka.TopicPartition(tp.topic, tp.partition)


def to_record(found: Any) -> Record:
    """Our form of a record that aiokafka read."""
    return Record(
        found.topic,
        found.partition,
        found.offset,
        None if found.key is None else found.key.decode(errors="replace"),
        tuple([(name, value or b"") for name, value in found.headers]),
        found.value,
        found.timestamp,
    )


class Lookup:
    """A client without a group, made when first used. Every method raises BusUnavailable."""

    def __init__(self, options: dict[str, Any], seconds: float) -> None:
        self._options, self._seconds = options, seconds
        self._client: AIOKafkaConsumer | None = None
        self._lock = asyncio.Lock()

    async def begin_offsets(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset kept in each."""
        asked = [to_kafka(tp) for tp in tps]
        return _ours(await self._run(lambda client: client.beginning_offsets(asked)))

    async def end_offsets(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset the next record of each will get."""
        asked = [to_kafka(tp) for tp in tps]
        return _ours(await self._run(lambda client: client.end_offsets(asked)))

    async def partitions(self, topics: Iterable[str]) -> set[TopicPartition]:
        """All partitions of `topics`. Raises TopicMissing."""
        asked = list(topics)

        async def action(client: AIOKafkaConsumer) -> set[TopicPartition]:
            cluster = await client._client.fetch_all_metadata()
            for missing in sorted(set(asked) - cluster.topics()):
                raise TopicMissing(missing)
            return {TopicPartition(t, part) for t in asked for part in cluster.partitions_for_topic(t)}

        return await self._run(action)

    async def read_one(self, tp: TopicPartition, offset: int) -> Record | None:
        """The record at exactly this offset; None when there is none (any more)."""
        begin = (await self.begin_offsets([tp]))[tp]
        end = (await self.end_offsets([tp]))[tp]
        if not begin <= offset < end:
            return None
        return await self._run(lambda client: _read(client, to_kafka(tp), offset))

    async def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client is not None:
            await client.stop()

    async def _run(self, action: Callable[[AIOKafkaConsumer], Awaitable[T]]) -> T:
        async with self._lock:
            try:
                async with asyncio.timeout(self._seconds):
                    return await action(await self._connected())
            except AWAY as error:
                raise unavailable(error) from error

    async def _connected(self) -> AIOKafkaConsumer:
        if self._client is None:
            client = AIOKafkaConsumer(
                **self._options,
                enable_auto_commit=False,
                auto_offset_reset="none",
                isolation_level="read_committed",
            )
            try:
                await client.start()
            except BaseException:
                await client.stop()
                raise
            self._client = client
        return self._client


def _ours(offsets: dict[Any, int]) -> dict[TopicPartition, int]:
    return {TopicPartition(tp.topic, tp.partition): offset for tp, offset in offsets.items()}


async def _read(client: AIOKafkaConsumer, tp: aiokafka.TopicPartition, offset: int) -> Record | None:
    client.assign([tp])
    client.seek(tp, offset)
    found = await client.getmany(tp, timeout_ms=int(ONE_RECORD_SECONDS * 1000), max_records=1)
    client.unsubscribe()
    records = found.get(tp, [])
    if not records:
        raise BusUnavailable(f"Kafka did not hand out {tp.topic}:{tp.partition} at {offset} in time")
    return to_record(records[0]) if records[0].offset == offset else None
