"""PostgreSQL dies, its connections break in the middle of a commit, transactions are refused."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from tests.faults.fixtures import Server
from tests.faults.load import begin, has_no_crash, is_stopped, meanwhile, progress
from tests.faults.system import Api, System, happens_in_database, on_port, waiting
from tests.oracle.trade import Trade, order, request

from holdfast.testing.proxy import Proxy
from holdfast.testing.waiting import eventually

pytestmark = pytest.mark.fault

SERIALIZATION_FAILURES = """
CREATE SEQUENCE refused;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('test.passed', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
        IF nextval('refused') % 3 <> 0 THEN
            RAISE EXCEPTION 'injected' USING ERRCODE = 'serialization_failure';
        END IF;
        PERFORM set_config('test.passed', pg_current_xact_id()::text, true);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON decision DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuse();
"""


POSITION = "SELECT sum(next_offset) FROM consumer_offset"


@asynccontextmanager
async def asking(system: System, api: Api) -> AsyncIterator[list[str]]:
    """Check after check over HTTP, each sent until it is answered; ids of the decisions."""
    answered: list[str] = []
    stop = asyncio.Event()

    async def ask() -> None:
        while not stop.is_set():
            asked = request("C-http", f"HTTP-{len(answered) + 1:06d}", "0.10")
            answered.append(await until_answered(api, asked))
            system.oracle.check(asked)

    task = asyncio.create_task(ask())
    try:
        yield answered
    finally:
        stop.set()
        await task


async def until_answered(api: Api, asked: Any) -> str:
    """Send a check with one key until it is answered; the id of the decision."""
    key = str(uuid4())
    while True:
        with suppress(httpx.TransportError):
            answer = await api.check(asked, key)
            assert answer.status_code in {200, 409, 503}, answer.text
            if answer.status_code == 200:
                decision: str = answer.json()["decision"]
                return decision
        await asyncio.sleep(0.05)


async def test_row_4_4_7_killed_in_a_loop_under_load(frail_database: tuple[System, Server]) -> None:
    system, server = frail_database
    trade = Trade(7)
    await system.set_up([*trade.customers, "C-http"])
    async with system.worker() as worker, system.api() as api:
        await system.passed(system.goals)
        async with asking(system, api) as answered, meanwhile(system, trade, 2, 300) as playing:
            for _ in range(3):
                await progress(system, 40, playing)
                await server.kill()
                await eventually(lambda: not_ready(api), 20)
                await server.start()
                await eventually(lambda: ready(api), 30)
            so_far = len(answered)
            await eventually(lambda: len(answered) > so_far, 20)
            await playing
        await system.is_as_it_should_be()
        has_no_crash(worker)
        has_no_crash(api.child)
    lost = "SELECT count(*) FROM unnest($1::uuid[]) AS a (id) WHERE id NOT IN (SELECT id FROM decision)"
    assert await system.pool.fetchval(lost, answered) == 0


async def ready(api: Api) -> bool:
    return await api.ready() == 200


async def not_ready(api: Api) -> bool:
    return await api.ready() == 503


@pytest.mark.parametrize("lost", ["up", "down"])
async def test_row_4_4_9_a_commit_whose_outcome_is_unknown(lost: str, system: System) -> None:
    """The connection breaks with the COMMIT under way ("up": it never arrives) or its answer ("down")."""
    trade = await begin(system, 9)
    port = int(system.database.split(":")[-1].split("/")[0])
    async with Proxy(port) as proxy, meanwhile(system, trade, 1, 300):
        behind = on_port(system.database, proxy.port)
        async with system.worker("before_commit:2=stop", hold_database_url=behind) as worker:
            await eventually(lambda: is_stopped(worker), 30)
            before = await system.pool.fetchval(POSITION)
            proxy.half(lost)
            worker.send(signal.SIGCONT)
            await eventually(lambda: not is_stopped(worker))
            if lost == "down":
                await happens_in_database(system, f"SELECT ({POSITION}) > {before}")
            proxy.cut()
            proxy.heal()
            await system.passed(system.goals)
            await eventually(lambda: system.day > 2, 60)
            await system.is_as_it_should_be()
            assert "batch_retried" in worker.output
            has_no_crash(worker)


async def test_row_4_4_10_serialization_failures_at_every_commit(system: System) -> None:
    trade = await begin(system, 10)
    await system.pool.execute(SERIALIZATION_FAILURES)
    async with meanwhile(system, trade, 2, 200), system.worker() as worker:
        await eventually(lambda: system.day > 3, 60)
        await system.is_as_it_should_be()
        assert "batch_retried" in worker.output
        has_no_crash(worker)


async def test_row_4_4_10_a_worker_that_loses_a_deadlock_tries_again(system: System) -> None:
    await system.set_up(["C-1", "C-2"])
    async with system.worker() as worker:
        await system.passed(system.goals)
        connection = await asyncpg.connect(system.database)
        await connection.execute("SET deadlock_timeout = '60s'")
        lock = "SELECT FROM account WHERE company = 'DE01' AND customer = $1 FOR UPDATE"
        worker.send(signal.SIGSTOP)
        goals = []
        for customer, number in (("C-1", "SO-1"), ("C-2", "SO-2")):
            goals += await system.say([order(customer, number, "300"), request(customer, number, "300")])
        async with connection.transaction():
            await connection.fetch(lock, "C-2")
            worker.send(signal.SIGCONT)
            await happens_in_database(system, waiting(1))
            await connection.fetch(lock, "C-1")
        await connection.close()
        await system.passed(goals)
        await system.is_as_it_should_be()
        has_no_crash(worker)
