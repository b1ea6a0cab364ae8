"""Workers of the real service die, stall, join and leave under load; what is left is the plain answer."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Sequence
from typing import Any

import pytest
from tests.faults.load import begin, handled, has_no_crash, is_stopped, meanwhile, progress
from tests.faults.system import System

from holdfast.testing.waiting import eventually

pytestmark = pytest.mark.fault


async def test_row_4_4_1_every_event_comes_many_times(system: System) -> None:
    """Twice, three times or fifty times: one decision, one outgoing event."""
    trade = await begin(system, 1, customers=10)
    async with system.worker():
        await system.passed(system.goals)
        for times, found in zip((2, 3, 50), trade.rounds(3, 60), strict=True):
            await system.set_clock(8)
            await many_times(system, found.facts, times)
            await system.noon()
            await many_times(system, found.orders, times)
            await system.evening()
            system.day += 1
        await system.is_as_it_should_be()
    events = await system.pool.fetchval("SELECT count(*) FROM outbox WHERE type <> 'hold.order.cancelled.v1'")
    assert events == await system.pool.fetchval("SELECT count(*) FROM decision")


async def many_times(system: System, events: Sequence[Any], times: int) -> None:
    """Send events and their repeats, and wait until they are done."""
    await system.say(events)
    await system.passed(await system.put(system.sent[-len(events) :] * (times - 1)))


async def test_row_4_4_2_killed_in_a_loop_at_random_moments(system: System) -> None:
    chance, trade = random.Random(2), await begin(system, 2)
    async with meanwhile(system, trade, 3, 450) as playing:
        for _ in range(5):
            async with system.worker() as child:
                await progress(system, chance.randrange(50, 300), playing)
                await child.kill()
        async with system.worker():
            await playing
            await system.is_as_it_should_be()


async def test_row_4_4_3_killed_after_the_commit_nothing_is_done_twice(system: System) -> None:
    """The bus has not been told; what comes again is known."""
    trade = await begin(system, 3)
    async with meanwhile(system, trade, 2, 200) as playing:
        async with system.worker("after_commit:3=kill") as dead:
            assert await dead.wait() == -signal.SIGKILL
        assert await handled(system) > 0
        async with system.worker():
            await playing
            await system.is_as_it_should_be()


async def test_row_4_4_4_killed_before_the_commit_nothing_is_visible(system: System) -> None:
    trade = await begin(system, 4)
    async with system.worker("before_commit=kill") as dead:
        assert await dead.wait() == -signal.SIGKILL
    for table in ("inbox", "customer", "outbox", "decision"):
        assert await system.pool.fetchval(f"SELECT count(*) FROM {table}") == 0
    assert await system.pool.fetchval("SELECT coalesce(sum(next_offset), 0) FROM consumer_offset") == 0
    async with meanwhile(system, trade, 2, 200) as playing:
        for _ in range(3):
            async with system.worker("before_commit:4=kill") as dead:
                before = await handled(system)
                assert await dead.wait() == -signal.SIGKILL
                assert await handled(system) >= before
        async with system.worker():
            await playing
            await system.is_as_it_should_be()


async def test_row_4_4_15_a_third_member_joins_leaves_and_dies_under_load(system: System) -> None:
    chance, trade = random.Random(15), await begin(system, 15)
    async with meanwhile(system, trade, 2, 400) as playing:
        async with system.worker() as first, system.worker() as second:
            for turn in range(4):
                async with system.worker() as third:
                    await progress(system, chance.randrange(50, 200), playing)
                    if turn % 2:
                        await third.kill()
                    else:
                        assert await third.stop() == 0, third.output
                        has_no_crash(third)
            await playing
            await system.is_as_it_should_be()
            has_no_crash(first)
            has_no_crash(second)


async def test_row_4_4_18_a_worker_that_wakes_up_late_writes_nothing(system: System) -> None:
    trade = await begin(system, 18)
    async with meanwhile(system, trade, 2, 300) as playing:
        async with system.worker("before_commit:2=stop") as zombie:
            await eventually(lambda: is_stopped(zombie), 30)
            async with system.worker() as other:
                await playing
                zombie.send(signal.SIGCONT)
                await eventually(lambda: "fenced" in zombie.output or "put_out" in zombie.output, 30)
                await system.is_as_it_should_be()
                has_no_crash(other)
            assert zombie.status is None, zombie.output


async def test_row_4_4_34_sigterm_under_load(system: System) -> None:
    chance, trade = random.Random(34), await begin(system, 34)
    async with meanwhile(system, trade, 2, 400) as playing:
        for _ in range(4):
            async with system.worker() as child:
                await progress(system, chance.randrange(50, 200), playing)
                async with asyncio.timeout(10):
                    assert await child.stop() == 0, child.output
                has_no_crash(child)
        async with system.worker():
            await playing
            await system.is_as_it_should_be()
