"""Reads what is on the bus, as any reader outside would."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from holdfast.bus.port import Consumer, Record, TopicPartition, Transport

MOST_SECONDS = 30


class Reading:
    """Reads a topic from its beginning; an assignment listener."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    async def assigned(self, partitions: set[TopicPartition]) -> None:
        """Every partition from its first record on."""
        for tp in partitions:
            self._consumer.seek(tp, 0)

    async def revoked(self, partitions: set[TopicPartition]) -> None:
        """Nothing to give up."""


async def read_topic(transport: Transport, topic: str) -> list[Record]:
    """All records that a topic has now, each partition's in order."""
    admin = transport.admin()
    ends = {tp: end for tp, end in (await admin.end_offsets([topic])).items() if end}
    await admin.close()
    consumer = transport.consumer(f"reader-{uuid4().hex[:8]}")
    records: list[Record] = []
    at: dict[TopicPartition, int] = {}
    await consumer.start([topic], Reading(consumer))
    try:
        async with asyncio.timeout(MOST_SECONDS):
            while any(at.get(tp, 0) < end for tp, end in ends.items()):
                for tp, found in (await consumer.poll(0.5, 500)).items():
                    records += found
                    at[tp] = found[-1].offset + 1
    finally:
        await consumer.stop()
    return records
