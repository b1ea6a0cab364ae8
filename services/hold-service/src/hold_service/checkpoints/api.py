"""Checkpoints over HTTP: which documents of a company are checked (spec 1.15)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from hold_service.checkpoints import store
from hold_service.rechecks import store as rechecks
from hold_service.setups import store as setups
from hold_service.setups.model import CheckpointSetup
from holdfast.contracts.erp_orders import Checkpoint
from holdfast.database.pool import to_json
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once
from holdfast.web.etags import IfMatch, check_if_match, etag
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paths import Company, see
from holdfast.web.problems import field_problem, responses

router = APIRouter(prefix="/v1/checkpoints", tags=["checkpoints"])
Reader = Annotated[Caller, Depends(require("rules:see"))]
Keeper = Annotated[Caller, Depends(require("rules:maintain"))]


class CheckpointBody(BaseModel):
    """Whether a document of sales orders is checked when it is posted, and when it is printed pro forma."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "examples": [{"check_on_posting": True, "check_on_proforma": False, "grace_days": 2}]})  # fmt: skip

    check_on_posting: bool = False
    check_on_proforma: bool = False
    grace_days: int = Field(
        0, ge=0, le=365, description="days after a release from a hold of this document in which nothing is checked"
    )


@router.get(
    "/{company}",
    operation_id="listCheckpoints",
    responses={200: {"description": "The five checkpoints of the company"}, **responses(404)},
)
async def list_checkpoints(request: Request, company: Company, caller: Reader) -> Response:
    """All checkpoints of a company; those never set up are off."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = {row["document"]: dict(row) for row in await store.read_checkpoints(work, company)}
    items = [rows.get(document.value) or _off(company, document.value) for document in Checkpoint]
    return Response(to_json({"items": items}), media_type="application/json")


@router.get(
    "/{company}/{document}",
    operation_id="getCheckpoint",
    responses={200: {"description": "The checkpoint"}, **responses(404)},
)
async def get_checkpoint(request: Request, company: Company, document: Checkpoint, caller: Reader) -> Response:
    """One checkpoint, with its ETag; version 0 was never set up."""
    see(caller, company)
    async with transaction(request.app.state.pool, clock=False) as work:
        row = await store.read_checkpoint(work, company, document.value)
    shown = dict(row) if row else _off(company, document.value)
    return Response(to_json(shown), media_type="application/json", headers={"etag": etag(shown["version"])})


@router.put(
    "/{company}/{document}",
    operation_id="setCheckpoint",
    responses={200: {"description": "The checkpoint"}, **responses(404, 409, 412, 428)},
)
async def set_checkpoint(
    request: Request,
    company: Company,
    document: Checkpoint,
    given: CheckpointBody,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Switch a checkpoint. If-Match names the version read before; \"0\" for one that was never set up. Held orders of
    the company are decided again."""
    see(caller, company)

    async def act(work: Work) -> Answer:
        await setups.lock(work, company)
        row = await store.read_checkpoint(work, company, document.value)
        check_if_match(if_match, row["version"] if row else 0)
        _check_grace(document.value, given, await store.read_checkpoints(work, company))
        wanted = CheckpointSetup(given.check_on_posting, given.check_on_proforma, given.grace_days)
        after = await store.write_checkpoint(work, company, document.value, wanted)
        await audit.record(
            work, who=caller.subject, what="checkpoint.changed", company=company, subject=document.value,
            before=dict(row) if row else None, after=dict(after),
        )  # fmt: skip
        await rechecks.mark_company(work, company)
        return answer(dict(after), version=after["version"])

    return await once(request, caller, idempotency_key, act)


def _check_grace(document: str, given: CheckpointBody, rows: Sequence[asyncpg.Record]) -> None:
    """Grace needs a check, and checked documents have all of them grace or none (spec 1.15)."""
    others = [row["grace_days"] > 0 for row in rows if row["document"] != document and row["check_on_posting"]]
    if given.grace_days and not given.check_on_posting:
        problem, remedy = "grace without a check on posting", "Switch check_on_posting on, or send 0."
    elif given.check_on_posting and (not given.grace_days) in others:
        problem = "some checked documents would have grace and some none"
        remedy = "Give all checked documents grace, or none: switch the others' check_on_posting off first."
    else:
        return
    raise field_problem(
        422, "invalid", "The request is not valid", "grace_days", given.grace_days, problem, remedy
    )  # fmt: skip


def _off(company: str, document: str) -> dict[str, Any]:
    return {
        "company": company, "document": document, "check_on_posting": False, "check_on_proforma": False,
        "grace_days": 0, "version": 0,
    }  # fmt: skip
