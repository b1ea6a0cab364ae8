"""Runs tasks step by step: at once in the request that asks for it, and the rest in the background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from credit_service.paths import business_settings
from credit_service.tasks import store
from credit_service.tasks.model import Run, Step, Task, TaskTable
from holdfast.database.jobs import Job
from holdfast.database.work import Work, is_transient, savepoint
from holdfast.platform.clock import local_date
from holdfast.web.problems import Problem, field_problem

CHUNK = 2_000
"""Customers of one step of most tasks: about a second."""
EVERY = timedelta(seconds=2)
SCHEDULE_EVERY = timedelta(minutes=1)
log = structlog.get_logger(__name__)

Chunk = Callable[[Work, Run, Sequence[str]], Awaitable[Step]]


def by_customers(act: Chunk, chunk: int = CHUNK) -> Callable[[Work, Run], Awaitable[Step]]:
    """A task that goes through the customers of a company, `chunk` of them a step."""

    async def step(work: Work, run: Run) -> Step:
        found = await store.next_customers(work, run.company, run.customers, run.after, chunk)
        done = await act(work, run, found) if found else Step()
        last = found[-1] if len(found) == chunk else None
        return Step(last, len(found), done.changed, done.incomplete)

    return step


async def run_of(work: Work, task: Task, row: asyncpg.Record) -> Run:
    """A run as its task sees it."""
    _, zone = await business_settings(work, row["company"])
    customers = None if row["customers"] is None else tuple(row["customers"])
    return Run(
        row["id"], row["company"], row["as_of"], customers, task.options.model_validate(row["options"]),
        row["after_customer"], row["as_of"] == local_date(work.business_now, zone),
        row["started_by"],
    )  # fmt: skip


async def step(work: Work, task: Task, run: Run) -> None:
    """One step of a run."""
    await store.advance(work, run.id, await task.act(work, run))


async def begin(
    work: Work, task: Task, company: str, as_of: date | None, customers: Sequence[str] | None, options: Any, who: str
) -> UUID:
    """Start a run and do its first step; the company's business date when `as_of` is absent.

    Raises Problem 422 for a day to come, or a run that must not be; 409 while another of the task goes on.
    """
    day = today(work, (await business_settings(work, company))[1])
    if as_of is not None and as_of > day:
        raise field_problem(
            422, "invalid", "The request is not valid", "as_of", as_of.isoformat(), "lies in the future",
            "Send a business date up to today.",
        )  # fmt: skip
    row = await store.start(work, task.name, company, as_of or day, customers, options, who)
    if row is None:
        raise Problem(
            409, "task-running", "A run of this task goes on",
            f"Task {task.name} is running for company {company} already; wait for that run to end.",
        )  # fmt: skip
    run = await run_of(work, task, row)
    await task.check(work, run)
    await step(work, task, run)
    return run.id


async def go_on(work: Work, table: TaskTable, run_id: UUID) -> str:
    """One more step of a run that nobody else is busy with; answers its state."""
    row = await store.claim(work, run_id)
    if row is not None:
        await _step_or_fail(work, table.tasks[row["task"]], row)
    return str((await store.read_run(work, run_id) or {"state": "failed"})["state"])


def background(table: TaskTable) -> list[Job]:
    """The jobs that start what falls due each business day, and go on with what is running."""

    async def schedule(work: Work) -> None:
        names = [task.name for task in table.tasks.values() if task.scheduled]
        for row in await store.companies(work):
            await store.schedule(work, names, row["company"], today(work, row["time_zone"]))

    async def oldest(work: Work) -> bool:
        row = await store.claim_oldest(work)
        if row is not None:
            await _step_or_fail(work, table.tasks[row["task"]], row)
        return row is not None

    return [Job("task-schedule", SCHEDULE_EVERY, schedule), Job("task-runs", EVERY, oldest)]


def today(work: Work, zone: str) -> date:
    """The business date of a company."""
    return local_date(work.business_now, zone)


async def _step_or_fail(work: Work, task: Task, row: asyncpg.Record) -> None:
    """What cannot succeed ends the run with its problem, so that those behind it go on."""
    try:
        async with savepoint(work):
            run = await run_of(work, task, row)
            await task.check(work, run)
            await step(work, task, run)
    except Problem as problem:
        await store.fail(work, row["id"], problem.detail)
    except Exception as error:
        if is_transient(error):
            raise
        log.exception("task_failed", task=task.name, run=str(row["id"]))
        await store.fail(work, row["id"], f"{type(error).__name__}: {error}"[:2000])
