"""Rules over HTTP. A change is followed by a re-check of the company's held orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from hold_service.rechecks import store as rechecks
from hold_service.rules import kinds as _kinds
from hold_service.rules import store
from hold_service.rules.model import KINDS, LEVELS, Rule, RuleKind, with_rules
from hold_service.rules.validation import problems_of
from holdfast.contracts.base import Code, CompanyId, Currency, Id
from holdfast.contracts.erp_orders import Checkpoint
from holdfast.contracts.refusals import shorten
from holdfast.contracts.scalars import BusinessDate
from holdfast.database.pool import to_json
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once
from holdfast.web.etags import IfMatch, check_if_match, etag
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import see
from holdfast.web.problems import Problem, field_problem, not_found, responses

router = APIRouter(prefix="/v1/rules", tags=["rules"])
Reader = Annotated[Caller, Depends(require("rules:see"))]
Keeper = Annotated[Caller, Depends(require("rules:maintain"))]
Named = Annotated[str | None, Query(max_length=60, pattern=r"^[^\x00]+$")]
KINDS_ARE_REGISTERED = _kinds


def _kind_schema(schema: dict[str, Any]) -> None:
    schema["enum"] = sorted(with_rules())
    schema["description"] = "; ".join(
        f"{name}: {KINDS[name].summary} ({', '.join(KINDS[name].value_types)})" for name in with_rules()
    )


class RuleBody(BaseModel):
    """A rule of a company; which fields count is said by its kind."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "examples": [{"company": "DE01", "kind": "credit_limit_used", "value": "100"}]})  # fmt: skip

    company: CompanyId
    kind: str = Field(json_schema_extra=_kind_schema)
    rule_type: Literal["blocking", "exclusion"] = "blocking"
    valid_for: Literal["table", "group", "all"] = Field(
        "all", description="one customer, one credit management group, or all; looked at in this order"
    )
    account_or_group: Id | None = Field(None, description="the customer (table) or credit management group (group)")
    risk_group: Code | None = Field(None, description="only customers of this risk group; not for one customer")
    value: Decimal = Field(
        Decimal(0), max_digits=19, decimal_places=4, description="days, percent, amount or number, as the kind says"
    )
    value_type: Literal["days", "amount", "percent", "number"] | None = Field(
        None, description="the kind's first when absent"
    )
    currency: Currency | None = Field(None, description="of an amount; converted on the check date")
    threshold_percent: Decimal | None = Field(
        None, ge=0, le=1000, max_digits=8, decimal_places=4,
        description="overdue_amount: only customers who use more of the limit than this, percent",
    )  # fmt: skip
    account_status: Code | None = None
    payment_term: Code | None = None
    release_sales_order: bool = Field(False, description="an exclusion that matches skips every other rule")
    outcome: Literal["block", "warn"] = Field(
        "block", description="warn: the answer carries a warning, the order passes"
    )
    checkpoints: tuple[Checkpoint, ...] = Field((), description="only at these documents; absent: at all", max_length=5)
    active_from: BusinessDate | None = None
    active_to: BusinessDate | None = None
    enabled: bool = True


def rule_of(rule_id: str, given: RuleBody) -> Rule:
    """The rule of a request."""
    fields = given.model_dump() | {"checkpoints": tuple(place.value for place in given.checkpoints)}
    return Rule(id=rule_id, **fields)


def must_fit(given: RuleBody) -> None:
    """A rule fits its kind. Raises Problem 422 with all that is wrong with it."""
    must_have_no(wrong_fields(given))


def wrong_fields(given: RuleBody, prefix: str = "") -> list[dict[str, Any]]:
    """What does not fit the kind of a rule, as an error answer tells it; `prefix` says where the rule stands."""
    sent = given.model_dump(mode="json")
    return [
        {"field": prefix + field, "value": _as_sent(sent[field]), "problem": problem, "remedy": remedy}
        for field, problem, remedy in problems_of(rule_of("", given))
    ]


def must_have_no(errors: Sequence[Mapping[str, Any]]) -> None:
    """Raises Problem 422 when there are any."""
    if errors:
        detail = "; ".join(f"{error['field']}: {error['problem']}. {error['remedy']}" for error in errors[:3])
        raise Problem(422, "invalid", "The request is not valid", detail, errors)


def _as_sent(value: Any) -> str | None:
    return None if value is None else shorten(value if isinstance(value, str) else to_json(value))


@router.get("/kinds", operation_id="listRuleKinds", responses={200: {"description": "The kinds"}, **responses()})
async def list_kinds(caller: Reader) -> Response:
    """The kinds of rules, with what each takes; those without rules name the parameter that switches them on.

    `levels` beside them says for whom a rule of each level (`valid_for`) is.
    """
    return _json({"items": [_shown_kind(kind) for kind in KINDS.values()], "levels": LEVELS})


def _shown_kind(kind: RuleKind) -> dict[str, Any]:
    return {
        "kind": kind.name, "summary": kind.summary, "reason": kind.reason, "value_types": kind.value_types,
        "exclusion_value_types": kind.value_types + kind.exclusion_types, "levels": kind.levels,
        "names": kind.names, "takes_threshold": kind.thresholds, "switched_by": kind.switched_by,
    }  # fmt: skip


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
    see(caller, given.company)
    must_fit(given)

    async def act(work: Work) -> Answer:
        return await _write(work, caller, uuid4(), None, given)

    return await once(request, caller, idempotency_key, act)


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
    must_fit(given)

    async def act(work: Work) -> Answer:
        row = await _read(work, rule_id, caller, lock=True)
        check_if_match(if_match, row["version"])
        if row["company"] != given.company:
            raise field_problem(
                422, "invalid", "The request is not valid", "company", given.company, "a rule stays in its company",
                f"Send {row['company']}, or add a rule to the other company.",
            )  # fmt: skip
        return await _write(work, caller, rule_id, row, given)

    return await once(request, caller, idempotency_key, act)


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

    async def act(work: Work) -> Answer:
        row = await _read(work, rule_id, caller, lock=True)
        check_if_match(if_match, row["version"])
        await store.delete_rule(work, rule_id)
        await _changed(work, caller, "rule.deleted", _shown(row), None)
        return Answer(204, "")

    return await once(request, caller, idempotency_key, act)


async def _write(work: Work, caller: Caller, rule_id: UUID, before: asyncpg.Record | None, given: RuleBody) -> Answer:
    version = 1 if before is None else before["version"] + 1
    fields = given.model_dump() | {"checkpoints": [place.value for place in given.checkpoints]}
    await store.write_rule(work, rule_id, version, fields)
    shown = {"id": str(rule_id), **fields, "version": version}
    what = "rule.created" if before is None else "rule.changed"
    await _changed(work, caller, what, None if before is None else _shown(before), shown)
    return answer(shown, 201 if before is None else 200, version)


async def _changed(
    work: Work, caller: Caller, what: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    company, subject = (after or before or {})["company"], (after or before or {})["id"]
    await audit.record(
        work, who=caller.subject, what=what, company=company, subject=str(subject), before=before, after=after
    )
    await rechecks.mark_company(work, company)


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
