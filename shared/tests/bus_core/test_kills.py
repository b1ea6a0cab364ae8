"""Processes are killed and stopped at the lines that matter; afterwards the state is the plain answer."""

from __future__ import annotations

import random
import signal

import pytest
from shared.tests.bus_core.fixtures import bus_settings, world
from shared.tests.bus_core.oracle import stream
from shared.tests.bus_core.world import World

from holdfast.testing.waiting import eventually

__all__ = ["bus_settings", "world"]
pytestmark = pytest.mark.fault


async def test_row_4_4_4_killed_before_the_commit_nothing_is_visible(world: World) -> None:
    events = stream(4, 200)
    await world.send(events)
    async with world.worker("before_commit=kill") as dead:
        assert await dead.wait() == -signal.SIGKILL
    assert await world.effects() == {}
    async with world.worker():
        await world.passed(events)
        await world.published(events)


async def test_row_4_4_3_killed_after_the_commit_nothing_is_done_twice(world: World) -> None:
    events = stream(3, 200)
    await world.send(events[:100])
    async with world.worker("after_commit:2=kill") as dead:
        await world.reached(1)
        await world.send(events[100:])
        assert await dead.wait() == -signal.SIGKILL
    assert await world.effects() != {}
    async with world.worker():
        await world.passed(events)
        await world.published(events)


@pytest.mark.parametrize("line", ["relay_after_send", "relay_before_send"])
async def test_row_4_4_5_row_4_4_6_a_relay_killed_around_the_send(line: str, world: World) -> None:
    events = stream(56, 200)
    await world.send(events)
    async with world.worker(f"{line}=kill") as dead:
        assert await dead.wait() == -signal.SIGKILL
    async with world.worker():
        await world.passed(events)
        records = await world.published(events)
    ids = [dict(record.headers)["ce_id"] for record in records]
    assert (len(set(ids)) < len(ids)) == (line == "relay_after_send")


async def test_row_4_4_2_killed_in_a_loop_at_random_moments(world: World) -> None:
    chance, events = random.Random(2), stream(2, 3_000)
    for part in range(6):
        await world.send(events[part * 500 : part * 500 + 500])
        async with world.worker() as child:
            await world.reached(await world.count() + chance.randrange(400))
            await child.kill()
    async with world.worker():
        await world.passed(events)
        await world.published(events)


@pytest.mark.parametrize("line", ["before_commit", "after_commit"])
async def test_row_4_4_18_row_4_5_6_a_stopped_worker_is_fenced(line: str, world: World) -> None:
    events = stream(18, 400)
    await world.send(events[:100])
    async with world.worker(f"{line}:2=stop") as zombie:
        await world.reached(1)
        await world.send(events[100:200])
        await eventually(lambda: _is_stopped(zombie.pid), 30)
        await world.send(events[200:])
        async with world.worker() as other:
            await world.passed(events)
            zombie.send(signal.SIGCONT)
            await eventually(lambda: "fenced" in zombie.output or "put_out" in zombie.output, 60)
            await world.published(events)
            assert other.status is None
            assert zombie.status is None
        await world.passed(events)
        more = stream(19, 100)
        await world.send(more)
        await world.passed([*events, *more])


def _is_stopped(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "T"


async def test_row_4_4_15_members_join_leave_and_die_under_load(world: World) -> None:
    chance, events = random.Random(15), stream(15, 2_400)
    async with world.worker():
        for part in range(6):
            async with world.worker() as third:
                await world.send(events[part * 400 : part * 400 + 400])
                await world.reached(part * 400 + chance.randrange(400))
                if chance.random() < 0.5:
                    await third.kill()
                else:
                    assert await third.stop() == 0, third.output
        await world.passed(events)
        await world.published(events)


async def test_row_4_4_34_sigterm_under_load(world: World) -> None:
    events = stream(34, 3_000)
    for part in range(6):
        await world.send(events[part * 500 : part * 500 + 500])
        async with world.worker() as child:
            await world.reached(await world.count() + 1)
            assert await child.stop(8) == 0, child.output
            assert "Traceback" not in child.output, child.output
    async with world.worker():
        await world.passed(events)
        await world.published(events)
