"""The faults of the soak: each breaks something and mends it before it returns."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from tests.faults.fixtures import Server
from tests.faults.load import is_stopped
from tests.faults.system import Api, System

from holdfast.testing.children import Child
from holdfast.testing.waiting import eventually

WORKERS = 2
LINES = ("before_commit", "after_commit", "relay_before_send", "relay_after_send")


@dataclass
class Crew:
    """The running processes and servers, and the chance that rules them."""

    system: System
    database: Server
    bus: Server
    chance: random.Random
    stack: AsyncExitStack
    workers: list[Child] = field(default_factory=list)
    apis: list[Api] = field(default_factory=list)

    async def hire(self, failpoint: str = "") -> Child:
        """One more worker."""
        child = await self.stack.enter_async_context(self.system.worker(failpoint))
        self.workers.append(child)
        return child

    async def serve(self) -> None:
        """An API in the place of the one before."""
        self.apis.append(await self.stack.enter_async_context(self.system.api()))

    def draw(self) -> Child:
        """Take one of the workers out."""
        return self.workers.pop(self.chance.randrange(len(self.workers)))

    async def pause(self, longest: float) -> None:
        """How long a fault lasts is a part of it, and comes from the seed."""
        await asyncio.sleep(self.chance.uniform(0, longest))


async def kill_worker(crew: Crew) -> None:
    """`kill -9`; another one takes over."""
    await crew.draw().kill()
    await crew.hire()


async def die_at_a_line(crew: Crew) -> None:
    """A worker dies at one of the lines that matter, if it comes to it in time."""
    line, count = crew.chance.choice(LINES), crew.chance.randrange(1, 5)
    await crew.draw().kill()
    child = await crew.hire(f"{line}:{count}=kill")
    await crew.pause(4)
    crew.workers.remove(child)
    await child.kill()
    await crew.hire()


async def stop_worker(crew: Crew) -> None:
    """SIGSTOP, and on after a while; others take over meanwhile."""
    child = crew.chance.choice(crew.workers)
    child.send(signal.SIGSTOP)
    await eventually(lambda: is_stopped(child))
    await crew.pause(14)
    child.send(signal.SIGCONT)


async def terminate_worker(crew: Crew) -> None:
    """SIGTERM: it leaves in time and without an error."""
    child = crew.draw()
    assert await child.stop() == 0, child.output[-3000:]
    await crew.hire()


async def join_and_leave(crew: Crew) -> None:
    """A third member comes and goes."""
    child = await crew.hire()
    await crew.pause(3)
    crew.workers.remove(child)
    assert await child.stop() == 0, child.output[-3000:]


async def kill_api(crew: Crew) -> None:
    """`kill -9`; another one takes its place."""
    await crew.apis[-1].child.kill()
    await crew.serve()


async def kill_database(crew: Crew) -> None:
    """`kill -9` PostgreSQL; it recovers."""
    await crew.database.kill()
    await crew.pause(3)
    await crew.database.start()


async def kill_bus(crew: Crew) -> None:
    """`kill -9` the bus; it comes back with its data."""
    await crew.bus.kill()
    await crew.pause(5)
    await crew.bus.start()


async def double_records(crew: Crew) -> None:
    """Up to two hundred records that were sent before come again."""
    if crew.system.sent:
        count = crew.chance.randrange(1, 200)
        at = crew.chance.randrange(len(crew.system.sent))
        await crew.system.put(crew.system.sent[at : at + count])


Fault = Callable[[Crew], Awaitable[None]]
FAULTS: tuple[Fault, ...] = (
    kill_worker, die_at_a_line, stop_worker, terminate_worker, join_and_leave, kill_api, kill_database, kill_bus,
    double_records, double_records,
)  # fmt: skip


@asynccontextmanager
async def crew_of(system: System, database: Server, bus: Server, seed: int) -> AsyncIterator[Crew]:
    """Two workers and an API at work."""
    async with AsyncExitStack() as stack:
        crew = Crew(system, database, bus, random.Random(seed), stack)
        for _ in range(WORKERS):
            await crew.hire()
        await crew.serve()
        yield crew
