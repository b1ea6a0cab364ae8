"""The only place of credit-service that wires things together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from credit_service.adjustments import api as adjustments_api
from credit_service.adjustments import lines_api as adjustment_lines_api
from credit_service.adjustments.approval import JOURNAL, LINE
from credit_service.adjustments.handlers import draft_requested
from credit_service.automatic import api as automatic_api
from credit_service.automatic import revenues_api
from credit_service.exposure import api as exposure_api
from credit_service.exposure import as_of_api
from credit_service.exposure import group_api as group_exposure_api
from credit_service.exposure.handlers import apply_decisions, refresh_and_mark
from credit_service.factbox import api as factbox_api
from credit_service.factbox.together import Boxes
from credit_service.groups import api as groups_api
from credit_service.history import api as history_api
from credit_service.masterdata import api as masterdata_api
from credit_service.parameters import api as parameters_api
from credit_service.periodic import TASKS
from credit_service.policies import api as policies_api
from credit_service.policies import tables_api as policy_tables_api
from credit_service.profiles import api as profiles_api
from credit_service.profiles import lists_api
from credit_service.profiles import tables_api as profile_tables_api
from credit_service.raising import KIND as RAISING
from credit_service.reconciliation import api as reconciliation_api
from credit_service.risk import api as risk_api
from credit_service.risk import values_api as risk_values_api
from credit_service.schedules import api as schedules_api
from credit_service.statistics import api as statistics_api
from credit_service.tasks import api as tasks_api
from credit_service.tasks.running import background
from credit_service.temporary import api as temporary_api
from holdfast.approvals.api import create_router
from holdfast.approvals.jobs import escalate_overdue
from holdfast.bus.handlers import HandlerTable, Service
from holdfast.contracts.holds import (
    HoldCancelled,
    OrderCleared,
    OrderHeld,
    OrderRejected,
    OrderReleased,
    ReservationExpired,
    TemporaryLimitRequested,
)
from holdfast.contracts.topics import CREDIT
from holdfast.database.jobs import Job
from holdfast.platform import roles
from holdfast.platform.settings import Settings
from holdfast.receivables.accounts import LOCK_FREE, lock_accounts, try_lock_accounts
from holdfast.receivables.facts import FACT_HANDLERS
from holdfast.receivables.falling_due import refresh_fallen_due
from holdfast.web import audit_api
from holdfast.web.app import create_app, with_pool
from holdfast.web.waiting import create_router as create_waiting_router

NAME = "credit-service"
MIGRATIONS = Path(__file__).parent / "migrations"

HANDLERS = HandlerTable()
for _payload, _handle in FACT_HANDLERS.items():
    HANDLERS.on(_payload)(_handle)
for _decision in (OrderCleared, OrderHeld, OrderReleased, OrderRejected, HoldCancelled, ReservationExpired):
    HANDLERS.on(_decision)(apply_decisions)
HANDLERS.on(TemporaryLimitRequested)(draft_requested)

RISK_ROUTERS = [risk_api.router, risk_values_api.router, statistics_api.router, tasks_api.router]
AUTOMATIC_ROUTERS = [automatic_api.router, revenues_api.router]
TABLE_ROUTERS = [profile_tables_api.router, policy_tables_api.router]
"""Their paths come before those with a parameter at the same place."""
LIST_ROUTERS = [lists_api.router, history_api.router, temporary_api.router, group_exposure_api.router]
POLLS_PER_SECOND = 50
"""No order waits for what this service shows, so it leaves the machine to those who decide."""
SERVICE = Service(
    name=NAME,
    handlers=HANDLERS,
    lock=lock_accounts,
    lock_free=LOCK_FREE,
    try_lock=try_lock_accounts,
    refresh=refresh_and_mark,
    outgoing=CREDIT,
    polls_per_second=POLLS_PER_SECOND,
)


KINDS = {kind.name: kind for kind in (RAISING, JOURNAL, LINE)}
"""What needs approval."""


def create_api(settings: Settings) -> FastAPI:
    """The API: profiles, exposure, reconciliation."""
    return create_app(
        title="Holdfast credit-service",
        service=NAME,
        settings=settings,
        routers=[
            factbox_api.router,
            *TABLE_ROUTERS,
            profiles_api.router,
            exposure_api.router,
            reconciliation_api.router,
            as_of_api.router,
            parameters_api.router,
            masterdata_api.router,
            policies_api.router,
            groups_api.router,
            adjustment_lines_api.router,
            adjustments_api.router,
            schedules_api.router,
            *LIST_ROUTERS,
            create_router(KINDS),
            *RISK_ROUTERS,
            *AUTOMATIC_ROUTERS,
            audit_api.router,
            create_waiting_router("credit:see"),
        ],
        state=with_pool(lambda: roles.open_pool(settings, NAME, "api"), _made_together),
    )


@asynccontextmanager
async def _made_together(app: FastAPI) -> AsyncIterator[None]:
    app.state.boxes = Boxes(app.state.pool)
    yield


async def run_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Bus in, relay out, until `stop`."""
    await roles.run_worker(SERVICE, settings, stop)


async def run_jobs(settings: Settings, stop: asyncio.Event) -> None:
    """Periodic work until `stop`."""
    jobs = [
        Job("approval-escalation", timedelta(minutes=15), escalate_overdue),
        Job("fallen-due", timedelta(minutes=5), partial(refresh_fallen_due, lock=lock_accounts)),
    ]
    await roles.run_periodic(SERVICE, settings, stop, [*jobs, *background(TASKS)])
