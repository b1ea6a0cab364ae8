"""Offsets committed to Kafka for lag tools only; the truth is in our own database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from aiokafka import AIOKafkaConsumer

from holdfast.bus.kafka.client import AWAY
from holdfast.bus.kafka.lookup import to_kafka
from holdfast.bus.port import TopicPartition

HINT_SECONDS = 1.0
log = structlog.get_logger(__name__)


class Hints:
    """Collects next offsets and commits the newest every second, with the client there is at that moment."""

    def __init__(self, client: Callable[[], AIOKafkaConsumer | None]) -> None:
        self._client = client
        self._offsets: dict[TopicPartition, int] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Commit every second from now on."""
        self._task = asyncio.create_task(self._run())

    def note(self, offsets: dict[TopicPartition, int]) -> None:
        """Remember how far we are."""
        self._offsets.update(offsets)

    async def stop(self) -> None:
        """Commit what is left; never raises."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
            await self.commit()

    async def commit(self) -> None:
        """A refusal, as during a rebalance, is normal."""
        noted, self._offsets = self._offsets, {}
        client = self._client()
        if client is None:
            return
        ours = client.assignment()
        offsets = {to_kafka(tp): offset for tp, offset in noted.items() if to_kafka(tp) in ours}
        if not offsets:
            return
        try:
            async with asyncio.timeout(HINT_SECONDS):
                await client.commit(offsets)
        except AWAY as error:
            log.info("kafka_commit_hint_refused", error=str(error) or type(error).__name__)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(HINT_SECONDS)
            await self.commit()
