"""docs/runbooks/lost-broker.md, tried out on both transports."""

from __future__ import annotations

import asyncio

import pytest
from tests.faults.fixtures import Server
from tests.faults.load import begin
from tests.faults.system import System, happens_in_database
from tests.runbooks.pages import follow
from tests.runbooks.watching import watched_worker

from hold_service.app import SERVICE

pytestmark = pytest.mark.fault
PAGE = "lost-broker.md"


async def test_row_4_4_14_a_bus_that_comes_back_without_its_data(frail_bus: tuple[System, Server]) -> None:
    system, server = frail_bus
    trade = await begin(system, 14)
    async with system.worker() as worker:
        await system.play(trade.rounds(1, 120))
        await system.is_as_it_should_be()
        assert await worker.stop() == 0
    await server.kill()
    await server.start()
    await server.lose()
    await server.start()
    await follow(system, PAGE, "topics")
    async with watched_worker(system) as worker:
        await happens_in_database(system, "SELECT EXISTS (SELECT FROM consumer_offset WHERE stopped = 'lost_log')")
        status, problems = await worker.readiness()
        assert (status, "lost_log" in problems["partitions"]) == (503, True)
        topics = SERVICE.handlers.topics
        await asyncio.gather(*(follow(system, PAGE, "offsets reset", TOPIC=topic) for topic in topics))
        assert "events will be published again" in await follow(system, PAGE, "outbox resend")
        await system.put(list(system.sent))
        assert await worker.child.stop() == 0
    async with watched_worker(system) as worker:
        await system.is_as_it_should_be()
        await worker.shows("holdfast_partition_stopped", 0)
        await worker.shows("holdfast_lag_records", 0)
        await system.play(trade.rounds(1, 120))
        await system.is_as_it_should_be()
