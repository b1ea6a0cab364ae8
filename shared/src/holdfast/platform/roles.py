"""What the roles of every service have in common: the pool, the worker, the jobs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial

import asyncpg

from holdfast.bus import pruning
from holdfast.bus.connect import connect
from holdfast.bus.handlers import Service
from holdfast.bus.relay import Relay
from holdfast.bus.runner import Runner
from holdfast.contracts.topics import TOPICS
from holdfast.database.jobs import Job, Upkeep, run_jobs
from holdfast.database.pool import create_pool
from holdfast.database.work import transaction
from holdfast.platform.settings import Settings
from holdfast.receivables import waiting
from holdfast.web import idempotency

Beside = Callable[[asyncpg.Pool, asyncio.Event], Awaitable[None]]
"""Something that runs beside the consumer in a worker, until the event is set."""
STALE_DAYS = timedelta(days=28)
STALE_BATCH = 5_000
OBSERVE_SECONDS = 30.0


async def open_pool(settings: Settings, service: str, role: str) -> asyncpg.Pool:
    """The pool of a role, on the service's own database."""
    return await create_pool(
        settings.database_url(service),
        application_name=f"{service}-{role}",
        max_size=settings.pool_size,
        statement_timeout=settings.statement_timeout_seconds,
        lock_timeout=settings.lock_timeout_seconds,
    )


async def run_worker(service: Service, settings: Settings, stop: asyncio.Event, beside: Sequence[Beside] = ()) -> None:
    """Bus in, relay out, until `stop`; the relay ends last, so that what was decided is still published."""
    transport = connect(settings.bus)
    pool, producer = await open_pool(settings, service.name, "worker"), transport.producer()
    await producer.start()
    consumed = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as tasks:
            for run in beside:
                tasks.create_task(_awaited(run(pool, stop)))
            tasks.create_task(Relay(service.name, service.source, pool, producer).run(consumed))
            await Runner(service, pool, transport).run(stop)
            consumed.set()
    finally:
        await producer.stop()
        await pool.close()


async def _awaited(running: Awaitable[None]) -> None:
    await running


async def prune(pool: asyncpg.Pool) -> None:
    """Remove what is done and past its time, in small transactions."""
    await pruning.prune(pool)
    await idempotency.prune(pool)
    removed = STALE_BATCH
    while removed == STALE_BATCH:
        async with transaction(pool, clock=False) as work:
            removed = await waiting.prune_stale(work, work.now - STALE_DAYS, STALE_BATCH)


async def run_periodic(service: Service, settings: Settings, stop: asyncio.Event, jobs: Sequence[Job] = ()) -> None:
    """Periodic work until `stop`: the service's own, pruning, and the upkeep of the embedded bus."""
    pool = await open_pool(settings, service.name, "jobs")
    admin = connect(settings.bus).admin()

    every_hour = timedelta(hours=1)
    common = [
        Upkeep("pruning", every_hour, partial(prune, pool)),
        Upkeep("bus-maintenance", every_hour, partial(admin.maintain, TOPICS)),
    ]
    observing = asyncio.create_task(_observe_waiting(pool, service.name))
    try:
        await run_jobs(pool, [*common, *jobs], stop)
    finally:
        observing.cancel()
        await asyncio.gather(observing, return_exceptions=True)
        await admin.close()
        await pool.close()


async def _observe_waiting(pool: asyncpg.Pool, service: str) -> None:
    """Every replica tells the same: it is no work to be claimed."""
    while True:
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await waiting.observe(pool, service)
        await asyncio.sleep(OBSERVE_SECONDS)
