"""What-if over HTTP: a changed rule set tried on the stored decisions of a period, without side effects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from hold_service.rules.api import RuleBody, must_have_no, rule_of, wrong_fields
from hold_service.whatif import store
from holdfast.contracts.base import CompanyId, Instant
from holdfast.database.pool import to_json
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import once
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import see
from holdfast.web.problems import Problem, not_found, responses

router = APIRouter(prefix="/v1/what-if", tags=["what-if"])
Reader = Annotated[Caller, Depends(require("rules:see"))]
LONGEST = timedelta(days=400)


class WhatIf(BaseModel):
    """A whole rule set, and the period whose decisions it is tried on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"company": "DE01", "since": "2026-01-01T00:00:00Z", "until": "2026-04-01T00:00:00Z",
         "rules": [{"company": "DE01", "kind": "days_overdue", "value": "45"}]}]})  # fmt: skip

    company: CompanyId
    since: Instant = Field(description="decisions from this instant on")
    until: Instant = Field(description="and before this one")
    rules: tuple[RuleBody, ...] = Field(max_length=1000, description="all rules that there would have been")


@router.post(
    "",
    operation_id="startWhatIf",
    status_code=202,
    responses={202: {"description": "The run, which has begun to wait"}, **responses(404, 409)},
)
async def start_what_if(
    request: Request, given: WhatIf, caller: Reader, idempotency_key: IdempotencyKey = None
) -> Response:
    """Try a rule set. Ask for the run to see its progress; nothing is held, freed or published."""
    see(caller, given.company)
    must_have_no(list(_wrong(given)))

    async def act(work: Work) -> Answer:
        run = uuid4()
        rules = [_rule(n, body) for n, body in enumerate(given.rules, 1)]
        await store.add(work, run, given.company, given.since, given.until, rules, caller.subject)
        row = await _read(work, run, caller)
        await audit.record(
            work, who=caller.subject, what="what-if.started", company=given.company, subject=str(run),
            before=None, after=_shown(row),
        )  # fmt: skip
        return Answer(202, to_json(_shown(row)), {"location": f"/v1/what-if/{run}"})

    return await once(request, caller, idempotency_key, act)


def _wrong(given: WhatIf) -> Iterator[dict[str, Any]]:
    """All that is wrong with the period and the rules of a run."""
    if not given.since < given.until <= given.since + LONGEST:
        yield {
            "field": "until", "value": given.until.isoformat(),
            "problem": f"is not after since, by at most {LONGEST.days} days",
            "remedy": f"Send an instant between {given.since.isoformat()} and {LONGEST.days} days later.",
        }  # fmt: skip
    for n, rule in enumerate(given.rules):
        if rule.company != given.company:
            yield {
                "field": f"rules.{n}.company", "value": rule.company, "problem": "is not the company that is named",
                "remedy": f"Send {given.company}.",
            }  # fmt: skip
        yield from wrong_fields(rule, f"rules.{n}.")


def _rule(number: int, given: RuleBody) -> dict[str, Any]:
    rule = rule_of(f"rule {number}", given)
    return {name: getattr(rule, name) for name in rule.__dataclass_fields__}


@router.get(
    "/{run}", operation_id="getWhatIf", responses={200: {"description": "The run with its progress"}, **responses(404)}
)
async def get_what_if(request: Request, run: UUID, caller: Reader) -> Response:
    """How far a run has come, and how many decisions would have been held or freed."""
    async with transaction(request.app.state.pool, clock=False) as work:
        row = await _read(work, run, caller)
    return Response(to_json(_shown(row)), media_type="application/json")


@router.get(
    "/{run}/results",
    operation_id="listWhatIfResults",
    responses={200: {"description": "A page of decisions that would have been others"}, **responses(404)},
)
async def list_results(
    request: Request,
    run: UUID,
    caller: Reader,
    became: Annotated[Literal["held", "freed"] | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """The decisions that would have been others, with the reasons there would have been."""
    after = _after(cursor)
    async with transaction(request.app.state.pool, clock=False) as work:
        await _read(work, run, caller)
        rows = await store.page_of_results(work, run, became, after, limit + 1)
    shown, following = page(rows, limit, lambda row: (str(row["decision"]),))
    items = [_shown_result(row) for row in shown]
    return Response(to_json({"items": items, "next_cursor": following}), media_type="application/json")


def _after(cursor: str | None) -> UUID | None:
    found = decode_cursor(cursor, str)
    try:
        return None if found is None else UUID(found[0])
    except ValueError:
        raise Problem(400, "bad-cursor", "The cursor is not one of ours", "Take it from `next_cursor`.") from None


async def _read(work: Work, run: UUID, caller: Caller) -> asyncpg.Record:
    row = await store.read(work, run)
    if row is None or not caller.sees(row["company"]):
        raise not_found(f"what-if run {run}")
    return row


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    percent = 100 if not row["total"] or row["state"] == "done" else min(99, 100 * row["looked_at"] // row["total"])
    return {
        "run": str(row["id"]), "company": row["company"], "since": row["since"], "until": row["until"],
        "state": row["state"], "progress_percent": percent, "decisions": row["total"], "looked_at": row["looked_at"],
        "tried": row["tried"], "would_be_held": row["held"], "would_be_freed": row["freed"],
        "asked_by": row["asked_by"], "asked_at": row["asked_at"], "finished_at": row["finished_at"],
        "rules": len(row["rules"]),
    }  # fmt: skip


def _shown_result(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "run": str(row["run"]), "decision": str(row["decision"]),
        "customer": row["customer"], "order": row["order_no"], "checkpoint": row["checkpoint"],
        "check_date": row["check_date"], "outcome": row["outcome"], "became": row["became"],
        "reasons": row["reasons"], "explanation": row["explanation"],
    }  # fmt: skip
