"""docs/runbooks/restored-database.md, tried out: the cluster's folder is put back to an earlier copy."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

import orjson
import pytest
from tests.faults.fixtures import BOTH, a_bus
from tests.faults.system import System, opened
from tests.faults.watching import watched_worker
from tests.oracle.comparing import same_facts
from tests.oracle.trade import invoice, request
from tests.runbooks.pages import FOLDER, follow
from tests.runbooks.reconciling import ties_out, with_credit_service

from hold_service.app import MIGRATIONS
from holdfast.bus.envelope import Incoming
from holdfast.contracts.topics import HOLDS, TOPICS
from holdfast.database.migrations import migrate
from holdfast.database.roles import ensure_database
from holdfast.erp.answers import read_topic
from holdfast.platform.postgres_server import PostgresServer
from holdfast.testing.databases import Databases

pytestmark = pytest.mark.fault
PAGE = "restored-database.md"
CUSTOMERS = [f"C-{n}" for n in range(5)]


async def copy(source: Path, target: Path) -> None:
    """As it is, with its owner and rights."""
    command = f"rm -rf '{target}' && cp -a '{source}' '{target}'"
    await asyncio.to_thread(subprocess.run, ["sh", "-c", command], check=True)


def content(event: Incoming[object]) -> object:
    """An answer without what is drawn anew when it is decided again."""
    body = orjson.loads(event.record.value or b"")
    drawn = {"decision", "decided_at", "hold", "facts_age_seconds"}
    return {name: value for name, value in body.items() if name not in drawn}


@pytest.mark.parametrize("transport", BOTH)
async def test_a_service_whose_database_went_back_catches_up(
    transport: str, request: pytest.FixtureRequest, fresh_database: Databases, server_folder: Path, tmp_path: Path
) -> None:
    postgres = PostgresServer(server_folder)
    await asyncio.to_thread(postgres.start)
    url = await ensure_database(postgres.url, "holdfast_hold", "secret")
    await migrate(url, MIGRATIONS)
    try:
        async with a_bus(transport, fresh_database, request) as bus, opened(url, bus, tmp_path) as system:
            await with_credit_service(system, fresh_database)
            await system.set_up(CUSTOMERS)
            await day(system, 1)
            await asyncio.to_thread(postgres.stop)
            await copy(postgres.cluster, server_folder / "backup")
            await asyncio.to_thread(postgres.start)
            await day(system, 2)
            before = await read_topic(system.transport, HOLDS)
            await asyncio.to_thread(postgres.stop)
            await copy(server_folder / "backup", postgres.cluster)
            await asyncio.to_thread(postgres.start)
            assert "hold-service: the database is up to date" in await follow(system, PAGE, "migrate")
            await went_back(system, before)
            await ties_out(system, PAGE)
    finally:
        await asyncio.to_thread(postgres.stop)


async def day(system: System, number: int) -> None:
    """An invoice and an order of each customer; workers are stopped at its end."""
    async with system.worker() as worker:
        await system.passed(system.goals)
        await system.passed(await system.say(invoice(c, f"INV-{number}-{c}", "100") for c in CUSTOMERS))
        await system.passed(await system.say(request_of(c, number) for c in CUSTOMERS))
        await system.is_as_it_should_be()
        assert await worker.stop() == 0


def request_of(customer: str, number: int) -> object:
    """Whatever the order of topics, this one passes."""
    return request(customer, f"SO-{number}0000{customer[-1]}", "50")


async def went_back(system: System, before: list[Incoming[object]]) -> None:
    """What came since the backup is consumed again, and published again with the same content."""
    async with watched_worker(system) as worker:
        await system.caught_up()
        await worker.shows("holdfast_lag_records", 0)
        assert (await worker.readiness())[0] == 200
        await same_facts(system.pool, system.oracle)
        assert await system.pool.fetchval("SELECT count(*) FROM decision") == 2 * len(CUSTOMERS)
    again = (await read_topic(system.transport, HOLDS))[len(before) :]
    assert len(again) == len(CUSTOMERS)
    known = [what_was_decided(event) for event in before]
    assert all(what_was_decided(event) in known for event in again)


def test_the_topics_keep_what_came_since_a_backup() -> None:
    """As long as the page says, unless they keep the newest of each key anyway."""
    kept = {topic.retention_days for topic in TOPICS if topic.readers != ("operators",) and not topic.compacted}
    said = {int(days) for days in re.findall(r"retention is (\d+) days", (FOLDER / PAGE).read_text())}
    assert kept == said


def what_was_decided(event: Incoming[object]) -> object:
    """The words of a decision that do not depend on which topic was read first."""
    body = content(event)
    assert isinstance(body, dict)
    return {name: body[name] for name in ("outcome", "order", "attempt", "sequence")}
