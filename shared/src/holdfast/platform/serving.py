"""Runs roles of services in this process until they are told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

import asyncpg
import structlog
import uvicorn
from fastapi import FastAPI

from holdfast.bus.runner import stopped_partitions
from holdfast.bus.standing import reasons
from holdfast.database.pool import create_pool
from holdfast.platform.services import INGEST, load, load_ingest
from holdfast.platform.settings import Settings
from holdfast.web.app import create_app, with_pool

GRACE_SECONDS = 10
"""How long open requests may take to end after SIGTERM."""
log = structlog.get_logger(__name__)


class CannotListen(Exception):
    """An address cannot be listened on; one sentence that says what to do."""


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: FastAPI, host: str, port: int, stop: asyncio.Event) -> None:
    """Answer HTTP on `host`:`port` until `stop`. Raises CannotListen when the port is taken.

    What the application cannot open is raised as it is.
    """
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, lifespan="off",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )  # fmt: skip
    server = _Server(config)
    serving = asyncio.ensure_future(_open_and_serve(app, server))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
    await serving


async def _open_and_serve(app: FastAPI, server: _Server) -> None:
    # uvicorn would log what fails in here as a stack trace and say nothing of it but that it ends.
    async with app.router.lifespan_context(app):
        await _listen(server)


async def _listen(server: _Server) -> None:
    try:
        await server.serve()
    except SystemExit as error:
        address = f"{server.config.host}:{server.config.port}"
        raise CannotListen(
            f"Nothing can listen on {address}, since the port is taken or not ours to take: set HOLDFAST_PORT to a "
            f"free one, or HOLDFAST_HOST to an address of this machine."
        ) from error


async def run_roles(name: str, roles: Sequence[str], settings: Settings, stop: asyncio.Event) -> None:
    """Run the roles of a service until `stop`; an error in one of them stops them all and is raised."""
    log.info("roles_started", service=name, roles=list(roles))
    async with asyncio.TaskGroup() as group:
        if name == INGEST:
            group.create_task(serve(load_ingest().create_api(settings), settings.host, settings.port, stop))
            return
        app = load(name)
        if "api" in roles:
            group.create_task(serve(app.create_api(settings), settings.host, settings.port, stop))
        elif settings.port:
            group.create_task(serve(health_of(name, settings), settings.host, settings.port, stop))
        if "worker" in roles:
            group.create_task(app.run_worker(settings, stop))
        if "jobs" in roles:
            group.create_task(app.run_jobs(settings, stop))


def health_of(name: str, settings: Settings) -> FastAPI:
    """Health and metrics alone, for a process that has no API; not ready while a partition stands still."""

    @asynccontextmanager
    async def watching(app: FastAPI) -> AsyncIterator[None]:
        async def standing_still() -> str | None:
            stopped = reasons(name)
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                # Without the database, which is a problem of its own, this process still knows of its partitions.
                stopped = await stopped_partitions(app.state.pool) | stopped
            return "; ".join(f"{tp} is stopped: {why}" for tp, why in sorted(stopped.items())) or None

        app.state.checks["partitions"] = standing_still
        yield

    url, title = settings.database_url(name), f"Health of {name}"
    state = with_pool(lambda: create_pool(url, application_name=f"{name}-health", max_size=1), watching)
    return create_app(title=title, service=name, settings=settings, routers=[], state=state)


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; a second one of either ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def heed(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heed, number)
    return stop
