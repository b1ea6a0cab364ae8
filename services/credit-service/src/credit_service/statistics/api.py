"""Statistics parameters, and the balance statistics of a customer, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from credit_service.paths import Customer, business_settings, must_be_known
from credit_service.risk.store import lock_setup
from credit_service.statistics import store
from credit_service.statistics.model import StatisticsParameters
from credit_service.statistics.store import Kept
from holdfast.contracts.scalars import FIRST_DAY, LAST_DAY, BusinessDate
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch, check_if_match
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.money import money
from holdfast.web.paths import Company, see
from holdfast.web.problems import responses

router = APIRouter(prefix="/v1", tags=["statistics"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Keeper = Annotated[Caller, Depends(require("risk:maintain"))]
From = Annotated[BusinessDate, Query(alias="from", description="first day")]
To = Annotated[BusinessDate, Query(alias="to", description="last day")]


@router.get(
    "/statistics-parameters/{company}",
    operation_id="getStatisticsParameters",
    responses={200: {"description": "The parameters"}, **responses(404)},
)
async def get_parameters(request: Request, company: Company, caller: Reader) -> Response:
    """The windows of a company, with their ETag; version 0 are the defaults."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        kept = await store.read_parameters(work, company)
    return shown(_shown(company, kept), kept.version)


@router.put(
    "/statistics-parameters/{company}",
    operation_id="setStatisticsParameters",
    responses={200: {"description": "The parameters"}, **responses(404, 409, 412, 428)},
)
async def set_parameters(
    request: Request,
    company: Company,
    given: StatisticsParameters,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Set all windows; those left out get their default. If-Match \"0\" for a company never set up."""
    see(caller, company)

    async def act(work: Work) -> Answer:
        await lock_setup(work, company)
        before = await store.read_parameters(work, company)
        check_if_match(if_match, before.version)
        after = Kept(given, before.version + 1)
        await store.write_parameters(work, company, after)
        state = _shown(company, after)
        await audit.record(
            work, who=caller.subject, what="statistics-parameters.changed", company=company, subject=company,
            before=_shown(company, before), after=state,
        )  # fmt: skip
        return answer(state, version=after.version)

    return await once(request, caller, idempotency_key, act)


@router.get(
    "/balance-statistics/{company}/{customer}",
    operation_id="listBalanceStatistics",
    responses={200: {"description": "Rows by day, newest first"}, **responses(404)},
)
async def list_days(
    request: Request,
    company: Company,
    customer: Customer,
    caller: Reader,
    first: From = FIRST_DAY,
    last: To = LAST_DAY,
    limit: Annotated[int, Query(ge=1, le=5000)] = 400,
) -> Response:
    """Balance, limit and exposure by day, in company currency.

    `credit_limit` is the tightest of those that governed; absent: unlimited, or a rate lacked. `exposure_value` is the
    own limit without flagged policies. An exposure of a day that was computed afterwards is not known.
    """
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        await must_be_known(work, company, customer)
        currency, _ = await business_settings(work, company)
        rows = await store.days_of(work, (company, customer), first, last, limit)
    return shown({"items": [_day(row, currency) for row in rows]})


def _day(row: Any, currency: str) -> dict[str, Any]:
    amounts = {name: money(row[name], currency) for name in ("balance", "credit_limit", "exposure_value", "exposure")}
    return {"date": row["stat_date"], **amounts}


def _shown(company: str, kept: Kept) -> dict[str, Any]:
    return {"company": company, **kept.parameters.model_dump(mode="json"), "version": kept.version}
