"""The credit manager's reports over HTTP: what waits, what was released and what became of it, how long it took."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from hold_service.holds.shown import json_of
from hold_service.reports import store
from holdfast.contracts.scalars import ONE_WORD, BusinessDate
from holdfast.database.work import transaction
from holdfast.web.auth import Caller, require
from holdfast.web.money import money
from holdfast.web.problems import field_problem, responses

router = APIRouter(prefix="/v1/hold-reports", tags=["reports"])
Reader = Annotated[Caller, Depends(require("holds:see"))]
Company = Annotated[str | None, Query(max_length=20, pattern=ONE_WORD)]
FIRST = f"first day; {store.DAYS} days before `to` when absent"
Since = Annotated[BusinessDate | None, Query(alias="from", description=FIRST)]
Until = Annotated[BusinessDate | None, Query(alias="to", description="last day; today when absent")]


@router.get("/open", operation_id="reportOpenHolds", responses={200: {"description": "The report"}, **responses()})
async def open_holds(request: Request, caller: Reader, company: Company = None) -> Response:
    """Active holds of the caller's companies by company, age, reason and value, each currency apart.

    An order counts once under each of its reasons.
    """
    async with transaction(request.app.state.pool) as work:
        found = await store.open_holds(work, caller.company_filter(), company)
    return json_of({name: _shown(rows) for name, rows in found.items()})


@router.get("/releases", operation_id="reportReleases", responses={200: {"description": "The report"}, **responses()})
async def releases(
    request: Request, caller: Reader, company: Company = None, since: Since = None, until: Until = None
) -> Response:
    """Releases by company, user and reason, and what became of the orders: held again, cancelled, paid in time, paid
    late, overdue today; `later_overdue`: at some time.

    Days are business days of each company.
    """
    _check_period(since, until)
    async with transaction(request.app.state.pool) as work:
        rows = await store.releases(work, caller.company_filter(), company, since, until)
    return json_of({"items": _shown(rows)})


@router.get(
    "/turnaround", operation_id="reportTurnaround", responses={200: {"description": "The report"}, **responses()}
)
async def turnaround(
    request: Request, caller: Reader, company: Company = None, since: Since = None, until: Until = None
) -> Response:
    """How long the holds that ended in a period had waited, and what they were worth."""
    _check_period(since, until)
    async with transaction(request.app.state.pool) as work:
        rows = await store.turnaround(work, caller.company_filter(), company, since, until)
    return json_of({"items": _shown(rows)})


def _check_period(since: date | None, until: date | None) -> None:
    """Raises Problem 422."""
    if since is not None and until is not None and until < since:
        raise field_problem(
            422, "invalid", "The request is not valid", "from", since.isoformat(), "lies after `to`",
            "Swap them, or leave one out.",
        )  # fmt: skip


def _shown(rows: Iterable[Any]) -> list[dict[str, Any]]:
    items = []
    for row in rows:
        item = dict(row)
        item["value"] = money(item["value"], item.pop("currency"))
        items.append(item)
    return items
