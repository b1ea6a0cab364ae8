"""The only place of credit-service that wires things together."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg
from fastapi import FastAPI

from credit_service.exposure import api as exposure_api
from credit_service.exposure.handlers import apply_cancellations, apply_decisions
from credit_service.profiles import api as profiles_api
from holdfast.bus import pruning
from holdfast.bus.connect import connect
from holdfast.bus.handlers import HandlerTable, Service
from holdfast.bus.relay import Relay
from holdfast.bus.runner import Runner
from holdfast.contracts.holds import HoldCancelled, OrderCleared, OrderHeld, OrderReleased
from holdfast.contracts.topics import CREDIT
from holdfast.database.jobs import Job
from holdfast.database.jobs import run_jobs as run_due_jobs
from holdfast.database.pool import create_pool
from holdfast.database.work import Work
from holdfast.platform.settings import Settings
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.facts import FACT_HANDLERS
from holdfast.receivables.refresh import refresh
from holdfast.web import idempotency
from holdfast.web.app import create_app, with_pool

NAME = "credit-service"
MIGRATIONS = Path(__file__).parent / "migrations"

HANDLERS = HandlerTable()
for _payload, _handle in FACT_HANDLERS.items():
    HANDLERS.on(_payload)(_handle)
HANDLERS.on(OrderCleared)(apply_decisions)
HANDLERS.on(OrderHeld)(apply_decisions)
HANDLERS.on(OrderReleased)(apply_decisions)
HANDLERS.on(HoldCancelled)(apply_cancellations)

SERVICE = Service(name=NAME, handlers=HANDLERS, lock=lock_accounts, refresh=refresh, outgoing=CREDIT)


async def _open_pool(settings: Settings, role: str) -> asyncpg.Pool:
    return await create_pool(
        settings.database_url(NAME),
        application_name=f"{NAME}-{role}",
        max_size=settings.pool_size,
        statement_timeout=settings.statement_timeout_seconds,
        lock_timeout=settings.lock_timeout_seconds,
    )


def create_api(settings: Settings) -> FastAPI:
    """The API: profiles, exposure, reconciliation."""
    return create_app(
        title="Holdfast credit-service",
        service=NAME,
        settings=settings,
        routers=[profiles_api.router, exposure_api.router],
        state=with_pool(lambda: _open_pool(settings, "api")),
    )


async def run_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Bus in, relay out, until `stop`."""
    transport = connect(settings.bus)
    pool, producer = await _open_pool(settings, "worker"), transport.producer()
    await producer.start()
    consumed = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Relay(NAME, SERVICE.source, pool, producer).run(consumed))
            await Runner(SERVICE, pool, transport).run(stop)
            consumed.set()
    finally:
        await producer.stop()
        await pool.close()


async def run_jobs(settings: Settings, stop: asyncio.Event) -> None:
    """Periodic work until `stop`: pruning."""
    pool = await _open_pool(settings, "jobs")

    async def prune(work: Work) -> None:
        await pruning.prune(pool)
        await idempotency.prune(pool)

    try:
        await run_due_jobs(pool, [Job("pruning", timedelta(hours=1), prune)], stop)
    finally:
        await pool.close()
