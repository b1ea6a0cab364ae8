"""docs/runbooks/lost-broker.md, tried out on both transports."""

from __future__ import annotations

import asyncio

import pytest
from tests.faults.fixtures import Server
from tests.faults.load import begin
from tests.faults.system import System, happens_in_database
from tests.faults.watching import watched_worker
from tests.runbooks.pages import follow
from tests.runbooks.reconciling import credit_worker, ties_out, with_credit_service

import credit_service.app
import hold_service.app
from holdfast.testing.databases import Databases

pytestmark = pytest.mark.fault
PAGE = "lost-broker.md"


async def test_row_4_4_14_a_bus_that_comes_back_without_its_data(
    frail_bus: tuple[System, Server], fresh_database: Databases
) -> None:
    system, server = frail_bus
    trade = await begin(system, 14)
    await with_credit_service(system, fresh_database)
    async with system.worker() as worker, credit_worker(system):
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
        for service in (hold_service.app.SERVICE, credit_service.app.SERVICE):
            values, topics = {"SERVICE": service.name}, service.handlers.topics
            await asyncio.gather(*(follow(system, PAGE, "offsets reset", TOPIC=topic, **values) for topic in topics))
            assert "events will be published again" in await follow(system, PAGE, "outbox resend", **values)
        await system.put(list(system.sent))
        assert await worker.child.stop() == 0
    async with watched_worker(system) as worker:
        await system.is_as_it_should_be()
        await worker.shows("holdfast_partition_stopped", 0)
        await worker.shows("holdfast_lag_records", 0)
        await system.play(trade.rounds(1, 120))
        await system.is_as_it_should_be()
        await ties_out(system, PAGE)
