"""The fact box of a customer: everything about their credit in one call (spec 5)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from credit_service.exposure import store as exposure_store
from credit_service.exposure.reading import read_views
from credit_service.exposure.shown import shown_view
from credit_service.factbox.shown import shown_box
from credit_service.factbox.store import read_box
from credit_service.paths import Company, Customer
from holdfast.database.work import transaction
from holdfast.web.auth import Caller, require
from holdfast.web.changes import shown
from holdfast.web.problems import not_found, responses

router = APIRouter(prefix="/v1/fact-boxes", tags=["fact box"])
Reader = Annotated[Caller, Depends(require("credit:see"))]


@router.get(
    "/{company}/{customer}", operation_id="getFactBox",
    responses={200: {"description": "Limits, exposure, ages, statistics, risk"}, **responses(404)},
)  # fmt: skip
async def get_fact_box(request: Request, company: Company, customer: Customer, caller: Reader) -> Response:
    """Limits per level, exposure, ages of what is open, statistics, risk, policies, the newest payment, held orders.

    Statistics and risk are those of the last run of their tasks, which say of which day they are; all else is of now.
    """
    party = (company, customer)
    async with transaction(request.app.state.pool, isolation="repeatable_read") as work:
        if not caller.sees(company) or not await exposure_store.is_known(work, party):
            raise not_found(f"customer {company}/{customer}")
        (view,) = await read_views(work, [party])
        row = await read_box(work, party, view.exposure.position.check_date)
    return shown({"exposure": shown_view(view, caller), **shown_box(view, row)})
