"""The world on either transport."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from shared.tests.bus_core import toy
from shared.tests.bus_core.world import World

from holdfast.bus.connect import connect
from holdfast.bus.postgres import install
from holdfast.platform.settings import BusSettings
from holdfast.testing.databases import Databases


@pytest.fixture(params=["postgres", pytest.param("kafka", marks=pytest.mark.kafka)])
async def bus_settings(request: pytest.FixtureRequest, fresh_database: Databases) -> AsyncIterator[BusSettings]:
    """A bus without records. The topics have fixed names, so they are deleted at the end."""
    if request.param == "postgres":
        url = await fresh_database(scripts=())
        await install(url)
        yield BusSettings(transport="postgres", url=url)
        return
    settings: BusSettings = request.getfixturevalue("kafka").settings
    yield settings.model_copy(update={"kafka_session_timeout_seconds": 6.0})
    admin = connect(settings).admin()
    await admin.delete_topics([topic.name for topic in toy.TOPICS])
    await admin.close()


@pytest.fixture
async def world(database_url: str, pool: asyncpg.Pool, bus_settings: BusSettings) -> AsyncIterator[World]:
    """The toy service on a bus."""
    transport = connect(bus_settings)
    admin, producer = transport.admin(), transport.producer()
    assert await admin.create_topics(toy.TOPICS) == []
    await admin.close()
    await producer.start()
    yield World(database_url, bus_settings, transport, producer, pool)
    await producer.stop()
