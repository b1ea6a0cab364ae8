"""Adjustment schedules over HTTP: journals that are generated again and again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from credit_service.paths import Code, business_settings
from credit_service.schedules import store
from credit_service.schedules.bodies import ScheduleBody, shown_schedule
from holdfast.database.work import Work, transaction
from holdfast.platform.clock import local_date
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch, IfNoneMatch, check_if_match, check_put, check_written
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paths import Company, see
from holdfast.web.problems import field_problem, not_found, responses

router = APIRouter(prefix="/v1/adjustment-schedules", tags=["adjustments"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Editor = Annotated[Caller, Depends(require("journals:edit"))]


@router.get(
    "/{company}",
    operation_id="listAdjustmentSchedules",
    responses={200: {"description": "All of them"}, **responses(404)},
)
async def list_schedules(request: Request, company: Company, caller: Reader) -> Response:
    """The schedules of a company, with their next days and what became of the last run of each."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await store.schedules_of(work, company)
    return shown({"items": [shown_schedule(row) for row in rows]})


@router.get(
    "/{company}/{code}",
    operation_id="getAdjustmentSchedule",
    responses={200: {"description": "The schedule"}, **responses(404)},
)
async def get_schedule(request: Request, company: Company, code: Code, caller: Reader) -> Response:
    """One schedule with its ETag."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        row = await _read(work, company, code)
    return shown(shown_schedule(row), row["version"])


@router.put(
    "/{company}/{code}",
    operation_id="setAdjustmentSchedule",
    responses={200: {"description": "As it is now"}, 201: {"description": "Created"}, **responses(404, 409, 412, 428)},
)
async def set_schedule(
    request: Request,
    company: Company,
    code: Code,
    given: ScheduleBody,
    caller: Editor,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Set when which journal is drafted. What it drafts needs approval and posting as any other journal."""
    see(caller, company)

    async def act(work: Work) -> Answer:
        row = await store.read_schedule(work, company, code, lock=True)
        check_put("schedule", row["version"] if row else None, if_match, if_none_match)
        next_on = await _next_on(work, company, row, given)
        version, fields = (row["version"] if row else 0) + 1, given.model_dump(mode="json", exclude_unset=True)
        fields = {"enabled": given.enabled, "type": given.type, "unit": given.unit} | fields
        check_written(await store.write_schedule(work, company, code, fields, next_on, caller.subject, version))
        state = shown_schedule(await _read(work, company, code))
        await _audit(work, caller, company, code, shown_schedule(row) if row else None, state)
        return answer(state, 200 if row else 201, version)

    return await once(request, caller, idempotency_key, act)


@router.delete(
    "/{company}/{code}",
    operation_id="deleteAdjustmentSchedule",
    status_code=204,
    responses={204: {"description": "Removed"}, **responses(404, 409, 412, 428)},
)
async def delete_schedule(
    request: Request,
    company: Company,
    code: Code,
    caller: Editor,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Remove a schedule; the journals that it has made stay."""
    see(caller, company)

    async def act(work: Work) -> Answer:
        row = await _read(work, company, code, lock=True)
        check_if_match(if_match, row["version"])
        await store.delete_schedule(work, company, code)
        await _audit(work, caller, company, code, shown_schedule(row), None)
        return Answer(204, "")

    return await once(request, caller, idempotency_key, act)


async def _read(work: Work, company: str, code: str, *, lock: bool = False) -> asyncpg.Record:
    """Raises Problem 404."""
    row = await store.read_schedule(work, company, code, lock=lock)
    if row is None:
        raise not_found(f"adjustment schedule {company}/{code}")
    return row


async def _next_on(work: Work, company: str, row: asyncpg.Record | None, given: ScheduleBody) -> date | None:
    """From today on, and not on a day that it has run on. Raises Problem 422 for what would never run."""
    today = local_date(work.business_now, (await business_settings(work, company))[1])
    ran_on = row["last_run_on"] if row else None
    next_on = given.rhythm.after(max(today - timedelta(days=1), ran_on or date.min))
    if next_on is None and ran_on is None:
        raise field_problem(
            422, "invalid", "The request is not valid", "first_on", given.first_on.isoformat(),
            f"lies before today, {today.isoformat()}, and nothing comes after it",
            "Send a day from today on, or every.",
        )  # fmt: skip
    return next_on


async def _audit(work: Work, caller: Caller, company: str, code: str, before: Any, after: Any) -> None:
    await audit.record(
        work, who=caller.subject, what=f"adjustment-schedule.{'changed' if after else 'deleted'}", company=company,
        subject=code, before=before, after=after,
    )  # fmt: skip
