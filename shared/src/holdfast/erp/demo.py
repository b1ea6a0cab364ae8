"""The demo: a local stack, a year replayed through it, the summary, and then the APIs until Ctrl-C."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from holdfast.bus.connect import connect
from holdfast.database.pool import create_pool
from holdfast.erp.api import Api
from holdfast.erp.barrier import Barrier
from holdfast.erp.happenings import Day
from holdfast.erp.invitation import invitation
from holdfast.erp.memory import Memory, Played
from holdfast.erp.progress import shown
from holdfast.erp.replay import RECHECK_DELAY_SECONDS, Replay
from holdfast.erp.setup import Controllers
from holdfast.erp.summary import Summary, summarise
from holdfast.platform import logging
from holdfast.platform.clock import utc_now
from holdfast.platform.collector import collect_by_the_batch
from holdfast.platform.local import LocalServices
from holdfast.platform.services import INGEST, MODULES
from holdfast.platform.serving import stop_on_signals
from holdfast.platform.settings import load_settings
from holdfast.platform.stack import Bus, Stack, alone
from holdfast.web.auth import ROLES, issue_token

T = TypeVar("T")
INTERRUPTED, DIFFERENT = 130, 1


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line was told."""

    bus: Bus = "postgres"
    workers: int = 0
    fresh: bool = False
    exit: bool = False


class Interrupted(Exception):
    """Ctrl-C before the end."""


class Demo:
    """Plays `days` (named `title`, about `total` events) and serves what came of it."""

    def __init__(self, options: Options, title: str, days: Iterable[Day], total: int | None) -> None:
        self._options, self._title, self._days, self._total = options, title, days, total
        settings = load_settings()
        self._stack = Stack(settings, options.bus)
        self._log = settings.data_dir / "demo.log"
        self._memory = Memory(settings.data_dir, options.bus)
        self._services = LocalServices(self._stack, options.workers, self._log)

    async def run(self) -> int:
        """Everything, until Ctrl-C; answers the exit code. Raises what the servers and services raise."""
        with alone(self._stack.data_dir):
            stop = stop_on_signals()
            logging.configure(level="WARNING", file=self._log)
            try:
                return await _unless(stop, self._play_and_serve(stop))
            except Interrupted:
                return INTERRUPTED
            finally:
                await self._services.stop()
                await self._stack.stop()

    async def _play_and_serve(self, stop: asyncio.Event) -> int:
        played = self._found()
        earlier = played is not None
        if played is None:
            self._memory.begin(self._title)
        say("starting PostgreSQL" + (" and Apache Kafka" if self._options.bus == "kafka" else "") + " ...")
        await self._stack.start(fresh=played is None)
        self._services.start_apis()
        for api in self._apis().values():
            await self._services.while_running(api.ready())
        collect_by_the_batch()
        if played is None:
            played = await self._replay()
        code = await self._tell(played)
        if self._options.exit:
            return code
        await self._services.stop_workers()
        await self._serve(stop)
        # What was sent to an earlier demo, such as the payment it invites to, is in no control total of its year.
        return 0 if earlier else code

    def _found(self) -> Played | None:
        played, broken_off = self._memory.read(), self._memory.broken_off()
        if broken_off is not None:
            say(f"an earlier replay ({broken_off}) did not come to its end; starting afresh")
        if played is None or self._options.fresh:
            return None
        say(f"found the data of an earlier replay ({played.title}); --fresh (FRESH=1) starts anew")
        return played

    async def _replay(self) -> Played:
        await self._services.start_workers(recheck_delay_seconds=RECHECK_DELAY_SECONDS)
        for service, pids in self._services.worker_pids.items():
            say(f"workers of {service}: processes {', '.join(map(str, pids))}")
        say(f"replaying {self._title} on a simulated clock ...")
        async with self._replaying() as replay:
            with shown(self._total) as progress:
                began = time.perf_counter()
                tally = await self._services.while_running(replay.play(self._days, progress))
        played = Played(
            self._title, tally.events, tally.requests, str(tally.first_day), str(tally.last_day),
            time.perf_counter() - began,
        )  # fmt: skip
        self._memory.write(played)
        return played

    @asynccontextmanager
    async def _replaying(self) -> AsyncIterator[Replay]:
        transport = connect(self._stack.settings().bus)
        producer, admin, apis = transport.producer(), transport.admin(), self._apis()
        async with self._pools() as pools:
            await producer.start()
            try:
                barrier = Barrier(pools, admin)
                await barrier.prepare()
                yield Replay(producer, barrier, pools, Controllers(apis["credit-service"], apis["hold-service"]))
            finally:
                await producer.stop()
                await admin.close()

    @asynccontextmanager
    async def _pools(self) -> AsyncIterator[dict[str, asyncpg.Pool]]:
        async with AsyncExitStack() as opened:
            pools = {}
            for service in MODULES:
                url = self._stack.settings().database_url(service)
                pool = await create_pool(url, application_name="holdfast-erp", max_size=3)
                pools[service] = await opened.enter_async_context(pool)
            yield pools

    async def _tell(self, played: Played) -> int:
        async with self._pools() as pools:
            transport = connect(self._stack.settings().bus)
            summary: Summary = await summarise(played, transport, pools, self._apis())
        for line in summary.lines():
            say(line)
        return 0 if summary.ties_out else DIFFERENT

    async def _serve(self, stop: asyncio.Event) -> None:
        await self._services.start_workers()
        self._services.start_jobs()
        async with self._pools() as pools:
            for line in await invitation(self._apis(), self._token(), pools["credit-service"], utc_now()):
                say(line)
        await self._services.while_running(stop.wait())

    def _apis(self) -> dict[str, Api]:
        token = self._token()
        return {name: Api(self._stack.address(name), token) for name in (*MODULES, INGEST)}

    def _token(self) -> str:
        return issue_token(self._stack.settings(), "demo", list(ROLES))


async def _unless(stop: asyncio.Event, doing: Coroutine[Any, Any, T]) -> T:
    """Await `doing`, but not longer than until `stop`. Raises Interrupted."""
    task, stopping = asyncio.ensure_future(doing), asyncio.ensure_future(stop.wait())
    await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        # What waits for the same event ends by itself; give it that moment before it is cut off.
        await asyncio.wait([task], timeout=0.2)
    stopping.cancel()
    task.cancel()
    (came,) = await asyncio.gather(task, return_exceptions=True)
    if stop.is_set() and isinstance(came, BaseException):
        # Also what Ctrl-C made fail: it goes to every program of the terminal.
        raise Interrupted
    return task.result()


def say(line: str) -> None:
    """A line for the person at the terminal."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
