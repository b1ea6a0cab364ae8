"""A trade that goes on while a test makes trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import orjson
from tests.faults.system import System
from tests.oracle.trade import Trade

from holdfast.testing.children import Child
from holdfast.testing.waiting import eventually


async def begin(system: System, seed: int, customers: int = 30) -> Trade:
    """Rules, checkpoints and master data; a trade that has not begun."""
    trade = Trade(seed, customers)
    await system.set_up(trade.customers)
    return trade


@asynccontextmanager
async def meanwhile(system: System, trade: Trade, rounds: int, events: int) -> AsyncIterator[asyncio.Task[None]]:
    """Play rounds while the block makes trouble; at its end everything must be done."""
    playing = asyncio.create_task(system.play(trade.rounds(rounds, events)))
    try:
        yield playing
        async with asyncio.timeout(90):
            await playing
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)


async def handled(system: System) -> int:
    """How many events have been handled."""
    return int(await system.pool.fetchval("SELECT count(*) FROM inbox"))


async def progress(system: System, more: int, playing: asyncio.Task[None]) -> None:
    """Wait until so many further events have been handled, or all."""
    wanted: int | None = None

    async def reached() -> bool:
        nonlocal wanted
        try:
            found = await handled(system)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        wanted = found + more if wanted is None else wanted
        return playing.done() or found >= wanted

    await eventually(reached, 60)


def is_stopped(child: Child) -> bool:
    """Whether the process stands still after SIGSTOP."""
    with open(f"/proc/{child.pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "T"


def has_no_crash(child: Child) -> None:
    """Nothing went unhandled in it: no bare traceback, no error that it logs without having an answer to it."""
    crashes = [line for line in child.output.splitlines() if _is_crash(line)]
    assert not crashes, "\n".join(crashes)


def _is_crash(line: str) -> bool:
    if not line.startswith("{"):
        return line.startswith("Traceback")
    entry = orjson.loads(line)
    told = entry["event"] in TOLD or (entry["logger"].startswith("aiokafka") and "exception" not in entry)
    return entry["level"] in {"error", "critical"} and not told


TOLD = {"partition_stopped", "outbox_event_refused"}
"""What a service tells an operator as an error on purpose; the Kafka client says so too when a broker is away."""
