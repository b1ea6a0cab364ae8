"""Exposure, used percentage and available credit over HTTP."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from credit_service.exposure import store
from credit_service.exposure.listing import Listed, read_concentration, read_page
from credit_service.exposure.model import SortKey
from credit_service.exposure.reading import read_views
from credit_service.exposure.shown import shown_concentration, shown_view
from credit_service.exposure.store import keep_standings
from credit_service.paths import Customer, Named, bad_cursor, business_settings
from holdfast.contracts.scalars import ONE_WORD
from holdfast.database.work import transaction
from holdfast.web.auth import Caller, require
from holdfast.web.changes import shown
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import Company, see
from holdfast.web.problems import field_problem, not_found, responses

router = APIRouter(prefix="/v1", tags=["exposure"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
OneCompany = Annotated[str, Query(max_length=20, pattern=ONE_WORD)]
Sort = Literal["-used_percent", "-exposure", "-uninsured_exposure"]


@router.get(
    "/exposures/{company}/{customer}",
    operation_id="getExposure",
    responses={200: {"description": "The exposure of a customer"}, **responses(404)},
)
async def get_exposure(request: Request, company: Company, customer: Customer, caller: Reader) -> Response:
    """What the customer owes and has ordered, against own and shared limit; which of them governs (spec 2.1-2.7)."""
    party = (company, customer)
    async with transaction(request.app.state.pool, isolation="repeatable_read") as work:
        if not caller.sees(company) or not await store.is_known(work, party):
            raise not_found(f"customer {company}/{customer}")
        (view,) = await read_views(work, [party])
    return shown(shown_view(view, caller))


@router.get(
    "/exposures",
    operation_id="listExposures",
    responses={200: {"description": "Customers, those nearest to their limit first"}, **responses()},
)
async def list_exposures(
    request: Request,
    caller: Reader,
    company: Named = None,
    sort: Annotated[Sort, Query(description="amounts compare within one company only: name it")] = "-used_percent",
    minimum_used_percent: Annotated[Decimal | None, Query(ge=0, le=10**9, description="and above it")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Customers of the caller's companies, those nearest to their limit (or with the largest amount) first.

    Figures that lack an exchange rate come before all others, unlimited customers last. The cursor names the place
    in the order, so that a figure that changes meanwhile neither repeats nor hides anybody else.
    """
    if sort != "-used_percent" and company is None:
        raise field_problem(
            422, "invalid", "The request is not valid", "company", None, "amounts of several currencies do not compare",
            "Name one company, or sort by -used_percent.",
        )  # fmt: skip
    pool, seen = request.app.state.pool, caller.company_filter()
    async with transaction(pool, isolation="repeatable_read") as work:
        found = await read_page(work, seen, company, sort, minimum_used_percent, _after(cursor), limit)
    await _keep(pool, found)
    kept, following = page(found.views, limit, lambda pair: (pair[0][0], str(pair[0][1]), *pair[0][2:]))
    return shown({"items": [shown_view(view, caller) for _, view in kept], "next_cursor": following})


def _after(cursor: str | None) -> SortKey | None:
    found = decode_cursor(cursor, int, str, str, str)
    if found is None:
        return None
    try:
        return found[0], Decimal(found[1]), found[2], found[3]
    except InvalidOperation:
        raise bad_cursor() from None


@router.get(
    "/exposure-concentration",
    operation_id="getConcentration",
    responses={200: {"description": "The largest customers and their share"}, **responses(404)},
)
async def get_concentration(
    request: Request, caller: Reader, company: OneCompany, top: Annotated[int, Query(ge=1, le=500)] = 10
) -> Response:
    """How much of a company's exposure its largest customers have, and how much no policy covers (spec 5).

    Shares are of the whole company. Everybody in this order: GET /v1/exposures with sort -exposure.
    """
    see(caller, company)
    pool = request.app.state.pool
    async with transaction(pool, isolation="repeatable_read") as work:
        currency, _ = await business_settings(work, company)
        found, listed = await read_concentration(work, company, top)
    await _keep(pool, listed)
    return shown(shown_concentration(found, company, currency))


async def _keep(pool: asyncpg.Pool, listed: Listed) -> None:
    if listed.computed:
        async with transaction(pool, clock=False) as work:
            await keep_standings(work, listed.setting, listed.computed)
