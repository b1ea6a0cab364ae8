"""Tasks from the command line: the same runs as over HTTP, gone through to the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import asyncpg

from credit_service.periodic import TASKS
from credit_service.tasks import store
from credit_service.tasks.api import options_of, shown_run
from credit_service.tasks.running import begin, go_on
from holdfast.database.work import transaction
from holdfast.platform.services import TaskRefused
from holdfast.web import audit
from holdfast.web.problems import Problem


def summaries() -> dict[str, str]:
    """Every task with what it does."""
    return {task.name: task.summary for task in TASKS.tasks.values()}


async def run_task(
    pool: asyncpg.Pool, name: str, company: str, as_of: date | None, customers: Sequence[str] | None,
    options: Mapping[str, Any], who: str,
) -> dict[str, Any]:  # fmt: skip
    """Run a task to its end, some thousand customers a transaction. Raises TaskRefused with one sentence.

    Cut off in the middle, the run is gone on with by the jobs role.
    """
    task = TASKS.tasks.get(name)
    if task is None:
        raise TaskRefused(f"There is no task {name!r}: choose {', '.join(TASKS.tasks)}.")
    try:
        async with transaction(pool) as work:
            run_id = await begin(work, task, company, as_of, customers, options_of(task, dict(options)), who)
            await audit.record(
                work, who=who, what=f"task.{name}", company=company, subject=str(run_id), before=None,
                after={"company": company, "as_of": as_of, "customers": customers, "options": dict(options)},
            )  # fmt: skip
    except Problem as problem:
        raise TaskRefused(problem.detail) from None
    state = "running"
    while state == "running":
        async with transaction(pool) as work:
            state = await go_on(work, TASKS, run_id)
    async with transaction(pool, clock=False) as work:
        return shown_run(await store.read_run(work, run_id))
