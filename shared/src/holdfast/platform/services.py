"""The services by name. Shared code imports none of them: each is loaded by its module's name when run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import asyncpg
from fastapi import FastAPI

from holdfast.bus.handlers import Service
from holdfast.platform.settings import Settings

MODULES = {
    "credit-service": "credit_service.app",
    "hold-service": "hold_service.app",
}
TASKS = {"credit-service": "credit_service.tasks.commands"}
INGEST, INGEST_MODULE = "ingest", "holdfast.ingest.app"
ROLES = ("api", "worker", "jobs")


class UnknownService(Exception):
    """There is no service, or no role of it, of that name; the text lists what there is."""


class TaskRefused(Exception):
    """A periodic task cannot be run so; the text says in one sentence why."""


class TaskCommands(Protocol):
    """What a service with periodic tasks offers to the command line."""

    def summaries(self) -> dict[str, str]:
        """Every task with what it does."""

    async def run_task(
        self, pool: asyncpg.Pool, name: str, company: str, as_of: date | None, customers: Sequence[str] | None,
        options: Mapping[str, Any], who: str,
    ) -> dict[str, Any]:  # fmt: skip
        """Run a task to its end; answers the run. Raises TaskRefused."""


class IngestApp(Protocol):
    """The ingest process: HTTP in, bus out."""

    def create_api(self, settings: Settings) -> FastAPI:
        """The application with its routes."""


class ServiceApp(IngestApp, Protocol):
    """What the `app` module of every service offers."""

    SERVICE: Service
    MIGRATIONS: Path

    async def run_worker(self, settings: Settings, stop: asyncio.Event) -> None:
        """Consume and relay until `stop`."""

    async def run_jobs(self, settings: Settings, stop: asyncio.Event) -> None:
        """Periodic work until `stop`."""


def check_service(name: str) -> None:
    """Raises UnknownService with one sentence when there is no service of that name with a database."""
    if name == INGEST:
        raise UnknownService(f"{INGEST} has no database: choose {' or '.join(MODULES)}.")
    if name not in MODULES:
        raise UnknownService(f"There is no service {name!r}: choose {' or '.join(MODULES)}.")


def load(name: str) -> ServiceApp:
    """The service of that name. Raises UnknownService."""
    check_service(name)
    return cast(ServiceApp, import_module(MODULES[name]))


def with_tasks() -> list[str]:
    """The services that have periodic tasks."""
    return list(TASKS)


def load_tasks(name: str) -> TaskCommands:
    """The periodic tasks of a service. Raises UnknownService."""
    if name not in TASKS:
        raise UnknownService(f"There are no periodic tasks of {name!r}: choose {' or '.join(TASKS)}.")
    return cast(TaskCommands, import_module(TASKS[name]))


def load_ingest() -> IngestApp:
    """The ingest process."""
    return cast(IngestApp, import_module(INGEST_MODULE))


def check_roles(name: str, roles: list[str]) -> None:
    """Raises UnknownService with one sentence when the service or a role does not exist."""
    if name != INGEST and name not in MODULES:
        names = ", ".join([*MODULES, INGEST])
        raise UnknownService(f"There is no service {name!r}: choose one of {names}.")
    allowed = ("api",) if name == INGEST else ROLES
    wrong = next((role for role in roles if role not in allowed), None)
    if wrong is not None:
        raise UnknownService(f"{name} has no role {wrong!r}: choose from {', '.join(allowed)}.")
