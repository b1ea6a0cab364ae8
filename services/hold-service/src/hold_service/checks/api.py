"""Credit checks over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field, ValidationError

from hold_service.checks import saving
from hold_service.checks.batcher import Batcher
from hold_service.checks.picture import shown_picture
from hold_service.checks.preview import preview
from hold_service.parameters import PARAMETERS
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.contracts.refusals import explain
from holdfast.database.pool import to_json
from holdfast.database.work import transaction
from holdfast.web.auth import Caller, permitted, require
from holdfast.web.bodies import read_body
from holdfast.web.direct import DirectRoutes
from holdfast.web.idempotency import KEY_DOCUMENTED, request_of
from holdfast.web.paths import see
from holdfast.web.positions import parse_positions, wait_for_positions
from holdfast.web.problems import Problem, not_found, responses

router = APIRouter(prefix="/v1/credit-checks", tags=["credit checks"])
Checker = Annotated[Caller, Depends(require("checks:make"))]
Reader = Annotated[Caller, Depends(require("holds:see"))]


class CreditCheck(CheckpointRequested):
    """A check: may this order pass this checkpoint. The same attempt is answered once."""

    after: tuple[str, ...] = Field(
        (), max_length=20, description="positions from the ingest API that the facts must include"
    )


DOCUMENTED = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/CreditCheck"},
            "example": CheckpointRequested.example,
        }},
    },
    "parameters": [KEY_DOCUMENTED],
}  # fmt: skip
MOST_BYTES = 100_000
PATH = "/v1/credit-checks"


@router.post(
    "",
    operation_id="makeCreditCheck",
    responses={200: {"description": "The decision: cleared or held"}, **responses(409, 413)},
    dependencies=[Depends(require("checks:make"))],
    openapi_extra=DOCUMENTED,
)
async def make_credit_check(request: Request) -> Response:
    """Decide whether an order may pass a checkpoint: locked, decided, stored with its numbers, published."""
    caller = await permitted(request, "checks:make")
    raw = await read_body(request, MOST_BYTES)
    identity = request_of(caller, request.headers.get("idempotency-key"), "POST", PATH, raw)
    check = parse(raw)
    see(caller, check.company)
    if check.after:
        state = request.app.state
        await wait_for_positions(state.pool, parse_positions(check.after, state.service))
    batcher: Batcher = request.app.state.batcher
    return (await batcher.submit(identity, check)).response()


@router.post(
    "/preview",
    operation_id="previewCreditCheck",
    responses={200: {"description": "What a check would answer"}, **responses(404, 413)},
    openapi_extra={"requestBody": DOCUMENTED["requestBody"]},
)
async def preview_credit_check(request: Request, caller: Checker) -> Response:
    """What a check of this order would answer now. The order need not exist; nothing is held, reserved or stored."""
    check = parse(await read_body(request, MOST_BYTES))
    see(caller, check.company)
    async with transaction(request.app.state.pool) as work:
        answer = await preview(work, check, PARAMETERS.most_facts_age)
    return Response(to_json(answer), media_type="application/json")


DIRECT: DirectRoutes = {("POST", PATH): make_credit_check}


def parse(raw: bytes) -> CreditCheck:
    """Read a check. Raises Problem 422 that names fields and remedies."""
    try:
        return CreditCheck.model_validate_json(raw)
    except ValidationError as error:
        found = explain(error)
        errors = [{"field": f.field, "value": f.value, "problem": f.problem, "remedy": f.remedy} for f in found]
        detail = f"{found[0].field}: {found[0].problem}. {found[0].remedy}"
        raise Problem(422, "invalid", "The request is not valid", detail, errors) from None


@router.get(
    "/{decision_id}",
    operation_id="getCreditCheck",
    responses={200: {"description": "The decision, its explanation and the credit picture"}, **responses(404)},
)
async def get_credit_check(request: Request, decision_id: UUID, caller: Reader) -> Response:
    """A stored decision with every number it was made from, and what it would have taken to pass."""
    async with transaction(request.app.state.pool, clock=False) as work:
        row = await saving.read_decision(work, decision_id)
    if row is None or not caller.sees(row["company"]):
        raise not_found(f"credit check {decision_id}")
    shown = {**row["answer"], "picture": shown_picture(row["answer"], row["picture"])}
    return Response(to_json(shown), media_type="application/json")
