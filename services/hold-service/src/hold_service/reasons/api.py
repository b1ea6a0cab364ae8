"""Reasons of a company for holding and releasing orders, over HTTP (spec 1.4)."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from hold_service.reasons import store
from hold_service.reasons.known import must_be_unused
from hold_service.setups import store as setups
from holdfast.contracts.base import Text
from holdfast.contracts.scalars import ONE_WORD
from holdfast.database.pool import to_json
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once
from holdfast.web.etags import IfMatch, IfNoneMatch, check_if_match, check_put, etag
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paths import Company, see
from holdfast.web.problems import not_found, responses

router = APIRouter(prefix="/v1/reasons", tags=["reasons"])
Reader = Annotated[Caller, Depends(require("rules:see"))]
Keeper = Annotated[Caller, Depends(require("rules:maintain"))]
Kind = Literal["hold", "release"]
Code = Annotated[str, Path(max_length=30, pattern=ONE_WORD)]


class ReasonBody(BaseModel):
    """What a reason means."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"description": "paid by card"}]})

    description: Text = ""


@router.get(
    "/{company}",
    operation_id="listReasons",
    responses={200: {"description": "The reasons of the company"}, **responses(404)},
)
async def list_reasons(request: Request, company: Company, caller: Reader) -> Response:
    """All reasons of a company, for holding and for releasing."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await store.reasons_of(work, company)
    return Response(to_json({"items": [dict(row) for row in rows]}), media_type="application/json")


@router.get(
    "/{company}/{kind}/{reason}",
    operation_id="getReason",
    responses={200: {"description": "The reason"}, **responses(404)},
)
async def get_reason(request: Request, company: Company, kind: Kind, reason: Code, caller: Reader) -> Response:
    """One reason, with its ETag."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        row = await store.read_reason(work, company, kind, reason)
    if row is None:
        raise not_found(f"{kind} reason {reason} of company {company}")
    return Response(to_json(dict(row)), media_type="application/json", headers={"etag": etag(row["version"])})


@router.put(
    "/{company}/{kind}/{reason}",
    operation_id="setReason",
    responses={200: {"description": "The reason"}, **responses(404, 409, 412, 428)},
)
async def set_reason(
    request: Request,
    company: Company,
    kind: Kind,
    reason: Code,
    given: ReasonBody,
    caller: Keeper,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Set a reason: `If-None-Match: *` creates it, `If-Match` changes the version you read."""
    see(caller, company)

    async def act(work: Work) -> Answer:
        await setups.lock(work, company)
        before = await store.read_reason(work, company, kind, reason)
        check_put("reason", before["version"] if before else None, if_match, if_none_match)
        after = await store.write_reason(work, company, kind, reason, given.description)
        await audit.record(
            work, who=caller.subject, what="reason.changed", company=company, subject=f"{kind}/{reason}",
            before=dict(before) if before else None, after=dict(after),
        )  # fmt: skip
        return answer(dict(after), version=after["version"])

    return await once(request, caller, idempotency_key, act)


@router.delete(
    "/{company}/{kind}/{reason}",
    operation_id="deleteReason",
    status_code=204,
    responses={204: {"description": "It is gone"}, **responses(404, 409, 412, 428)},
)
async def delete_reason(
    request: Request,
    company: Company,
    kind: Kind,
    reason: Code,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Remove a reason that no parameter names; holds that name it keep it."""
    see(caller, company)

    async def act(work: Work) -> Answer:
        await setups.lock(work, company)
        before = await store.read_reason(work, company, kind, reason)
        if before is None:
            raise not_found(f"{kind} reason {reason} of company {company}")
        check_if_match(if_match, before["version"])
        await must_be_unused(work, company, kind, reason)
        await store.delete_reason(work, company, kind, reason)
        await audit.record(
            work, who=caller.subject, what="reason.deleted", company=company, subject=f"{kind}/{reason}",
            before=dict(before), after=None,
        )  # fmt: skip
        return Answer(204, "")

    return await once(request, caller, idempotency_key, act)
