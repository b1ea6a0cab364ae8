"""Forced holds over HTTP, single and in bulk (spec 3.11)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from hold_service.forced.force import Force, force
from hold_service.groups.locks import lock_parties, must_have_locked
from hold_service.holds import orders
from hold_service.reasons.known import must_exist
from holdfast.contracts.base import CompanyId, Text
from holdfast.contracts.refusals import refused
from holdfast.contracts.scalars import Id
from holdfast.database.work import Work
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paths import see
from holdfast.web.problems import responses

router = APIRouter(prefix="/v1/forced-holds", tags=["forced holds"])
Forcer = Annotated[Caller, Depends(require("holds:force"))]


class ForceRequest(BaseModel):
    """Which open orders of a company are held, and why."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"company": "DE01", "orders": ["SO-771"], "reason": "FRAUD", "note": "address does not exist"}]})  # fmt: skip

    company: CompanyId
    orders: tuple[Id, ...] = Field((), max_length=500)
    customers: tuple[Id, ...] = Field((), max_length=500, description="all open orders of these customers")
    reason: Id = Field(description="a hold reason of the company")
    note: Text | None = None

    @model_validator(mode="after")
    def _some(self) -> ForceRequest:
        if not self.orders and not self.customers:
            raise refused("neither orders nor customers are named", "Name orders or customers.", "orders", "nothing")
        return self


@router.post(
    "",
    operation_id="forceHolds",
    responses={
        200: {"description": "What became of each order: those named in their sequence, then the oldest first"},
        **responses(404, 409),
    },
)
async def force_holds(
    request: Request, given: ForceRequest, caller: Forcer, idempotency_key: IdempotencyKey = None
) -> Response:
    """Put open orders on hold, also those that would pass every rule. Those already held are skipped, and named."""
    see(caller, given.company)

    async def act(work: Work) -> Answer:
        await must_exist(work, given.company, "hold", given.reason)
        return answer(await _force(work, given, caller))

    return await once(request, caller, idempotency_key, act)


async def _force(work: Work, given: ForceRequest, caller: Caller) -> dict[str, Any]:
    rows = await orders.open_orders(work, given.company, given.orders, given.customers)
    await lock_parties(work, {(row["company"], row["customer"]) for row in rows})
    rows = await orders.open_orders(work, given.company, given.orders, given.customers)
    must_have_locked(work, {(row["company"], row["customer"]) for row in rows})
    free = [row for row in rows if not row["is_held"]]
    held = await force(work, free, Force(caller.subject, given.reason, given.note))
    for order, hold in held.items():
        await audit.record(
            work, who=caller.subject, what="hold.forced", company=given.company, subject=hold, before=None,
            after={"order": order, "reason": given.reason}, why=given.note,
        )  # fmt: skip
    skipped = {row["order_no"]: "already held" for row in rows if row["is_held"]}
    known = held.keys() | skipped.keys()
    skipped |= {order: "not an open order of the company" for order in given.orders if order not in known}
    items: dict[str, dict[str, Any]] = {
        order: {"order": order, "ok": True, "hold": held[order]} if order in held
        else {"order": order, "ok": False, "why": skipped[order]}
        for order in dict.fromkeys([*given.orders, *(row["order_no"] for row in rows)])
    }  # fmt: skip
    return {"items": list(items.values()), "held": len(held), "skipped": len(skipped)}
