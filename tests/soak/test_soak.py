"""All faults at random from one seed, for minutes: `make soak SEED=1 MINUTES=10`. The seed is printed first."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.faults.fixtures import Server, a_bus_server
from tests.faults.load import has_no_crash
from tests.faults.system import System, opened
from tests.oracle.trade import Trade, request
from tests.soak.faults import FAULTS, Crew, crew_of

from hold_service.app import MIGRATIONS
from holdfast.database.migrations import migrate
from holdfast.database.roles import ensure_database
from holdfast.platform.postgres_server import PostgresServer

pytestmark = pytest.mark.soak

ONE_ACTIVE_HOLD = (
    "SELECT count(*) FROM (SELECT FROM hold WHERE active GROUP BY company, order_no HAVING count(*) > 1) x"
)
EVERY_EFFECT_HAS_ITS_EVENT = """
SELECT count(*) FROM decision d WHERE d.outcome <> 'rechecked' AND NOT EXISTS (
    SELECT FROM outbox o WHERE o.payload::jsonb ->> 'decision' = d.id::text)
"""
"""A re-check after which the order is still held is kept, and nobody is told."""
EVERY_EVENT_HAS_ITS_CAUSE = """
SELECT count(*) FROM outbox o WHERE o.type NOT IN ('hold.order.cancelled.v1', 'hold.reservation.expired.v1')
  AND NOT EXISTS (SELECT FROM decision d WHERE d.id::text = o.payload::jsonb ->> 'decision')
"""


def say(text: str) -> None:
    """To whoever watches; `-s` shows it at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def make_trouble(crew: Crew, until: float) -> None:
    """One fault after another."""
    count = 0
    while time.monotonic() < until:
        fault = crew.chance.choice(FAULTS)
        count += 1
        say(f"fault {count}: {fault.__name__}")
        await fault(crew)
        await crew.pause(3)


async def trade_until(system: System, seed: int, until: float) -> None:
    """A day after another."""
    for found in Trade(seed).rounds(10_000, 240):
        if time.monotonic() >= until:
            return
        await system.play([found])


async def ask_until(system: System, crew: Crew, until: float) -> None:
    """Checks over HTTP by a customer of its own, each sent until it is answered; the API may be killed."""
    number = 0
    while time.monotonic() < until:
        number += 1
        asked = request("C-http", f"HTTP-{number:06d}", "0.01")
        await answered(crew, asked)
        system.oracle.check(asked)
        await asyncio.sleep(0.02)


async def answered(crew: Crew, asked: Any) -> None:
    """Send a check under one key until there is an answer."""
    key = f"key-{asked.order}"
    while True:
        try:
            answer = await crew.apis[-1].check(asked, key)
        except httpx.TransportError:
            await asyncio.sleep(0.1)
            continue
        assert answer.status_code in {200, 409, 503}, answer.text
        if answer.status_code == 200:
            return


@pytest.mark.parametrize("transport", ["postgres", "kafka"])
async def test_all_faults_at_random(
    transport: str, seed: int, minutes: float, server_folder: Path, tmp_path: Path
) -> None:
    say(f"\nsoak on {transport}: SEED={seed} MINUTES={minutes:g}")
    (server_folder / "database").mkdir(mode=0o711)
    (server_folder / "bus").mkdir(mode=0o711)
    postgres = PostgresServer(server_folder / "database")
    await asyncio.to_thread(postgres.start)
    url = await ensure_database(postgres.url, "holdfast_hold", "secret")
    await migrate(url, MIGRATIONS)
    database = Server(
        lambda: asyncio.to_thread(postgres.kill),
        lambda: asyncio.to_thread(postgres.start),
        lambda: asyncio.to_thread(postgres.kill),
    )
    try:
        async with a_bus_server(transport, server_folder / "bus") as (bus, server):
            async with opened(url, bus, tmp_path) as system:
                await soak(system, database, server, seed, minutes)
    finally:
        await asyncio.to_thread(postgres.stop)


async def soak(system: System, database: Server, bus: Server, seed: int, minutes: float) -> None:
    """Trade, questions and trouble at the same time; then everything is as it should be."""
    until = time.monotonic() + minutes * 60
    await system.set_up([*Trade(seed).customers, "C-http"])
    async with crew_of(system, database, bus, seed) as crew:
        await system.passed(system.goals)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(make_trouble(crew, until))
            tasks.create_task(trade_until(system, seed, until))
            tasks.create_task(ask_until(system, crew, until))
        await system.is_as_it_should_be()
        await invariants(system.pool)
        for child in (*crew.workers, crew.apis[-1].child):
            has_no_crash(child)
    say(
        f"{len(system.sent):,} records sent, {sum(map(len, system.oracle.history.values())):,} decisions: as the oracle"
    )


async def invariants(pool: asyncpg.Pool) -> None:
    """One active hold of an order at most; every effect has its event, and every event its cause."""
    for query in (ONE_ACTIVE_HOLD, EVERY_EFFECT_HAS_ITS_EVENT, EVERY_EVENT_HAS_ITS_CAUSE):
        assert await pool.fetchval(query) == 0, query
