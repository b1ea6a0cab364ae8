"""Revenues of customers over HTTP: what the maximum of an automatic limit rule is compared with (spec 1.11)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from credit_service.automatic import store
from credit_service.automatic.bodies import RevenueBody, shown_revenue
from credit_service.paths import Customer, business_settings, must_be_known
from holdfast.contracts.scalars import BusinessDate
from holdfast.database.work import Work, transaction
from holdfast.platform.clock import local_date
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.model import Party
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch, IfNoneMatch, check_if_match, check_put
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paths import Company, see
from holdfast.web.problems import field_problem, not_found, responses

router = APIRouter(prefix="/v1/customer-revenues", tags=["automatic limits"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Keeper = Annotated[Caller, Depends(require("risk:maintain"))]
Period = Annotated[BusinessDate, Path(description="last day of the period")]
FIGURE = "/{company}/{customer}/{period_end}"


@router.get(
    "/{company}/{customer}",
    operation_id="listCustomerRevenues",
    responses={200: {"description": "Figures, newest first"}, **responses(404)},
)
async def list_revenues(request: Request, company: Company, customer: Customer, caller: Reader) -> Response:
    """The revenue figures of a customer; the newest one counts."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        await must_be_known(work, company, customer)
        rows = await store.revenues_of(work, (company, customer))
    return shown({"items": [shown_revenue(row) for row in rows]})


@router.get(FIGURE, operation_id="getCustomerRevenue", responses={200: {"description": "It"}, **responses(404)})
async def get_revenue(
    request: Request, company: Company, customer: Customer, period_end: Period, caller: Reader
) -> Response:
    """The revenue of one period, with its ETag."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await store.revenues_of(work, (company, customer), period_end)
    if not rows:
        raise not_found(f"revenue of {company}/{customer} for {period_end}")
    return shown(shown_revenue(rows[0]), rows[0]["version"])


@router.put(
    FIGURE,
    operation_id="setCustomerRevenue",
    responses={200: {"description": "As it is now"}, 201: {"description": "Created"}, **responses(404, 409, 412, 428)},
)
async def set_revenue(
    request: Request,
    company: Company,
    customer: Customer,
    period_end: Period,
    given: RevenueBody,
    caller: Keeper,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Set the revenue of a period that has ended, in any currency."""
    see(caller, company)
    party = (company, customer)

    async def act(work: Work) -> Answer:
        before = await _locked(work, party, period_end)
        check_put("revenue", before["version"] if before else None, if_match, if_none_match)
        await _must_have_ended(work, company, period_end)
        version = before["version"] + 1 if before else 1
        await store.write_revenue(work, party, period_end, given.revenue.amount, given.revenue.currency, version)
        state = await _changed(work, caller, party, period_end, before)
        return answer(state, 200 if before else 201, version)

    return await once(request, caller, idempotency_key, act)


@router.delete(
    FIGURE,
    operation_id="deleteCustomerRevenue",
    status_code=204,
    responses={204: {"description": "Removed"}, **responses(404, 409, 412, 428)},
)
async def delete_revenue(
    request: Request,
    company: Company,
    customer: Customer,
    period_end: Period,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Remove the revenue of a period; the one before it is the newest then."""
    see(caller, company)
    party = (company, customer)

    async def act(work: Work) -> Answer:
        before = await _locked(work, party, period_end)
        if before is None:
            raise not_found(f"revenue of {company}/{customer} for {period_end}")
        check_if_match(if_match, before["version"])
        await store.delete_revenue(work, party, period_end)
        await _changed(work, caller, party, period_end, before)
        return Answer(204, "")

    return await once(request, caller, idempotency_key, act)


async def _locked(work: Work, party: Party, period_end: date) -> Any:
    """The figure as it is, once the customer is locked."""
    await must_be_known(work, *party)
    await lock_accounts(work, [party])
    return next(iter(await store.revenues_of(work, party, period_end)), None)


async def _must_have_ended(work: Work, company: str, period_end: date) -> None:
    today = local_date(work.business_now, (await business_settings(work, company))[1])
    if period_end > today:
        raise field_problem(
            422, "invalid", "The request is not valid", "period_end", period_end.isoformat(), "lies in the future",
            "Send the revenue of a period once it has ended.",
        )  # fmt: skip


async def _changed(work: Work, caller: Caller, party: Party, period_end: date, before: Any) -> dict[str, Any] | None:
    company, customer = party
    row = next(iter(await store.revenues_of(work, party, period_end)), None)
    state = shown_revenue(row) if row else None
    await audit.record(
        work, who=caller.subject, what=f"customer-revenue.{'changed' if row else 'deleted'}", company=company,
        subject=f"{customer}/{period_end.isoformat()}", before=shown_revenue(before) if before else None, after=state,
    )  # fmt: skip
    return state
