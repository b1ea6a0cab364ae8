"""A handler that takes longer than a member may show no life, and, on the embedded bus, longer than it may go without a
poll."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from shared.tests.bus_core import toy
from shared.tests.bus_core.fixtures import bus_settings, world
from shared.tests.bus_core.oracle import stream
from shared.tests.bus_core.world import World
from tests.bus.members import Member

from holdfast.bus import metrics
from holdfast.bus.postgres import PostgresTransport
from holdfast.bus.postgres import consumer as embedded
from holdfast.contracts.topics import ERP_ORDERS
from holdfast.testing.children import running
from holdfast.testing.waiting import eventually

__all__ = ["bus_settings", "world"]
pytestmark = pytest.mark.fault
SHORT_SECONDS = 1.0
"""Of the embedded bus; a session of Kafka is the shortest that its broker lets one have."""


def shorten(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Limits that a test can wait for."""
    if world.settings.transport == "kafka":
        return world
    monkeypatch.setattr(embedded, "MOST_SECONDS_BETWEEN_POLLS", SHORT_SECONDS)
    return replace(world, transport=PostgresTransport(str(world.settings.url), SHORT_SECONDS))


@asynccontextmanager
async def canaries(world: World) -> AsyncIterator[Member]:
    """Another group: who shows no life is put out of it, and on the embedded bus who does not poll; then the one who is
    left has all."""
    settings, is_embedded = world.settings.model_dump_json(), world.settings.transport == "postgres"
    session = [str(SHORT_SECONDS)] if is_embedded else []
    names = ("well", "idle") if is_embedded else ("well",)
    members = [Member(world.transport.consumer("canaries", name), lambda _: 0) for name in names]
    for member in members:
        await member.join(ERP_ORDERS.name)
    try:
        async with running("-m", "tests.bus.child", settings, "canaries", ERP_ORDERS.name, *session) as silent:
            share = ERP_ORDERS.partitions // (len(members) + 1)
            await eventually(lambda: all(len(member.held) == share for member in members), 30)
            silent.send(signal.SIGSTOP)
            for idle in members[1:]:
                await idle.halt()
            yield members[0]
    finally:
        for member in members:
            await member.leave()


async def test_row_4_4_17_a_handler_slower_than_all_limits_keeps_its_partitions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = shorten(world, monkeypatch)
    begun, go_on, note = asyncio.Event(), asyncio.Event(), toy.note

    async def slow(*arguments: Any) -> None:
        begun.set()
        await go_on.wait()
        await note(*arguments)

    monkeypatch.setattr(toy, "note", slow)
    events = stream(17, 60)
    held, rebalances = metrics.OWNED.labels(toy.NAME), metrics.REBALANCES.labels(toy.NAME)
    async with world.running():
        await eventually(lambda: held._value.get() == sum(t.partitions for t in (toy.TOPICS[0], toy.TOPICS[1])), 30)
        before = rebalances._value.get()
        await world.send(events)
        await begun.wait()
        async with canaries(world) as well:
            await eventually(lambda: len(well.held) == ERP_ORDERS.partitions, 60)
        assert await world.count() == 0
        go_on.set()
        await world.passed(events)
        assert rebalances._value.get() == before
