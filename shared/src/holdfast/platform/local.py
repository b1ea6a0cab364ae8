"""The services of the local stack, in this process or with workers of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from holdfast.platform.services import INGEST, MODULES
from holdfast.platform.serving import run_roles
from holdfast.platform.stack import Stack
from holdfast.platform.workers import Workers

T = TypeVar("T")


class ServiceEnded(Exception):
    """A service of this process ended though nobody stopped it."""


class _Group:
    """Roles that run in this process until they are stopped together."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, stack: Stack, service: str, roles: list[str], **overrides: Any) -> None:
        settings = stack.settings(service, **overrides)
        name = f"{service} {'+'.join(roles)}"
        self.tasks.append(asyncio.create_task(run_roles(service, roles, settings, self._stop), name=name))

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()
        self._stop = asyncio.Event()


class LocalServices:
    """All services of a stack. `workers` is how many worker processes each has; 0: none of their own."""

    def __init__(self, stack: Stack, workers: int, log: Path) -> None:
        self._stack, self._count, self._log = stack, workers, log
        self._apis, self._background = _Group(), _Group()
        self._workers: Workers | None = None

    @property
    def worker_pids(self) -> dict[str, list[int]]:
        """Worker processes by service."""
        return self._workers.pids if self._workers else {}

    def start_apis(self) -> None:
        """Start the APIs."""
        for service in (INGEST, *MODULES):
            self._apis.start(self._stack, service, ["api"])

    def start_jobs(self) -> None:
        """Start periodic work; not in a replay, where real time would do it on whatever day it finds."""
        for service in MODULES:
            self._apis.start(self._stack, service, ["jobs"], port=0)

    async def start_workers(self, **overrides: Any) -> None:
        """Start the workers; `overrides` are settings by field name."""
        if not self._count:
            for service in MODULES:
                self._background.start(self._stack, service, ["worker"], port=0, **overrides)
            return
        self._workers = Workers(self._stack.environment(port=0, **overrides), self._log)
        for service in MODULES:
            await self._workers.start(service, self._count)

    async def stop_workers(self) -> None:
        """Stop the workers; what they have under way is finished."""
        if self._workers is not None:
            await self._workers.stop()
            self._workers = None
        await self._background.stop()

    async def stop(self) -> None:
        """Stop everything."""
        await self.stop_workers()
        await self._apis.stop()

    async def while_running(self, doing: Coroutine[Any, Any, T]) -> T:
        """Await `doing`; raises what ended a service or the servers meanwhile, or ServiceEnded."""
        task, watch = asyncio.create_task(doing), asyncio.create_task(self._stack.watched())
        services = [*self._apis.tasks, *self._background.tasks, watch]
        try:
            await asyncio.wait([task, *services], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _cancelled(task)
            raise
        finally:
            watch.cancel()
        ended = next((service for service in services if service.done()), None)
        if ended is None or task.done():
            if task.exception() is not None:
                self._stack.check()
            return await task
        await _cancelled(task)
        ended.result()
        raise ServiceEnded(f"{ended.get_name()} ended though nobody stopped it: see {self._log}")


async def _cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
