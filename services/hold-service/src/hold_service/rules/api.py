"""Rules over HTTP. A change is followed by a re-check of the company's held orders."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from hold_service.parameters import PARAMETERS
from hold_service.rechecks import store as rechecks
from hold_service.rules import kinds as _kinds
from hold_service.rules import store
from hold_service.rules.model import KINDS
from holdfast.contracts.base import CompanyId
from holdfast.contracts.scalars import BusinessDate
from holdfast.database.pool import to_json
from holdfast.database.work import Work, transaction
from holdfast.web import audit, idempotency
from holdfast.web.auth import Caller, require
from holdfast.web.etags import IfMatch, check_if_match, etag
from holdfast.web.idempotency import Answer, IdempotencyKey, request_of
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.problems import Problem, not_found, responses

router = APIRouter(prefix="/v1/rules", tags=["rules"])
Reader = Annotated[Caller, Depends(require("rules:see"))]
Keeper = Annotated[Caller, Depends(require("rules:maintain"))]
Named = Annotated[str | None, Query(max_length=60, pattern=r"^[^\x00]+$")]
KINDS_ARE_REGISTERED = _kinds


def _kind_schema(schema: dict[str, Any]) -> None:
    schema["enum"] = sorted(KINDS)
    schema["description"] = "; ".join(f"{name}: {kind.summary} ({kind.unit})" for name, kind in KINDS.items())


class RuleBody(BaseModel):
    """A blocking rule of a company."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "examples": [{"company": "DE01", "kind": "credit_limit_used", "value": "100"}]})  # fmt: skip

    company: CompanyId
    kind: str = Field(json_schema_extra=_kind_schema)
    rule_type: Literal["blocking"] = "blocking"
    valid_for: Literal["all"] = "all"
    value: Decimal = Field(max_digits=12, decimal_places=4, description="percent or days, as the kind says")
    active_from: BusinessDate | None = None
    active_to: BusinessDate | None = None
    enabled: bool = True

    @model_validator(mode="after")
    def _fits_its_kind(self) -> RuleBody:
        kind = KINDS.get(self.kind)
        if kind is None:
            raise ValueError(f"kind: there is no rule kind {self.kind!r}; choose one of {', '.join(sorted(KINDS))}")
        if (wrong := kind.wrong_value(self.value)) is not None:
            raise ValueError(f"value: {self.value} does not fit the kind {self.kind}. {wrong}")
        if self.active_from and self.active_to and self.active_to < self.active_from:
            raise ValueError("active_to: lies before active_from; swap them or leave one out")
        return self


@router.get("", operation_id="listRules", responses={200: {"description": "A page of rules"}, **responses()})
async def list_rules(
    request: Request, caller: Reader, company: Named = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Rules of the caller's companies."""
    after = _after(cursor)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await store.page_of_rules(work, caller.company_filter(), company, after, limit + 1)
    shown, following = page(rows, limit, lambda row: (str(row["id"]),))
    return _json({"items": [_shown(row) for row in shown], "next_cursor": following})


def _after(cursor: str | None) -> UUID | None:
    found = decode_cursor(cursor, str)
    try:
        return None if found is None else UUID(found[0])
    except ValueError:
        raise Problem(400, "bad-cursor", "The cursor is not one of ours", "Take it from `next_cursor`.") from None


@router.get("/{rule_id}", operation_id="getRule", responses={200: {"description": "The rule"}, **responses(404)})
async def get_rule(request: Request, rule_id: UUID, caller: Reader) -> Response:
    """One rule, with its ETag."""
    async with transaction(request.app.state.pool, clock=False) as work:
        row = await _read(work, rule_id, caller)
    return _json(_shown(row), row["version"])


@router.post(
    "",
    operation_id="createRule",
    status_code=201,
    responses={201: {"description": "The rule"}, **responses(404, 409)},
)
async def create_rule(
    request: Request, given: RuleBody, caller: Keeper, idempotency_key: IdempotencyKey = None
) -> Response:
    """Add a rule."""
    identity = request_of(caller, idempotency_key, "POST", "/v1/rules", await request.body())
    if not caller.sees(given.company):
        raise not_found(f"company {given.company}")
    async with transaction(request.app.state.pool) as work:
        if (earlier := await idempotency.earlier_answer(work, identity)) is not None:
            return earlier.response()
        answer = await _write(work, caller, uuid4(), None, given)
        await idempotency.store(work, [(identity, answer)])
    return answer.response()


@router.put(
    "/{rule_id}",
    operation_id="replaceRule",
    responses={200: {"description": "The rule"}, **responses(404, 409, 412, 428)},
)
async def replace_rule(
    request: Request,
    rule_id: UUID,
    given: RuleBody,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Change a rule; it stays in its company."""
    identity = request_of(caller, idempotency_key, "PUT", f"/v1/rules/{rule_id}", await request.body())
    async with transaction(request.app.state.pool) as work:
        if (earlier := await idempotency.earlier_answer(work, identity)) is not None:
            return earlier.response()
        row = await _read(work, rule_id, caller, lock=True)
        check_if_match(if_match, row["version"])
        if row["company"] != given.company:
            raise Problem(422, "invalid", "The request is not valid", "company: a rule stays in its company.")
        answer = await _write(work, caller, rule_id, row, given)
        await idempotency.store(work, [(identity, answer)])
    return answer.response()


@router.delete(
    "/{rule_id}",
    operation_id="deleteRule",
    status_code=204,
    responses={204: {"description": "It is gone"}, **responses(404, 409, 412, 428)},
)
async def delete_rule(
    request: Request,
    rule_id: UUID,
    caller: Keeper,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Remove a rule; stored decisions keep what they looked at."""
    identity = request_of(caller, idempotency_key, "DELETE", f"/v1/rules/{rule_id}", b"")
    async with transaction(request.app.state.pool) as work:
        if (earlier := await idempotency.earlier_answer(work, identity)) is not None:
            return earlier.response()
        row = await _read(work, rule_id, caller, lock=True)
        check_if_match(if_match, row["version"])
        await store.delete_rule(work, rule_id)
        await _changed(work, caller, "rule.deleted", _shown(row), None)
        answer = Answer(204, "")
        await idempotency.store(work, [(identity, answer)])
    return answer.response()


async def _write(work: Work, caller: Caller, rule_id: UUID, before: asyncpg.Record | None, given: RuleBody) -> Answer:
    version = 1 if before is None else before["version"] + 1
    fields = given.model_dump()
    await store.write_rule(work, rule_id, version, fields)
    shown = {"id": str(rule_id), **fields, "version": version}
    what = "rule.created" if before is None else "rule.changed"
    await _changed(work, caller, what, None if before is None else _shown(before), shown)
    return Answer(201 if before is None else 200, to_json(shown), {"etag": etag(version)})


async def _changed(
    work: Work, caller: Caller, what: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    company, subject = (after or before or {})["company"], (after or before or {})["id"]
    await audit.record(
        work, who=caller.subject, what=what, company=company, subject=str(subject), before=before, after=after
    )
    parties = await rechecks.held_in_company(work, [company])
    await rechecks.mark(work, parties, {}, delay_seconds=PARAMETERS.recheck_delay)


async def _read(work: Work, rule_id: UUID, caller: Caller, *, lock: bool = False) -> asyncpg.Record:
    row = await store.read_rule(work, rule_id, lock=lock)
    if row is None or not caller.sees(row["company"]):
        raise not_found(f"rule {rule_id}")
    return row


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    return {**dict(row), "id": str(row["id"])}


def _json(body: Any, version: int | None = None) -> Response:
    headers = {} if version is None else {"etag": etag(version)}
    return Response(to_json(body), media_type="application/json", headers=headers)


__all__ = ["date", "router"]
