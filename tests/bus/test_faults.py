"""Members that die or stall, and a bus that goes away."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from tests.bus.conftest import Bus, opened
from tests.bus.members import Member, numbered

from holdfast.bus.port import BusUnavailable, Position, TopicPartition
from holdfast.bus.postgres import PostgresTransport, install
from holdfast.platform.kafka_node import KafkaNode
from holdfast.platform.postgres_server import PostgresServer
from holdfast.platform.settings import BusSettings
from holdfast.testing.children import running
from holdfast.testing.waiting import eventually

pytestmark = pytest.mark.fault
LONG_SECONDS = 600.0


def holds_all(member: Member, bus: Bus) -> bool:
    return member.held == bus.partitions


async def test_row_4_4_15_a_killed_member_is_replaced(bus: Bus, bus_settings: BusSettings) -> None:
    """The embedded bus sees the connection end: it does not wait until a member has shown no life for long."""
    session = []
    if bus_settings.transport == "postgres":
        bus.transport, session = PostgresTransport(str(bus_settings.url), LONG_SECONDS), [str(LONG_SECONDS)]
    member = await bus.member().join(bus.name)
    await eventually(lambda: holds_all(member, bus), 20)
    command = ("-m", "tests.bus.child", bus_settings.model_dump_json(), bus.group, bus.name, *session)
    async with running(*command) as child:
        await eventually(lambda: len(member.held) == 2 and child.output.count("assigned") >= 1, 30)
        await (await bus.producer()).send(numbered(bus.name, 40))
        await child.kill()
        await eventually(lambda: holds_all(member, bus), 30)
    await eventually(lambda: len({(r.partition, r.offset) for r in member.records}) == 40, 20)


async def test_row_4_4_18_a_stalled_member_is_put_out_and_joins_anew(bus: Bus, bus_settings: BusSettings) -> None:
    short = bus_settings.model_copy(update={"kafka_session_timeout_seconds": 6.0})
    member = await bus.member().join(bus.name)
    command = ("-m", "tests.bus.child", short.model_dump_json(), bus.group, bus.name)
    async with running(*command) as child:
        await eventually(lambda: len(member.held) == 2 and child.output.count("assigned") >= 1, 30)
        child.send(signal.SIGSTOP)
        await eventually(lambda: holds_all(member, bus), 30)
        seen = child.output
        child.send(signal.SIGCONT)
        await eventually(lambda: len(member.held) == 2, 30)
        await eventually(lambda: "revoked" in child.output[len(seen) :], 20)
        await eventually(lambda: child.output.rstrip().splitlines()[-1].startswith("assigned"), 20)


class Server:
    """A bus that a test may stop and start again."""

    def __init__(
        self, settings: BusSettings, stop: Callable[[], Awaitable[object]], start: Callable[[], Awaitable[object]]
    ) -> None:
        self.settings, self.stop, self.start = settings, stop, start


@pytest.fixture(params=["postgres", pytest.param("kafka", marks=pytest.mark.kafka)])
async def server(request: pytest.FixtureRequest, server_folder: Path) -> AsyncIterator[Server]:
    if request.param == "kafka":
        node = KafkaNode(server_folder)
        await node.start()
        settings = node.settings.model_copy(update={"kafka_request_timeout_seconds": 3.0})
        yield Server(settings, node.kill, node.start)
        await node.kill()
        return
    postgres = PostgresServer(server_folder)
    url = await asyncio.to_thread(postgres.start)
    await install(url)
    settings = BusSettings(transport="postgres", url=url)
    yield Server(settings, lambda: asyncio.to_thread(postgres.stop), lambda: asyncio.to_thread(postgres.start))
    await asyncio.to_thread(postgres.stop)


async def test_row_4_4_11_the_bus_goes_away_and_comes_back(server: Server) -> None:
    async with opened(server.settings) as bus:
        producer = await bus.producer()
        member = await bus.member().join(bus.name)
        await eventually(lambda: holds_all(member, bus), 20)
        sent = await producer.send(numbered(bus.name, 20))
        await eventually(lambda: len(member.records) == 20, 20)
        await server.stop()
        with pytest.raises(BusUnavailable):
            await producer.send(numbered(bus.name, 20))
        await member.halt()
        assert await member.consumer.poll(0.2, 10) == {}
        with pytest.raises(BusUnavailable):
            await member.consumer.end_offsets(bus.partitions)
        await member.consumer.commit_hint(dict.fromkeys(bus.partitions, 1))
        member.go_on()
        await server.start()
        again = await until_sent(bus, producer)
        assert all(isinstance(position, Position) for position in again)
        await eventually(lambda: read_up_to(member, again), 30)
        assert read_up_to(member, sent)
        assert member.errors == []


def read_up_to(member: Member, positions: Sequence[object]) -> bool:
    """All of these, and in order within each partition."""
    read = [(TopicPartition(r.topic, r.partition), r.offset) for r in member.records]
    for tp in {tp for tp, _ in read}:
        offsets = [offset for other, offset in read if other == tp]
        assert offsets == list(range(offsets[0], offsets[-1] + 1))
    return {str(p) for p in positions} <= {f"{tp}:{offset}" for tp, offset in read}


async def until_sent(bus: Bus, producer: object) -> list[object]:
    async def attempt() -> list[object]:
        try:
            return list(await producer.send(numbered(bus.name, 20)))  # type: ignore[attr-defined]
        except BusUnavailable as error:
            raise AssertionError(str(error)) from error

    return await eventually(attempt, 30)
