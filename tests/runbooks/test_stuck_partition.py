"""docs/runbooks/stuck-partition.md, tried out."""

from __future__ import annotations

import pytest
from tests.faults.system import System, happens_in_database, on_port
from tests.faults.test_poison import BUG, FIX, mangled
from tests.faults.watching import watched_worker
from tests.oracle.trade import COMPANY, invoice
from tests.runbooks.pages import follow, metrics

from hold_service.app import SERVICE
from holdfast.bus import dead_letters
from holdfast.bus.partitioner import partition_of
from holdfast.contracts.topics import ERP_RECEIVABLES
from holdfast.testing.proxy import Proxy

pytestmark = pytest.mark.fault
PAGE = "stuck-partition.md"
STOPPED = "holdfast_partition_stopped"
WRITTEN = "SELECT EXISTS (SELECT FROM consumer_offset WHERE stopped = {})"
PLACE = {"service": "hold-service", "topic": ERP_RECEIVABLES.name, "partition": "0"}


def customers_of_partition_0(count: int) -> list[str]:
    """Customers whose events share a partition."""
    names = (f"C-{n}" for n in range(10_000))
    mine = (n for n in names if partition_of(f"{COMPANY}/{n}", ERP_RECEIVABLES.partitions) == 0)
    return [next(mine) for _ in range(count)]


async def test_row_4_4_21_a_bad_deploy_stops_the_partition_until_it_is_rolled_back(system: System) -> None:
    """Three in ten are poison: the partition stops, others go on; mended and restarted, it goes on where it stood."""
    customers = customers_of_partition_0(120)
    await system.set_up([*customers, "C-1"])
    await system.pool.execute(BUG)
    facts = [invoice(c, f"{'BAD' if n % 10 < 3 else 'INV'}-{n}", "10") for n, c in enumerate(customers)]
    async with watched_worker(system) as worker:
        await system.passed(system.goals)
        goals = await system.say(facts)
        await worker.shows(STOPPED, 1, **PLACE)
        await worker.shows(STOPPED, 1)
        assert STOPPED in metrics(PAGE)
        status, problems = await worker.readiness()
        assert status == 503
        assert f"{ERP_RECEIVABLES.name}:0 is stopped: too_much_poison" in problems["partitions"]
        await worker.exceeds("holdfast_lag_seconds", 0, **PLACE)
        diverted = (await follow(system, PAGE, "dead-letters list")).count("poison")
        elsewhere = next(f"C-X{n}" for n in range(99) if partition_of(f"{COMPANY}/C-X{n}", 6) != 0)
        await system.passed(await system.say([invoice(elsewhere, "INV-X", "10")]))
        assert (await follow(system, PAGE, "dead-letters list")).count("poison") == diverted
        assert await worker.child.stop() == 0
    await system.pool.execute(FIX)
    async with watched_worker(system) as worker:
        await system.passed(goals)
        await worker.shows(STOPPED, 0)
        first, *others = [letter["id"] for letter in await dead_letters.waiting(system.pool)]
        await follow(system, "dead-letters.md", "dead-letters replay", ID=str(first))
        for number in others:
            assert (await dead_letters.replay(system.pool, SERVICE, number)).failed is None
        assert (await worker.readiness())[0] == 200
        await worker.shows("holdfast_dead_letters", 0)
        await system.is_as_it_should_be()


async def test_row_4_4_21_nonsense_of_a_sender_is_dropped_before_the_restart(embedded: System) -> None:
    """What waits counts on, so a restart alone would stop at once; when it is dropped the worker passes the rest."""
    system, customers = embedded, customers_of_partition_0(30)
    await system.set_up(customers)
    nonsense = [mangled(invoice(c, f"INV-{c}", "10"), f"bad-{c}", amount="much") for c in customers]
    async with watched_worker(system) as worker:
        await system.passed(system.goals)
        goals = await system.put(nonsense)
        await worker.shows(STOPPED, 1, **PLACE)
        assert await worker.child.stop() == 0
    first, *others = [letter["id"] for letter in await dead_letters.waiting(system.pool)]
    async with watched_worker(system) as worker:
        await worker.shows(STOPPED, 1, **PLACE)
        assert len(await dead_letters.waiting(system.pool)) == 1 + len(others)
        await follow(system, PAGE, "dead-letters drop", ID=str(first))
        for number in others:
            await dead_letters.drop(system.pool, SERVICE, number, "agreed with the sender")
        assert await worker.child.stop() == 0
    async with watched_worker(system) as worker:
        await system.passed(goals)
        await worker.shows(STOPPED, 0)


async def test_a_database_that_refuses_everything_alarms_and_goes_on_by_itself(system: System) -> None:
    """Reason `transient`: metric, readiness and table tell it after the longest pause, and no longer when mended."""
    await system.set_up(["C-1"])
    refuse = """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$;
                CREATE TRIGGER refuse BEFORE INSERT ON inbox FOR EACH STATEMENT EXECUTE FUNCTION refuse()"""
    async with watched_worker(system) as worker:
        await system.passed(system.goals)
        await system.pool.execute(refuse)
        goals = await system.say([invoice("C-1", "INV-1", "10")])
        await worker.shows(STOPPED, 1)
        status, problems = await worker.readiness()
        assert (status, problems.keys()) == (503, {"partitions"})
        assert ":0 is stopped: transient: no space" in problems["partitions"]
        await happens_in_database(system, WRITTEN.format("'transient: no space'"))
        await system.pool.execute("DROP TRIGGER refuse ON inbox")
        await system.passed(goals)
        await worker.shows(STOPPED, 0)
        await happens_in_database(system, f"SELECT NOT ({WRITTEN.format('stopped')})")
        assert await worker.readiness() == (200, {})
        await system.is_as_it_should_be()


async def test_a_database_that_is_away_is_told_without_it(embedded: System) -> None:
    """Nothing can be written down then: readiness tells what this process knows."""
    system = embedded
    await system.set_up(["C-1"])
    port = int(system.database.split(":")[-1].split("/")[0])
    async with Proxy(port) as proxy:
        behind = on_port(system.database, proxy.port)
        async with watched_worker(system, hold_database_url=behind) as worker:
            await system.passed(system.goals)
            proxy.refuse()
            goals = await system.say([invoice("C-1", "INV-1", "10")])
            await worker.shows(STOPPED, 1)
            status, problems = await worker.readiness()
            assert (status, problems.keys()) == (503, {"database", "partitions"})
            assert "is stopped: transient: " in problems["partitions"]
            proxy.heal()
            await system.passed(goals)
            await worker.shows(STOPPED, 0)
            assert await worker.readiness() == (200, {})
            await system.is_as_it_should_be()
