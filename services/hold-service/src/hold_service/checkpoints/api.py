"""Checkpoints over HTTP: which documents of a company are checked (spec 1.15)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from hold_service.checkpoints import store
from holdfast.contracts.erp_orders import Checkpoint
from holdfast.database.pool import to_json
from holdfast.database.work import transaction
from holdfast.web import audit, idempotency
from holdfast.web.auth import Caller, require
from holdfast.web.etags import IfMatch, check_if_match, etag
from holdfast.web.idempotency import Answer, IdempotencyKey, request_of
from holdfast.web.problems import not_found, responses

router = APIRouter(prefix="/v1/checkpoints", tags=["checkpoints"])
Reader = Annotated[Caller, Depends(require("rules:see"))]
Keeper = Annotated[Caller, Depends(require("rules:maintain"))]
Company = Annotated[str, Path(max_length=20, pattern=r"^[^/\s\x00]+$")]


class CheckpointBody(BaseModel):
    """Whether a document of sales orders is checked when it is posted, and when it is printed pro forma."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "examples": [{"check_on_posting": True, "check_on_proforma": False}]})  # fmt: skip

    check_on_posting: bool = False
    check_on_proforma: bool = False


@router.get(
    "/{company}",
    operation_id="listCheckpoints",
    responses={200: {"description": "The five checkpoints of the company"}, **responses(404)},
)
async def list_checkpoints(request: Request, company: Company, caller: Reader) -> Response:
    """All checkpoints of a company; those never set up are off."""
    _see(caller, company)
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
    _see(caller, company)
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
    """Switch a checkpoint. If-Match names the version read before; \"0\" for one that was never set up."""
    path = f"/v1/checkpoints/{company}/{document.value}"
    identity = request_of(caller, idempotency_key, "PUT", path, await request.body())
    _see(caller, company)
    async with transaction(request.app.state.pool) as work:
        if (earlier := await idempotency.earlier_answer(work, identity)) is not None:
            return earlier.response()
        row = await store.read_checkpoint(work, company, document.value, lock=True)
        check_if_match(if_match, row["version"] if row else 0)
        after = await store.write_checkpoint(
            work, company, document.value, given.check_on_posting, given.check_on_proforma
        )
        await audit.record(
            work, who=caller.subject, what="checkpoint.changed", company=company, subject=document.value,
            before=dict(row) if row else None, after=dict(after),
        )  # fmt: skip
        answer = Answer(200, to_json(dict(after)), {"etag": etag(after["version"])})
        await idempotency.store(work, [(identity, answer)])
    return answer.response()


def _see(caller: Caller, company: str) -> None:
    if not caller.sees(company):
        raise not_found(f"company {company}")


def _off(company: str, document: str) -> dict[str, Any]:
    return {
        "company": company, "document": document, "check_on_posting": False, "check_on_proforma": False, "version": 0
    }  # fmt: skip
