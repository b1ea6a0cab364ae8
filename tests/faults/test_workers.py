"""Workers of the real service die, stall, join and leave under load; what is left is the plain answer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.faults.system import System
from tests.oracle.trade import Trade

from holdfast.testing.waiting import eventually

pytestmark = pytest.mark.fault


async def begin(system: System, seed: int) -> Trade:
    trade = Trade(seed)
    await system.set_up(trade.customers)
    return trade


@asynccontextmanager
async def meanwhile(system: System, trade: Trade, rounds: int, events: int) -> AsyncIterator[asyncio.Task[None]]:
    """Play rounds while the block makes trouble; at its end everything must be done and right."""
    playing = asyncio.create_task(system.play(trade.rounds(rounds, events)))
    try:
        yield playing
        async with asyncio.timeout(90):
            await playing
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)


async def handled(system: System) -> int:
    return int(await system.pool.fetchval("SELECT count(*) FROM inbox"))


async def progress(system: System, more: int, playing: asyncio.Task[None]) -> None:
    """Wait until so many further events have been handled, or all."""
    wanted = await handled(system) + more

    async def reached() -> bool:
        return playing.done() or await handled(system) >= wanted

    await eventually(reached, 60)


async def test_row_4_4_2_killed_in_a_loop_at_random_moments(system: System) -> None:
    chance, trade = random.Random(2), await begin(system, 2)
    async with meanwhile(system, trade, 4, 500) as playing:
        for _ in range(6):
            async with system.worker() as child:
                await progress(system, chance.randrange(50, 300), playing)
                await child.kill()
        async with system.worker():
            await playing
            await system.is_as_it_should_be()
