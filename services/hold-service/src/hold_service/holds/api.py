"""The hold list and releases over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import asyncpg
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from hold_service.checks.loaded import hold_number
from hold_service.groups.locks import lock_parties
from hold_service.holds import store
from hold_service.holds.model import primary_reason
from hold_service.holds.release import Release, release
from holdfast.contracts.base import Text
from holdfast.contracts.holds import HoldReason
from holdfast.database.pool import to_json
from holdfast.database.work import Work, transaction
from holdfast.web import audit, idempotency
from holdfast.web.auth import Caller, require
from holdfast.web.etags import IfMatch, check_if_match, etag
from holdfast.web.idempotency import Answer, IdempotencyKey, request_of
from holdfast.web.money import money
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.problems import Problem, not_found, responses

router = APIRouter(prefix="/v1/holds", tags=["holds"])
Reader = Annotated[Caller, Depends(require("holds:see"))]
Releaser = Annotated[Caller, Depends(require("holds:release"))]
Named = Annotated[str | None, Query(max_length=60, pattern=r"^[^\x00]+$")]
HoldNumber = Annotated[str, Path(pattern=r"^H-\d{6,18}$", description="such as H-000017")]


class ReleaseRequest(BaseModel):
    """Let a held order go on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "examples": [{"reason": "paid by card", "mode": "without_posting"}]})  # fmt: skip

    reason: Text = Field(min_length=1, description="why; kept in the audit trail and sent to the ERP")
    mode: Literal["with_posting", "without_posting"] = Field(
        "without_posting", description="with_posting sends the saved posting request back to the ERP, once"
    )


@router.get(
    "",
    operation_id="listHolds",
    responses={200: {"description": "A page of the hold list, oldest hold first"}, **responses()},
)
async def list_holds(
    request: Request,
    caller: Reader,
    company: Named = None,
    customer: Named = None,
    active: bool | None = True,
    reason: HoldReason | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Holds of the caller's companies, oldest first. `active=false` lists those that have ended."""
    after = _after(cursor)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await store.page_of_holds(
            work, companies=caller.company_filter(), company=company, customer=customer, active=active,
            reason=reason, after=after, limit=limit + 1,
        )  # fmt: skip
    shown, following = page(rows, limit, lambda row: (row["held_at"].isoformat(), row["id"]))
    return _json({"items": [shown_hold(row) for row in shown], "next_cursor": following})


def _after(cursor: str | None) -> tuple[datetime, int] | None:
    found = decode_cursor(cursor, str, int)
    if found is None:
        return None
    try:
        at = datetime.fromisoformat(found[0])
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or abs(found[1]) >= 2**63:
        raise Problem(400, "bad-cursor", "The cursor is not one of ours", "Take it from `next_cursor`.")
    return at, found[1]


@router.get(
    "/{hold}",
    operation_id="getHold",
    responses={200: {"description": "The hold with its reasons"}, **responses(404)},
)
async def get_hold(request: Request, hold: HoldNumber, caller: Reader) -> Response:
    """One hold: its reasons, also those that have cleared, and how it ended."""
    async with transaction(request.app.state.pool, clock=False) as work:
        row = await _read(work, hold, caller)
    return _json(shown_hold(row), row["version"])


@router.post(
    "/{hold}/release",
    operation_id="releaseHold",
    responses={200: {"description": "The hold as released"}, **responses(404, 409, 412, 428)},
)
async def release_hold(
    request: Request,
    hold: HoldNumber,
    given: ReleaseRequest,
    caller: Releaser,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Let a held order go on. The document that was held goes through once, up to the released value."""
    path = f"/v1/holds/{hold}/release"
    identity = request_of(caller, idempotency_key, "POST", path, await request.body())
    async with transaction(request.app.state.pool) as work:
        earlier = await idempotency.earlier_answer(work, identity)
        if earlier is not None:
            return earlier.response()
        row = await _read(work, hold, caller)
        await lock_parties(work, {(row["company"], row["customer"])})
        row = await _read(work, hold, caller)
        check_if_match(if_match, row["version"])
        _must_be_active(row)
        await release(work, row, Release(caller.subject, given.reason, given.mode))
        after = await _read(work, hold, caller)
        await _audit(work, caller, row, after, given)
        answer = Answer(200, to_json(shown_hold(after)), {"etag": etag(after["version"])})
        await idempotency.store(work, [(identity, answer)])
    return answer.response()


async def _read(work: Work, hold: str, caller: Caller) -> asyncpg.Record:
    number = int(hold.removeprefix("H-"))
    row = await store.read_hold(work, number) if number < 2**63 else None
    if row is None or not caller.sees(row["company"]):
        raise not_found(f"hold {hold}")
    return row


def _must_be_active(row: asyncpg.Record) -> None:
    if not row["active"]:
        raise Problem(
            409, "hold-has-ended", "The hold has ended",
            f"It was {row['closed_as']} by {row['closed_by']}; there is nothing to release.",
        )  # fmt: skip


async def _audit(
    work: Work, caller: Caller, before: asyncpg.Record, after: asyncpg.Record, given: ReleaseRequest
) -> None:
    await audit.record(
        work, who=caller.subject, what="hold.released", company=before["company"],
        subject=hold_number(before["id"]), before=shown_hold(before), after=shown_hold(after), why=given.reason,
    )  # fmt: skip


def shown_hold(row: asyncpg.Record) -> dict[str, Any]:
    """A hold as the API shows it."""
    shown: dict[str, Any] = {
        "hold": hold_number(row["id"]), "company": row["company"], "customer": row["customer"],
        "order": row["order_no"], "order_version": row["order_version"],
        "order_total": money(row["order_total"], row["order_currency"]), "checkpoint": row["checkpoint"],
        "attempt": row["attempt"], "proforma": row["proforma"], "active": row["active"], "held_at": row["held_at"],
        "primary_reason": primary_reason(row["reasons"]), "reasons": row["reasons"],
        "decision": str(row["decision"]), "review_date": row["review_date"], "notes": row["notes"],
        "previous_hold": hold_number(row["previous_hold"]) if row["previous_hold"] else None,
        "version": row["version"],
    }  # fmt: skip
    if not row["active"]:
        shown |= {
            "closed_at": row["closed_at"], "closed_as": row["closed_as"], "closed_by": row["closed_by"],
            "release_mode": row["release_mode"], "release_reason": row["release_reason"],
            "triggers": row["triggers"],
        }  # fmt: skip
    return shown


def _json(body: Any, version: int | None = None) -> Response:
    headers = {} if version is None else {"etag": etag(version)}
    return Response(to_json(body), media_type="application/json", headers=headers)
