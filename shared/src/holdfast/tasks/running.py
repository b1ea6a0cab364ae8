"""Runs tasks step by step: at once in the request that asks for it, and the rest in the background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from holdfast.database.jobs import Job
from holdfast.database.work import Work, is_transient
from holdfast.platform.clock import local_date
from holdfast.tasks import store
from holdfast.tasks.model import Run, Step, Task, TaskTable
from holdfast.web.problems import Problem, field_problem

CHUNK = 2_000
"""Customers of one step: about a second."""
EVERY = timedelta(seconds=2)
SCHEDULE_EVERY = timedelta(minutes=1)
log = structlog.get_logger(__name__)

Chunk = Callable[[Work, Run, Sequence[str]], Awaitable[Step]]


def by_customers(act: Chunk) -> Callable[[Work, Run], Awaitable[Step]]:
    """A task that goes through the customers of a company, some thousand a step."""

    async def step(work: Work, run: Run) -> Step:
        found = await store.next_customers(work, run.company, run.customers, run.after, CHUNK)
        done = await act(work, run, found) if found else Step()
        last = found[-1] if len(found) == CHUNK else None
        return Step(last, len(found), done.changed, done.incomplete)

    return step


async def run_of(work: Work, task: Task, row: asyncpg.Record) -> Run:
    """A run as its task sees it."""
    zone = await zone_of(work, row["company"])
    customers = None if row["customers"] is None else tuple(row["customers"])
    return Run(
        row["id"], row["company"], row["as_of"], customers, task.options.model_validate(row["options"]),
        row["after_customer"], row["as_of"] == local_date(work.business_now, zone),
    )  # fmt: skip


async def step(work: Work, task: Task, run: Run) -> None:
    """One step of a run."""
    await store.advance(work, run.id, await task.act(work, run))


def background(table: TaskTable) -> list[Job]:
    """The jobs that start what falls due each business day, and go on with what is running."""

    async def schedule(work: Work) -> None:
        names = [task.name for task in table.tasks.values() if task.scheduled]
        for row in await store.companies(work):
            await store.schedule(work, names, row["company"], today(work, row["time_zone"]))

    async def next_step(work: Work) -> bool:
        row = await store.claim_oldest(work)
        if row is not None:
            await _step_or_fail(work, table.tasks[row["task"]], row)
        return row is not None

    return [Job("task-schedule", SCHEDULE_EVERY, schedule), Job("task-runs", EVERY, next_step)]


async def zone_of(work: Work, company: str) -> str:
    """The time zone of a company. Raises Problem 422 while its master data has not come."""
    zone = await store.time_zone(work, company)
    if zone is None:
        raise field_problem(
            422, "company-unknown", "The company's currency is not known yet", "company", company,
            "its master data has not arrived", "Let the ERP send erp.company.changed.v1 for it first.",
        )  # fmt: skip
    return zone


async def begin(
    work: Work, task: Task, company: str, as_of: date | None, customers: Sequence[str] | None, options: Any, by: str
) -> asyncpg.Record:
    """Start a run and take its first step; answers the run as it is then.

    `as_of` None: the company's business date. Raises Problem 422 for a date to come, 409 while another run goes on.
    """
    latest = today(work, await zone_of(work, company))
    on = as_of or latest
    if on > latest:
        raise field_problem(
            422, "invalid", "The request is not valid", "as_of", on.isoformat(), "lies in the future",
            "Send a business date up to today.",
        )  # fmt: skip
    row = await store.start(work, task.name, company, on, customers, options, by)
    if row is None:
        raise Problem(
            409, "task-running", "A run of this task goes on",
            f"Task {task.name} is running for company {company} already; wait for that run to end.",
        )  # fmt: skip
    run = await run_of(work, task, row)
    await task.check(work, run)
    await step(work, task, run)
    return await store.read_run(work, row["id"]) or row


async def go_on(work: Work, table: TaskTable, run_id: UUID) -> asyncpg.Record:
    """The next step of a run, once nobody else takes one; answers the run as it is then."""
    row = await store.claim(work, run_id)
    if row is not None:
        await _step_or_fail(work, table.tasks[row["task"]], row)
    found = await store.read_run(work, run_id)
    assert found is not None
    return found


def today(work: Work, zone: str) -> date:
    """The business date of a company."""
    return local_date(work.business_now, zone)


async def _step_or_fail(work: Work, task: Task, row: asyncpg.Record) -> None:
    """What cannot succeed ends the run with its problem, so that those behind it go on."""
    try:
        async with work.conn.transaction():
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
