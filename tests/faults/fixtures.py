"""Systems on either transport: on servers shared by the run, or on servers that a test may kill."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.faults.system import System, opened

from hold_service.app import MIGRATIONS
from holdfast.bus.connect import connect
from holdfast.bus.postgres import install
from holdfast.contracts.topics import TOPICS
from holdfast.database.migrations import migrate
from holdfast.database.roles import drop_database, ensure_database
from holdfast.platform.kafka_node import KafkaNode
from holdfast.platform.postgres_server import PostgresServer
from holdfast.platform.settings import BusSettings
from holdfast.testing.databases import Databases

BOTH = ["postgres", pytest.param("kafka", marks=pytest.mark.kafka)]


@asynccontextmanager
async def a_bus(transport: str, databases: Databases, request: pytest.FixtureRequest) -> AsyncIterator[BusSettings]:
    """An empty bus. The topics have fixed names, so they are deleted at the end."""
    if transport == "postgres":
        url = await databases(scripts=())
        await install(url)
        yield BusSettings(transport="postgres", url=url)
        return
    settings: BusSettings = request.getfixturevalue("kafka").settings
    yield settings.model_copy(update={"kafka_session_timeout_seconds": 6.0})
    admin = connect(settings).admin()
    await admin.delete_topics([topic.name for topic in TOPICS])
    await admin.close()


@pytest.fixture(params=BOTH)
async def system(request: pytest.FixtureRequest, fresh_database: Databases, tmp_path: Path) -> AsyncIterator[System]:
    """hold-service on each transport."""
    async with a_bus(request.param, fresh_database, request) as bus:
        async with opened(await fresh_database(MIGRATIONS), bus, tmp_path) as made:
            yield made


@pytest.fixture
async def embedded(fresh_database: Databases, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[System]:
    """hold-service on the embedded bus, for what has nothing to do with the transport."""
    async with a_bus("postgres", fresh_database, request) as bus:
        async with opened(await fresh_database(MIGRATIONS), bus, tmp_path) as made:
            yield made


@dataclass
class Server:
    """Something that a test may kill, start again, and have lose its data."""

    kill: Callable[[], Awaitable[object]]
    start: Callable[[], Awaitable[object]]
    lose: Callable[[], Awaitable[object]]


@asynccontextmanager
async def a_bus_server(transport: str, folder: Path) -> AsyncIterator[tuple[BusSettings, Server]]:
    """A bus on a server of its own."""
    if transport == "kafka":
        node = KafkaNode(folder)
        await node.start()
        yield (
            node.settings.model_copy(update={"kafka_request_timeout_seconds": 3.0}),
            Server(node.kill, node.start, node.wipe),
        )
        await node.kill()
        return
    postgres = PostgresServer(folder)
    await asyncio.to_thread(postgres.start)
    url = await ensure_database(postgres.url, "holdfast_bus", "secret")
    await install(url)

    async def lose() -> None:
        """A bus without records, as after a disk was replaced."""
        await drop_database(postgres.url, "holdfast_bus")
        await ensure_database(postgres.url, "holdfast_bus", "secret")

    yield (
        BusSettings(transport="postgres", url=url),
        Server(lambda: asyncio.to_thread(postgres.kill), lambda: asyncio.to_thread(postgres.start), lose),
    )
    await asyncio.to_thread(postgres.stop)


@pytest.fixture(params=BOTH)
async def frail_bus(
    request: pytest.FixtureRequest, fresh_database: Databases, server_folder: Path, tmp_path: Path
) -> AsyncIterator[tuple[System, Server]]:
    """hold-service on a bus that a test may kill; its database is not touched."""
    async with a_bus_server(request.param, server_folder) as (bus, server):
        async with opened(await fresh_database(MIGRATIONS), bus, tmp_path) as made:
            yield made, server


@pytest.fixture(params=BOTH)
async def frail_database(
    request: pytest.FixtureRequest, fresh_database: Databases, server_folder: Path, tmp_path: Path
) -> AsyncIterator[tuple[System, Server]]:
    """hold-service on a PostgreSQL that a test may kill; the embedded bus lives on it too."""
    postgres = PostgresServer(server_folder)
    await asyncio.to_thread(postgres.start)
    url = await ensure_database(postgres.url, "holdfast_hold", "secret")
    await migrate(url, MIGRATIONS)

    async def never() -> None:
        raise NotImplementedError

    server = Server(lambda: asyncio.to_thread(postgres.kill), lambda: asyncio.to_thread(postgres.start), never)
    try:
        if request.param == "kafka":
            async with a_bus("kafka", fresh_database, request) as bus, opened(url, bus, tmp_path) as made:
                yield made, server
            return
        bus_url = await ensure_database(postgres.url, "holdfast_bus", "secret")
        await install(bus_url)
        async with opened(url, BusSettings(transport="postgres", url=bus_url), tmp_path) as made:
            yield made, server
    finally:
        await asyncio.to_thread(postgres.stop)
