"""Limit checks without a hold over HTTP (spec 3.17): free text invoices, payment on account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from hold_service.checks.preview import Kind, limit_check
from holdfast.contracts.base import CompanyId, Id
from holdfast.database.pool import to_json
from holdfast.database.work import transaction
from holdfast.web.auth import Caller, require
from holdfast.web.money import MoneyModel, money
from holdfast.web.paths import see
from holdfast.web.problems import field_problem, responses

router = APIRouter(prefix="/v1/limit-checks", tags=["limit checks"])
Checker = Annotated[Caller, Depends(require("checks:make"))]


class LimitCheck(BaseModel):
    """May a customer owe this amount more."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"company": "DE01", "customer": "C-1001", "kind": "on_account",
         "amount": {"amount": "250.00", "currency": "EUR"}}]})  # fmt: skip

    company: CompanyId
    customer: Id
    kind: Kind
    amount: MoneyModel


@router.post(
    "",
    operation_id="checkLimit",
    responses={200: {"description": "What is accepted, with the credit picture"}, **responses(404)},
)
async def check_limit(request: Request, given: LimitCheck, caller: Checker) -> Response:
    """Test an amount against limit, temporary limit and policies. Nothing is held, reserved or stored."""
    see(caller, given.company)
    wanted = given.amount
    if wanted.amount <= 0:
        raise field_problem(
            422, "invalid", "The request is not valid", "amount.amount", wanted.amount, "not above 0",
            "Send the amount that the customer is to owe more.",
        )  # fmt: skip
    async with transaction(request.app.state.pool) as work:
        answer = await limit_check(
            work, (given.company, given.customer), given.kind, wanted.amount, wanted.currency
        )  # fmt: skip
    answer["accepted_amount"] = money(answer["accepted_amount"], answer.pop("currency"))
    return Response(to_json({k: v for k, v in answer.items() if v is not None}), media_type="application/json")
