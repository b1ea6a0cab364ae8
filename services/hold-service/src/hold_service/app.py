"""The only place of hold-service that wires things together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from hold_service.checkpoints import api as checkpoints_api
from hold_service.checks import api as checks_api
from hold_service.checks.batcher import Batcher
from hold_service.checks.handlers import checkpoints_requested
from hold_service.checks.kept import forget
from hold_service.decisions import api as decisions_api
from hold_service.forced import api as forced_api
from hold_service.groups.handlers import apply_groups
from hold_service.groups.locks import LOCK_ALONE, lock_parties, try_lock_parties
from hold_service.holds import api as holds_api
from hold_service.holds.handlers import with_details
from hold_service.holds.jobs import clean_reservations, escalate_holds, evaluate_daily, forget_what_freed
from hold_service.limit_checks import api as limit_checks_api
from hold_service.parameters import PARAMETERS
from hold_service.parameters import api as parameters_api
from hold_service.parameters.handlers import apply_parameters
from hold_service.profiles.handlers import apply_profiles
from hold_service.rankings import api as rankings_api
from hold_service.reasons import api as reasons_api
from hold_service.rechecks.handlers import mark_touched, watched
from hold_service.rechecks.jobs import run_rechecks
from hold_service.releases import api as releases_api
from hold_service.releases import approval_api
from hold_service.reports import api as reports_api
from hold_service.requests import api as requests_api
from hold_service.rules import api as rules_api
from hold_service.standing.handlers import apply_blocks, apply_levels, apply_promises, apply_risks
from hold_service.whatif import api as whatif_api
from hold_service.whatif.jobs import run_what_if
from holdfast.approvals.jobs import escalate_overdue
from holdfast.bus.handlers import Handle, HandlerTable, Service
from holdfast.contracts.base import Payload
from holdfast.contracts.collections import (
    CustomerBlockRequested,
    CustomerUnblockRequested,
    PromiseBroken,
    PromiseKept,
)  # fmt: skip
from holdfast.contracts.credit import GroupChanged, ParametersChanged, ProfileChanged, RiskChanged
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.contracts.reminders import ReminderLevelChanged
from holdfast.contracts.topics import HOLDS
from holdfast.database.jobs import Job
from holdfast.database.work import Work
from holdfast.platform import roles
from holdfast.platform.settings import Settings
from holdfast.receivables.facts import FACT_HANDLERS
from holdfast.receivables.falling_due import refresh_fallen_due
from holdfast.receivables.model import Party
from holdfast.receivables.refresh import refresh
from holdfast.web import audit_api
from holdfast.web.app import create_app, with_pool
from holdfast.web.waiting import create_router

NAME = "hold-service"
ROUTES = (
    checks_api, decisions_api, limit_checks_api, releases_api, requests_api, approval_api, holds_api, forced_api,
    reasons_api, rules_api, checkpoints_api, rankings_api, parameters_api, whatif_api, reports_api,
)  # fmt: skip
MIGRATIONS = Path(__file__).parent / "migrations"

HANDLERS = HandlerTable()
OTHER_SERVICES: dict[type[Payload], Handle] = {
    ProfileChanged: apply_profiles,
    GroupChanged: apply_groups,
    ParametersChanged: apply_parameters,
    ReminderLevelChanged: apply_levels,
    RiskChanged: apply_risks,
    PromiseBroken: apply_promises,
    PromiseKept: apply_promises,
    CustomerBlockRequested: apply_blocks,
    CustomerUnblockRequested: apply_blocks,
}
for _payload, _handle in (FACT_HANDLERS | OTHER_SERVICES).items():
    HANDLERS.on(_payload)(watched(_payload, with_details(_payload, _handle)))
HANDLERS.on(CheckpointRequested, decides=True)(checkpoints_requested)


async def _refresh(work: Work, parties: set[Party]) -> None:
    await refresh(work, parties)
    forget(work, await mark_touched(work, parties))


async def _freed(work: Work, parties: set[Party]) -> None:
    await mark_touched(work, parties)


SERVICE = Service(
    name=NAME,
    handlers=HANDLERS,
    lock=lock_parties,
    lock_free=LOCK_ALONE,
    try_lock=try_lock_parties,
    refresh=_refresh,
    outgoing=HOLDS,
    on_freed=_freed,
)


def create_api(settings: Settings) -> FastAPI:
    """The API: checks, decisions, holds, and what they follow from."""
    PARAMETERS.use(settings)

    @asynccontextmanager
    async def batching(app: FastAPI) -> AsyncIterator[None]:
        app.state.batcher = Batcher(app.state.pool)
        app.state.batcher.start()
        try:
            yield
        finally:
            await app.state.batcher.stop()

    return create_app(
        title="Holdfast hold-service",
        service=NAME,
        settings=settings,
        routers=[
            *(module.router for module in ROUTES),
            approval_api.approvals_router,
            audit_api.router,
            create_router("holds:see"),
        ],
        state=with_pool(lambda: roles.open_pool(settings, NAME, "api"), batching),
        direct=checks_api.DIRECT,
        bodies=[checks_api.CreditCheck],
    )


async def run_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Bus in, relay out, and the re-checks in between, until `stop`."""
    PARAMETERS.use(settings)
    await roles.run_worker(SERVICE, settings, stop, [run_rechecks])


async def run_jobs(settings: Settings, stop: asyncio.Event) -> None:
    """Periodic work until `stop`."""
    PARAMETERS.use(settings)
    jobs = [
        Job("stale-reservations", timedelta(minutes=5), clean_reservations),
        Job("escalation", timedelta(minutes=5), escalate_holds),
        Job("daily-evaluation", timedelta(minutes=5), evaluate_daily),
        Job("approval-escalation", timedelta(minutes=15), escalate_overdue),
        Job("fallen-due", timedelta(minutes=5), partial(refresh_fallen_due, lock=lock_parties)),
        Job("what-freed", timedelta(hours=1), forget_what_freed),
        Job("what-if", timedelta(seconds=1), run_what_if),
    ]
    await roles.run_periodic(SERVICE, settings, stop, jobs)
