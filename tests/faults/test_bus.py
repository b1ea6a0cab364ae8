"""The bus goes away, comes back, or is not the one it was."""

from __future__ import annotations

import pytest
from tests.faults.fixtures import Server
from tests.faults.load import begin, has_no_crash, is_stopped, meanwhile, progress
from tests.faults.system import System, happens_in_database
from tests.oracle.trade import order, request

from holdfast.contracts.topics import ERP_ORDERS, TOPIC_BY_NAME
from holdfast.testing.waiting import eventually

pytestmark = pytest.mark.fault

UNSENT = "SELECT count(*) FROM outbox_unsent"


async def test_row_4_4_11_the_api_takes_checks_while_the_bus_is_down(frail_bus: tuple[System, Server]) -> None:
    system, server = frail_bus
    customers = [f"C-{n}" for n in range(8)]
    await system.set_up(customers)
    async with system.worker() as worker, system.api() as api:
        await system.passed(system.goals)
        await server.kill()
        for number in range(80):
            asked = request(customers[number % 8], f"SO-{number:06d}", "300")
            answer = await api.check(asked)
            assert answer.status_code == 200, answer.text
            system.oracle.check(asked)
        assert await api.ready() == 200
        assert await system.pool.fetchval(UNSENT) == 80
        await server.start()
        await happens_in_database(system, f"SELECT ({UNSENT}) = 0", 40)
        await system.is_as_it_should_be()
        has_no_crash(worker)
        has_no_crash(api.child)


async def test_row_4_4_14_a_bus_that_restarts_with_its_data(frail_bus: tuple[System, Server]) -> None:
    system, server = frail_bus
    trade = await begin(system, 14)
    async with meanwhile(system, trade, 2, 250) as playing, system.worker() as worker:
        for _ in range(2):
            await progress(system, 60, playing)
            await server.kill()
            await server.start()
        await playing
        await system.is_as_it_should_be()
        has_no_crash(worker)


@pytest.mark.parametrize("more", [False, True], ids=["shorter", "longer"])
async def test_row_4_4_14_row_4_5_12_a_topic_made_anew_is_noticed(more: bool, system: System) -> None:
    """Its end lies below what was read, or, when it has outgrown that, its last record is another one."""
    await system.set_up(["C-1"])
    orders = [order("C-1", f"SO-{n:06d}", "10") for n in range(20)]
    async with system.worker() as worker:
        await system.passed(system.goals + await system.say(orders))
        assert await worker.stop() == 0
    admin = system.transport.admin()
    await admin.delete_topics([ERP_ORDERS.name])
    assert await admin.create_topics([TOPIC_BY_NAME[ERP_ORDERS.name]]) == []
    await admin.close()
    anew = [order("C-1", f"SO-{n:06d}", "20") for n in range(100, 140 if more else 105)]
    await system.say(anew, to_oracle=False)
    before = await system.pool.fetchval("SELECT count(*) FROM inbox")
    async with system.worker() as worker:
        await happens_in_database(system, "SELECT EXISTS (SELECT FROM consumer_offset WHERE stopped = 'lost_log')")
        assert "holdfast offsets reset" in worker.output
        assert await system.pool.fetchval("SELECT count(*) FROM inbox") == before
        has_no_crash(worker)


@pytest.mark.kafka
@pytest.mark.parametrize("system", ["kafka"], indirect=True)
async def test_row_4_4_16_a_commit_refused_during_a_rebalance_is_normal(system: System) -> None:
    """A stopped member commits with the generation it had; the group has gone on without it."""
    trade = await begin(system, 16)
    async with meanwhile(system, trade, 2, 300) as playing:
        async with system.worker("after_commit:2=stop") as late:
            await eventually(lambda: is_stopped(late), 30)
            async with system.worker() as other:
                await progress(system, 100, playing)
                late.send(18)
                await playing
                await system.is_as_it_should_be()
                await eventually(lambda: "kafka_commit_hint_refused" in late.output, 20)
                has_no_crash(other)
            has_no_crash(late)
            assert late.status is None
