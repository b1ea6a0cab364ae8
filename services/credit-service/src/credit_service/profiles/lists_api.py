"""Lists for the credit team: limits that expire, and reviews that are due (spec 5)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from credit_service.paths import Named, date_and_party
from credit_service.profiles import store
from holdfast.contracts.scalars import BusinessDate
from holdfast.database.work import transaction
from holdfast.platform.clock import earliest_date
from holdfast.web.auth import Caller, require
from holdfast.web.changes import shown
from holdfast.web.money import money
from holdfast.web.paging import Cursor, Limit, page
from holdfast.web.problems import responses

router = APIRouter(prefix="/v1", tags=["lists"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Since = Annotated[BusinessDate | None, Query(alias="from", description="first day; all that are past, when absent")]
Until = Annotated[BusinessDate | None, Query(description="last day; 30 days ahead when absent")]
AHEAD = timedelta(days=30)
Column = Literal["credit_limit_expiry_date", "next_review_date"]


@router.get(
    "/expiring-limits",
    operation_id="listExpiringLimits",
    responses={200: {"description": "Limits by their expiry"}, **responses()},
)
async def list_expiring(
    request: Request, caller: Reader, company: Named = None, since: Since = None, until: Until = None,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Limits that expire, those that have expired first. An expired limit still applies; rules may hold on it."""
    return await _due(request, caller, "credit_limit_expiry_date", company, since, until, cursor, limit)


@router.get(
    "/due-reviews",
    operation_id="listDueReviews",
    responses={200: {"description": "Customers by the date of their review"}, **responses()},
)
async def list_reviews(
    request: Request, caller: Reader, company: Named = None, since: Since = None, until: Until = None,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Customers whose review falls due, those that are late first."""
    return await _due(request, caller, "next_review_date", company, since, until, cursor, limit)


async def _due(
    request: Request, caller: Caller, column: Column, company: str | None, since: date | None, until: date | None,
    cursor: str | None, limit: int,
) -> Response:  # fmt: skip
    after = date_and_party(cursor)
    async with transaction(request.app.state.pool) as work:
        last = until or earliest_date(work.business_now) + AHEAD
        rows = await store.page_of_due(work, caller.company_filter(), company, column, since, last, after, limit + 1)
    kept, following = page(rows, limit, lambda row: (row["due"].isoformat(), row["company"], row["customer"]))
    items = [
        {"company": row["company"], "customer": row["customer"], column: row["due"],
         "credit_limit": money(row["credit_limit"], row["currency"]), "unlimited_credit": row["unlimited_credit"],
         "last_review_date": row["last_review_date"]} for row in kept
    ]  # fmt: skip
    return shown({"items": items, "next_cursor": following})
