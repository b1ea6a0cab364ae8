"""From a hold to the ways of mending it: ask for a temporary limit, ask collections for a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from hold_service.checks.known import Known
from hold_service.checks.loaded import hold_number
from hold_service.holds import acting, notices
from hold_service.holds.api import HoldNumber
from hold_service.holds.model import Row
from hold_service.holds.release import amount_of, known_of
from holdfast.bus import outbox
from holdfast.contracts.base import Payload, Text
from holdfast.contracts.holds import CallRequested, TemporaryLimitRequested
from holdfast.contracts.refusals import refused
from holdfast.contracts.scalars import BusinessDate
from holdfast.database.work import Work
from holdfast.receivables.money import rounded
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once
from holdfast.web.etags import IfMatch
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.money import MoneyModel
from holdfast.web.problems import field_problem, responses

router = APIRouter(prefix="/v1/holds", tags=["holds"])
Editor = Annotated[Caller, Depends(require("holds:edit"))]
ANY_VERSION = "*"
"""Asking changes nothing of the hold, so that no version need be named."""
Make = Callable[[dict[str, Any], Known], Payload]


class LimitRequest(BaseModel):
    """A temporary limit that would let the order pass; somebody at credit-service decides."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"amount": {"amount": "12000.00", "currency": "EUR"}, "from_date": "2026-02-20", "to_date": "2026-03-31",
         "note": "pays at the end of March"}]})  # fmt: skip

    amount: MoneyModel = Field(description="the limit asked for, company currency; it replaces the permanent one")
    from_date: BusinessDate
    to_date: BusinessDate
    note: Text | None = None

    @model_validator(mode="after")
    def _in_order(self) -> LimitRequest:
        if self.to_date < self.from_date:
            remedy = "Send a last day that is not before the first."
            raise refused(f"before from_date ({self.from_date})", remedy, "to_date", self.to_date)
        if self.amount.amount < 0:
            raise refused("below 0", "Send a limit of at least 0.", "amount.amount", self.amount.amount)
        return self


class CallRequest(BaseModel):
    """Collections shall call the customer."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"due_date": "2026-03-04", "note": "ask when I-42 is paid; the order waits for it"}]})  # fmt: skip

    due_date: BusinessDate | None = None
    note: Text | None = None


@router.post(
    "/{hold}/temporary-limit-requests",
    operation_id="askForTemporaryLimit",
    status_code=201,
    responses={201: {"description": "What was asked"}, **responses(404, 409, 412)},
)
async def ask_for_limit(
    request: Request, hold: HoldNumber, given: LimitRequest, caller: Editor, if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:  # fmt: skip
    """Ask credit-service for a temporary limit: it drafts an adjustment, which somebody posts or not."""

    def make(fields: dict[str, Any], known: Known) -> Payload:
        _grantable(given, known)
        return TemporaryLimitRequested.model_validate(fields | {
            "amount": given.amount.amount, "currency": given.amount.currency, "from_date": given.from_date,
            "to_date": given.to_date, "note": given.note})  # fmt: skip

    return await _ask(request, hold, caller, if_match, idempotency_key, "hold.temporary-limit-requested", make)


@router.post(
    "/{hold}/call-requests",
    operation_id="askForCall",
    status_code=201,
    responses={201: {"description": "What was asked"}, **responses(404, 409, 412)},
)
async def ask_for_call(
    request: Request, hold: HoldNumber, given: CallRequest, caller: Editor, if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:  # fmt: skip
    """Ask collections to call the customer about a held order."""

    def make(fields: dict[str, Any], known: Known) -> Payload:
        return CallRequested.model_validate(fields | {"due_date": given.due_date, "note": given.note})

    return await _ask(request, hold, caller, if_match, idempotency_key, "hold.call-requested", make)


def _grantable(given: LimitRequest, known: Known) -> None:
    """Raises Problem 422 for an amount or a period that nobody could grant."""
    wanted, position = given.amount, known.position
    if position.currency is not None and wanted.currency != position.currency:
        raise field_problem(
            422, "wrong-currency", "The limit is in another currency", "amount.currency", wanted.currency,
            f"the company's currency is {position.currency}", f"Send it in {position.currency}.",
        )  # fmt: skip
    if rounded(wanted.amount, wanted.currency) != wanted.amount:
        raise field_problem(
            422, "invalid", "The request is not valid", "amount.amount", str(wanted.amount),
            "finer than the currency's minor unit", "Send an amount in whole minor units.",
        )  # fmt: skip
    if given.to_date < position.check_date:
        raise field_problem(
            422, "invalid", "The request is not valid", "to_date", given.to_date.isoformat(),
            f"has passed; today is {position.check_date}", "Send a day that is still to come.",
        )  # fmt: skip


async def _ask(
    request: Request, hold: str, caller: Caller, if_match: str | None, key: str | None, what: str, make: Make
) -> Response:
    async def act(work: Work) -> Answer:
        row = await acting.locked(work, hold, caller, if_match or ANY_VERSION)
        body = await _publish(work, row, caller, what, make)
        return answer(body, 201)

    return await once(request, caller, key, act)


async def _publish(work: Work, row: Row, caller: Caller, what: str, make: Make) -> dict[str, Any]:
    known = await known_of(work, row)
    fields = notices.fields(row, known, work, amount_of(row, known))
    event = make(fields | {"request": str(uuid4()), "requested_by": caller.subject}, known)
    body: dict[str, Any] = event.model_dump(mode="json", exclude={"sequence"}, exclude_none=True)
    await audit.record(
        work, who=caller.subject, what=what, company=row["company"], subject=hold_number(row["id"]), before=None,
        after=body, why=body.get("note"),
    )  # fmt: skip
    await outbox.emit(work, [event])
    return body
