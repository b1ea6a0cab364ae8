"""The relay dies or stalls around a send; every decision leaves, in order, and readers see each once."""

from __future__ import annotations

import signal

import pytest
from tests.faults.load import begin, has_no_crash, is_stopped, meanwhile
from tests.faults.system import System

from holdfast.contracts.topics import HOLDS
from holdfast.testing.waiting import eventually

pytestmark = pytest.mark.fault


async def records_and_events(system: System) -> tuple[int, int]:
    """How many records `holds.v1` has, and how many events the outbox."""
    admin = system.transport.admin()
    ends = await admin.end_offsets([HOLDS.name])
    await admin.close()
    return sum(ends.values()), await system.pool.fetchval("SELECT count(*) FROM outbox")


async def test_row_4_4_5_killed_after_the_send_readers_ignore_the_repeat(system: System) -> None:
    trade = await begin(system, 5)
    async with meanwhile(system, trade, 2, 200) as playing:
        async with system.worker("relay_after_send:2=kill") as child:
            assert await child.wait() == -signal.SIGKILL
        async with system.worker():
            await playing
            await system.is_as_it_should_be()
    records, events = await records_and_events(system)
    assert records > events


async def test_row_4_4_6_killed_before_the_send_nothing_is_missing(system: System) -> None:
    trade = await begin(system, 6)
    async with meanwhile(system, trade, 2, 200) as playing:
        async with system.worker("relay_before_send:2=kill") as child:
            assert await child.wait() == -signal.SIGKILL
        async with system.worker():
            await playing
            await system.is_as_it_should_be()
    records, events = await records_and_events(system)
    assert records == events


async def test_row_4_5_6_a_stalled_relay_loses_its_lanes(system: System) -> None:
    """It holds lane locks; the server ends its idle transaction, and another relay goes on."""
    trade = await begin(system, 56)
    async with meanwhile(system, trade, 2, 150) as playing:
        async with system.worker("relay_after_send:2=stop") as zombie:
            await eventually(lambda: is_stopped(zombie), 30)
            async with system.worker() as other:
                await playing
                zombie.send(signal.SIGCONT)
                await eventually(lambda: "outbox_database_unavailable" in zombie.output, 30)
                await system.is_as_it_should_be()
                has_no_crash(other)
            assert zombie.status is None, zombie.output
