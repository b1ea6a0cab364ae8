"""One bus per transport, with a topic of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest
from tests.bus.members import Member, Start

from holdfast.bus.connect import connect
from holdfast.bus.port import Producer, TopicPartition, Transport
from holdfast.bus.postgres import install
from holdfast.contracts.topics import Topic
from holdfast.platform.settings import BusSettings
from holdfast.testing.databases import Databases

PARTITIONS = 4


@dataclass
class Bus:
    """What a contract test works with; members and producers made here are stopped at its end."""

    transport: Transport
    topic: Topic
    members: list[Member]
    producers: list[Producer]
    group: str

    @property
    def name(self) -> str:
        return self.topic.name

    @property
    def partitions(self) -> set[TopicPartition]:
        return {TopicPartition(self.name, part) for part in range(self.topic.partitions)}

    def member(self, start: dict[TopicPartition, int] | Start | None = lambda tp: 0) -> Member:
        member = Member(self.transport.consumer(self.group, f"member-{len(self.members)}"), start)
        self.members.append(member)
        return member

    async def producer(self) -> Producer:
        producer = self.transport.producer()
        self.producers.append(producer)
        await producer.start()
        return producer


@pytest.fixture(params=["postgres", pytest.param("kafka", marks=pytest.mark.kafka)])
async def bus_settings(request: pytest.FixtureRequest, fresh_database: Databases) -> BusSettings:
    """Where the bus of this test is."""
    if request.param == "kafka":
        settings: BusSettings = request.getfixturevalue("kafka").settings
        return settings.model_copy(update={"kafka_session_timeout_seconds": 6.0})
    url = await fresh_database(scripts=())
    await install(url)
    return BusSettings(transport="postgres", url=url)


@asynccontextmanager
async def opened(settings: BusSettings) -> AsyncIterator[Bus]:
    """A topic of four partitions on the bus of these settings."""
    transport = connect(settings)
    topic = Topic(f"contract-{uuid4().hex[:8]}.v1", "the tests", partitions=PARTITIONS)
    admin = transport.admin()
    assert await admin.create_topics([topic]) == []
    bus = Bus(transport, topic, [], [], f"group-{uuid4().hex[:8]}")
    try:
        yield bus
    finally:
        for member in bus.members:
            await member.leave()
        for producer in bus.producers:
            await producer.stop()
        await admin.close()


@pytest.fixture
async def bus(bus_settings: BusSettings) -> AsyncIterator[Bus]:
    """A bus with one topic of four partitions."""
    async with opened(bus_settings) as bus:
        yield bus
