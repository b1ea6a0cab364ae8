"""The fact box of a customer: everything about their credit in one call (spec 5)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from credit_service.factbox import store
from credit_service.factbox.together import Boxes
from credit_service.paths import Customer
from holdfast.platform.clock import utc_now
from holdfast.web.auth import Caller, require
from holdfast.web.idempotency import Answer
from holdfast.web.paths import Company
from holdfast.web.problems import not_found, responses

router = APIRouter(prefix="/v1/fact-boxes", tags=["fact box"])
Reader = Annotated[Caller, Depends(require("credit:see"))]


@router.get(
    "/{company}/{customer}", operation_id="getFactBox",
    responses={200: {"description": "Limits, exposure, ages, statistics, risk"}, **responses(404)},
)  # fmt: skip
async def get_fact_box(request: Request, company: Company, customer: Customer, caller: Reader) -> Response:
    """Limits per level, exposure, ages of what is open, statistics, risk, policies, the newest payment, held orders.

    Statistics and risk are those of the last run of their tasks, which say of which day they are; all else is of now:
    a box that was shown before is shown again while nothing that it is made of has changed. That of a member of a
    credit group is always made anew, since what is seen of the group depends on who asks.
    """
    party, pool = (company, customer), request.app.state.pool
    if not caller.sees(company) or not (kept := await store.read_kept(pool, party, utc_now()))["known"]:
        raise not_found(f"customer {company}/{customer}")
    if kept["body"] is not None and not kept["grouped"]:
        return Answer(200, kept["body"]).response()
    boxes: Boxes = request.app.state.boxes
    return Answer(200, (await boxes.make(party)).body(caller)).response()
