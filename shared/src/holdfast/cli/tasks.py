"""`task list`, `task run`: the periodic tasks of a service, by hand."""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import Annotated, Any

import asyncpg
import typer
from pydantic import ValidationError

from holdfast.cli.operations import ServiceName, pool_of
from holdfast.cli.running import run
from holdfast.cli.sentences import FAILED, Told
from holdfast.database.work import Work, transaction
from holdfast.platform.services import load
from holdfast.tasks import store
from holdfast.tasks.model import Task, TaskTable
from holdfast.tasks.running import begin, go_on
from holdfast.web import audit
from holdfast.web.problems import Problem

SHOWN_RUNS = 20
app = typer.Typer(
    help="""The periodic tasks of a service: what they are, who ran them when, how it ended; run one now.

    \b
    holdfast task list credit-service
    holdfast task run credit-service risk-scores --company DE01
    """,
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip


@app.command("list")
def list_tasks(service: ServiceName) -> None:
    """List the tasks of a service and its last runs, newest first.

    \b
    holdfast task list credit-service
    """

    async def read() -> list[asyncpg.Record]:
        async with pool_of(service) as pool, transaction(pool, clock=False) as work:
            return list(await store.last_runs(work, None, SHOWN_RUNS))

    for task in _table(service).tasks.values():
        print(f"{task.name:<20} {task.summary}")
    for row in run(read()):
        print(_line(row))


@app.command("run")
def run_task(
    service: ServiceName,
    name: Annotated[str, typer.Argument(help="as `list` shows it")],
    company: Annotated[str, typer.Option(help="for which company")],
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="today when absent")] = None,
    options: Annotated[str, typer.Option(help="what the task may be told, as a JSON object")] = "{}",
) -> None:
    """Run a task to its end, a line for each step. A run that was interrupted is gone on with by the jobs role.

    \b
    holdfast task run credit-service statistics --company DE01
    holdfast task run credit-service delete-statistics --company DE01 --options '{"keep_months": 12}'
    """
    task = _task(service, name)
    given = _options(task, options)

    async def start(work: Work) -> asyncpg.Record:
        who = f"{getpass.getuser()} (command line)"
        row = await begin(work, task, company, as_of.date() if as_of else None, None, given, who)
        await audit.record(
            work, who=who, what=f"task.{name}", company=company, subject=str(row["id"]), before=None,
            after={"as_of": row["as_of"].isoformat(), "options": given},
        )  # fmt: skip
        return row

    async def to_the_end() -> asyncpg.Record:
        async with pool_of(service) as pool:
            async with transaction(pool) as work:
                row = await start(work)
            while row["state"] == "running":
                print(_line(row), flush=True)
                async with transaction(pool) as work:
                    row = await go_on(work, _table(service), row["id"])
            return row

    try:
        row = run(to_the_end())
    except Problem as problem:
        raise Told(problem.detail) from None
    print(_line(row))
    if row["state"] == "failed":
        raise Told(f"The run failed: {row['problem']}", FAILED)


def _table(service: str) -> TaskTable:
    found: TaskTable | None = getattr(load(service), "TASKS", None)
    if found is None:
        raise Told(f"{service} has no periodic tasks of its own.")
    return found


def _task(service: str, name: str) -> Task:
    known = _table(service).tasks
    if name not in known:
        raise Told(f"There is no task {name!r} in {service}: choose from {', '.join(known)}.")
    return known[name]


def _options(task: Task, text: str) -> Any:
    try:
        return task.options.model_validate_json(text).model_dump(mode="json", exclude_unset=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the JSON"
        raise Told(f"--options: {where}: {first['msg']}") from None


def _line(row: asyncpg.Record) -> str:
    done = f"{row['processed']:,} customers, {row['changed']:,} changed, {row['incomplete']:,} incomplete"
    head = (
        f"{row['started_at']:%Y-%m-%d %H:%M}  {row['task']:<20} {row['company']:<8} {row['as_of']}  {row['state']:<8}"
    )
    return f"{head} {done}, by {row['started_by']}" + (f": {row['problem']}" if row["problem"] else "")
