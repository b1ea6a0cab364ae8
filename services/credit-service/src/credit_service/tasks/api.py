"""Periodic tasks over HTTP: start a run, and see how far it has come."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from credit_service.periodic import TASKS
from credit_service.tasks import store
from credit_service.tasks.model import Task
from credit_service.tasks.running import begin
from holdfast.contracts.base import CompanyId, Id
from holdfast.contracts.scalars import ONE_WORD, BusinessDate
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import see
from holdfast.web.problems import field_problem, not_found, responses

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Runner = Annotated[Caller, Depends(require("tasks:run"))]
MEANING = "; ".join(f"{task.name}: {task.summary}" for task in TASKS.tasks.values())
Name = Annotated[str, Path(pattern=f"^({'|'.join(TASKS.tasks)})$", description=MEANING)]
MOST_CUSTOMERS = 10_000


class RunBody(BaseModel):
    """For whom a task shall run, and as of which business date."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"company": "DE01"}]})

    company: CompanyId
    as_of: BusinessDate | None = Field(None, description="the company's business date when absent; none to come")
    customers: tuple[Id, ...] | None = Field(None, max_length=MOST_CUSTOMERS, description="all when absent")
    options: dict[str, Any] = Field({}, description="what this task may be told; GET /v1/tasks says what")


@router.get("", operation_id="listTasks", responses={200: {"description": "The tasks"}, **responses()})
async def list_tasks(caller: Reader) -> Response:
    """The periodic tasks, with the JSON Schema of their options."""
    items = [
        {"name": task.name, "summary": task.summary, "scheduled": task.scheduled,
         "options": task.options.model_json_schema()}
        for task in TASKS.tasks.values()
    ]  # fmt: skip
    return shown({"items": items})


@router.post(
    "/{name}/runs",
    operation_id="runTask",
    status_code=201,
    responses={201: {"description": "The run: done, or running in the background"}, **responses(404, 409)},
)
async def run_task(
    request: Request, name: Name, given: RunBody, caller: Runner, idempotency_key: IdempotencyKey = None
) -> Response:
    """Run a task now. What takes longer than a few thousand customers goes on in the background."""
    see(caller, given.company)
    task = TASKS.tasks[name]
    options = options_of(task, given.options)

    async def act(work: Work) -> Answer:
        run_id = await begin(work, task, given.company, given.as_of, given.customers, options, caller.subject)
        state = shown_run(await store.read_run(work, run_id))
        await audit.record(
            work, who=caller.subject, what=f"task.{name}", company=given.company, subject=state["id"],
            before=None, after=given.model_dump(mode="json"),
        )  # fmt: skip
        return answer(state, 201)

    return await once(request, caller, idempotency_key, act)


@router.get(
    "/{name}/runs",
    operation_id="listTaskRuns",
    responses={200: {"description": "Runs, newest first"}, **responses(404)},
)
async def list_runs(
    request: Request,
    name: Name,
    caller: Reader,
    company: Annotated[str, Query(max_length=20, pattern=ONE_WORD)],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Runs of a task for a company."""
    see(caller, company)
    (before,) = decode_cursor(cursor, int) or (None,)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await store.page_of_runs(work, name, company, before, limit + 1)
    items, following = page(rows, limit, lambda row: (row["seq"],))
    return shown({"items": [shown_run(row) for row in items], "next_cursor": following})


@router.get(
    "/{name}/runs/{run_id}",
    operation_id="getTaskRun",
    responses={200: {"description": "The run"}, **responses(404)},
)
async def get_run(request: Request, name: Name, run_id: UUID, caller: Reader) -> Response:
    """One run: how many customers are done, and for how many something changed."""
    async with transaction(request.app.state.pool, clock=False) as work:
        row = await store.read_run(work, run_id)
    if row is None or row["task"] != name or not caller.sees(row["company"]):
        raise not_found(f"run {run_id}")
    return shown(shown_run(row))


def options_of(task: Task, given: dict[str, Any]) -> dict[str, Any]:
    """What a run shall be told, checked. Raises Problem 422."""
    try:
        return task.options.model_validate(given).model_dump(mode="json", exclude_unset=True)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(["options", *map(str, first["loc"])])
        raise field_problem(
            422, "invalid", "The request is not valid", field, first.get("input"), first["msg"],
            "GET /v1/tasks says what the task may be told.",
        ) from None  # fmt: skip


def shown_run(row: asyncpg.Record | None) -> dict[str, Any]:
    """A run as the API shows it."""
    assert row is not None
    left_out = {"seq", "after_customer"}
    return {"id": str(row["id"])} | {n: v for n, v in row.items() if n not in left_out and n != "id"}
