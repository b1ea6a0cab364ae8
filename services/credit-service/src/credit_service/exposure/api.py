"""Exposure, used percentage and available credit over HTTP, and the comparison with the ERP's control totals."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from credit_service.exposure import store
from credit_service.exposure.model import View, nearest_first
from credit_service.profiles.store import read_profiles
from holdfast.database.pool import to_json
from holdfast.database.work import Work, transaction
from holdfast.receivables.exposure import read_exposures
from holdfast.receivables.model import Party
from holdfast.web.auth import Caller, require
from holdfast.web.money import money
from holdfast.web.problems import not_found, responses

router = APIRouter(prefix="/v1", tags=["exposure"])
Reader = Annotated[Caller, Depends(require("credit:see"))]
Named = Annotated[str | None, Query(max_length=60, pattern=r"^[^\x00]+$")]
Company = Annotated[str, Path(max_length=20, pattern=r"^[^/\s\x00]+$")]
Customer = Annotated[str, Path(max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")]


@router.get(
    "/exposures/{company}/{customer}",
    operation_id="getExposure",
    responses={200: {"description": "The exposure of a customer"}, **responses(404)},
)
async def get_exposure(request: Request, company: Company, customer: Customer, caller: Reader) -> Response:
    """What the customer owes and has ordered, against the limit, in company currency."""
    party = (company, customer)
    async with transaction(request.app.state.pool) as work:
        if not caller.sees(company) or not await store.is_known(work, party):
            raise not_found(f"customer {company}/{customer}")
        (view,) = await read_views(work, [party])
    return Response(to_json(shown_view(view)), media_type="application/json")


@router.get(
    "/exposures",
    operation_id="listExposures",
    responses={200: {"description": "Customers, those nearest to their limit first"}, **responses()},
)
async def list_exposures(
    request: Request,
    caller: Reader,
    company: Named = None,
    sort: Literal["-used_percent"] = "-used_percent",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """The customers nearest to their limit, of the caller's companies."""
    async with transaction(request.app.state.pool) as work:
        parties = await store.customers_with_figures(work, caller.company_filter(), company)
        views = sorted(await read_views(work, parties), key=nearest_first)[:limit]
    return Response(to_json({"items": [shown_view(view) for view in views]}), media_type="application/json")


@router.get(
    "/reconciliation",
    operation_id="reconcile",
    responses={200: {"description": "Reported and computed balances"}, **responses(404)},
)
async def reconcile(
    request: Request,
    caller: Reader,
    company: Annotated[str, Query(max_length=20, pattern=r"^[^/\s\x00]+$")],
    only_differences: bool = False,
) -> Response:
    """The ERP's last control totals beside our own figures, per customer and currency."""
    if not caller.sees(company):
        raise not_found(f"company {company}")
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await store.reconciliation(work, company)
    items = [
        {
            "customer": row["customer"], "as_of": row["as_of"], "reported": money(row["reported"], row["currency"]),
            "computed": money(row["computed"], row["currency"]),
            "agrees": row["reported"] == row["computed"] if row["reported"] is not None else row["computed"] == 0,
        }
        for row in rows
    ]  # fmt: skip
    shown = [item for item in items if not (only_differences and item["agrees"])]
    differences = sum(not item["agrees"] for item in items)
    return Response(to_json({"items": shown, "differences": differences}), media_type="application/json")


async def read_views(work: Work, parties: list[Party]) -> list[View]:
    """The views of many customers: a few statements, whatever their number."""
    exposures = await read_exposures(work, parties)
    profiles = await read_profiles(work, parties)
    return [View(exposure, profiles.get(party)) for party, exposure in exposures.items()]


def shown_view(view: View) -> dict[str, Any]:
    """A view as the API shows it; without a company currency the amounts are absent."""
    position, parts, code = view.exposure.position, view.exposure.parts, view.exposure.parts.currency
    shown: dict[str, Any] = {
        "company": position.company, "customer": position.customer, "check_date": position.check_date,
        "profile_version": view.profile.version if view.profile else None,
        "days_overdue": view.exposure.days_overdue, "missing_rates": sorted(view.exposure.missing_rates),
        "used_percent": view.used_percent,
    }  # fmt: skip
    amounts = {
        "balance": parts.balance, "delivered_not_invoiced": parts.delivered_not_invoiced,
        "open_orders": parts.open_orders, "reserved": parts.reserved, "exposure": view.total, "limit": view.limit,
        "available": view.available, "overdue_amount": view.exposure.overdue_amount,
    }  # fmt: skip
    return shown | {name: money(value, code) if code else None for name, value in amounts.items()}
