"""Delegations over HTTP: somebody else decides for you, from one date to another."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from holdfast.approvals import setups
from holdfast.approvals.model import Delegation
from holdfast.contracts.scalars import ONE_WORD, BusinessDate
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import see
from holdfast.web.problems import Problem, field_problem, not_found, responses

Reader = Annotated[Caller, Depends(require("approvals:see"))]
Decider = Annotated[Caller, Depends(require("approvals:decide"))]
User = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]

delegations = APIRouter()


class DelegationBody(BaseModel):
    """From and to those dates, both included, another user may decide for you."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"company": "DE01", "to_user": "bob", "from_date": "2026-08-01", "to_date": "2026-08-14"}]})  # fmt: skip

    company: Annotated[str, Field(max_length=20, pattern=ONE_WORD)]
    to_user: User
    from_date: BusinessDate
    to_date: BusinessDate


@delegations.get(
    "/delegations", operation_id="listDelegations",
    responses={200: {"description": "Delegations"}, **responses()},
)  # fmt: skip
async def list_delegations(request: Request, caller: Reader, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Delegations in the caller's companies."""
    (after,) = decode_cursor(cursor, str) or (None,)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await setups.page_of_delegations(work, caller.company_filter(), after, limit + 1)
    kept, following = page(rows, limit, lambda row: (str(row["id"]),))
    return shown({"items": [dict(row) | {"id": str(row["id"])} for row in kept], "next_cursor": following})


@delegations.post(
    "/delegations", operation_id="delegate", status_code=201,
    responses={201: {"description": "Delegated"}, **responses(404, 409)},
)  # fmt: skip
async def delegate(
    request: Request, given: DelegationBody, caller: Decider, idempotency_key: IdempotencyKey = None
) -> Response:
    """Let another user decide for the caller, in steps that name the caller. A step for whoever has a permission takes
    that permission: a delegation does not give it."""
    see(caller, given.company)
    if given.to_date < given.from_date or given.to_user == caller.subject:
        raise field_problem(
            422, "invalid", "The request is not valid", "to_date", given.to_date,
            "the period ends before it begins, or you delegate to yourself",
            "Send a to_date not before from_date, and somebody else as to_user.",
        )  # fmt: skip

    async def act(work: Work) -> Answer:
        number = uuid4()
        made = Delegation(caller.subject, given.to_user, given.from_date, given.to_date)
        await setups.add_delegation(work, number, given.company, made)
        body = given.model_dump(mode="json") | {"id": str(number), "from_user": caller.subject}
        await audit.record(
            work, who=caller.subject, what="approvals.delegated", company=given.company, subject=given.to_user,
            before=None, after=body,
        )  # fmt: skip
        return answer(body, 201)

    return await once(request, caller, idempotency_key, act)


@delegations.delete(
    "/delegations/{number}", operation_id="endDelegation", status_code=204,
    responses={204: {"description": "Ended"}, **responses(404, 409)},
)  # fmt: skip
async def end_delegation(
    request: Request, number: UUID, caller: Decider, idempotency_key: IdempotencyKey = None
) -> Response:
    """End a delegation of the caller's own; who maintains workflows may end any."""

    async def act(work: Work) -> Answer:
        found = await setups.read_delegation(work, number, caller.company_filter())
        if found is None:
            raise not_found(f"delegation {number}")
        if caller.subject != found["from_user"] and "workflows:maintain" not in caller.permissions:
            raise Problem(
                409, "delegation-of-another", "The delegation is somebody else's",
                f"{found['from_user']} has delegated; they end it, or somebody who maintains workflows does.",
            )  # fmt: skip
        await setups.remove_delegation(work, number)
        await audit.record(
            work, who=caller.subject, what="approvals.delegation-ended", company=found["company"],
            subject=found["to_user"], before=dict(found) | {"id": str(number)}, after=None,
        )  # fmt: skip
        return Answer(204, "")

    return await once(request, caller, idempotency_key, act)
