"""The hold list over HTTP: what waits, why, since when, and how it ended."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from hold_service.checks.loaded import hold_number
from hold_service.holds import acting, listing, store
from hold_service.holds.model import hold_id
from hold_service.holds.shown import json_of, shown_hold
from hold_service.holds.to_pass import items_of
from holdfast.approvals.model import State
from holdfast.contracts.base import Text
from holdfast.contracts.erp_orders import Checkpoint
from holdfast.contracts.holds import HoldReason
from holdfast.contracts.scalars import HOLD_NUMBER, BusinessDate, Instant
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once
from holdfast.web.etags import IfMatch
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.problems import Problem, responses

router = APIRouter(prefix="/v1/holds", tags=["holds"])
Reader = Annotated[Caller, Depends(require("holds:see"))]
Editor = Annotated[Caller, Depends(require("holds:edit"))]
NO_ZERO = r"^[^\x00]+$"
Named = Annotated[str | None, Query(max_length=60, pattern=NO_ZERO)]
HoldNumber = Annotated[str, Path(pattern=HOLD_NUMBER, description="such as H-000017")]
NumberAsked = Annotated[str | None, Query(pattern=HOLD_NUMBER)]
Day = Annotated[BusinessDate | None, Query()]
Moment = Annotated[Instant | None, Query()]
Value = Annotated[Decimal | None, Query(max_digits=19, decimal_places=4)]
Reason = Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
KNOWN_REASONS = f"{', '.join(HoldReason)}; or one that a kind of rule has brought"
SORTS = [*listing.COLUMNS, *(f"-{name}" for name in listing.COLUMNS)]


class Filters:
    """The filters of the list, as query parameters."""

    def __init__(
        self,
        company: Named = None, customer: Named = None, order: Named = None, sold_to: Named = None,
        checkpoint: Checkpoint | None = None, primary_reason: Reason = None,
        forced_reason: Named = None, currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$")] = None,
        sales_taker: Named = None, sales_responsible: Named = None, sales_pool: Named = None,
        freight_zone: Named = None, load: Named = None, payment_terms: Named = None,
        workflow_status: State | None = None,
        closed_as: Literal["released", "rejected", "cancelled"] | None = None, closed_by: Named = None,
        release_reason: Named = None, release_mode: Literal["with_posting", "without_posting"] | None = None,
        credit_management_group: Named = None, hold_type: Literal["credit"] | None = None,
    ) -> None:  # fmt: skip
        given = {name: value for name, value in locals().items() if name != "self"}
        self.equal: dict[str, Any] = {name: str(value) for name, value in given.items() if value is not None}


class Texts:
    """What occurs in a column, and holds by their number, as query parameters."""

    def __init__(
        self,
        notes: Annotated[str | None, Query(max_length=200, pattern=NO_ZERO, description="a part of the notes")] = None,
        overdue_accounts: Annotated[
            str | None, Query(max_length=90, pattern=NO_ZERO, description="company/customer that is overdue")] = None,
        hold: NumberAsked = None, previous_hold: NumberAsked = None,
    ) -> None:  # fmt: skip
        given = {"notes": notes, "overdue_accounts": overdue_accounts}
        self.contains = {name: text for name, text in given.items() if text is not None}
        asked = {"hold": hold, "previous_hold": previous_hold}
        self.equal = {name: hold_id(number) for name, number in asked.items() if number is not None}


class Spans:
    """The ranges of the list, both ends included, as query parameters."""

    def __init__(
        self,
        held_from: Moment = None, held_to: Moment = None,
        closed_from: Moment = None, closed_to: Moment = None,
        review_from: Day = None, review_to: Day = None, delivery_from: Day = None, delivery_to: Day = None,
        total_from: Value = None, total_to: Value = None,
        sales_total_from: Value = None, sales_total_to: Value = None,
        created_from: Moment = None,
        created_to: Moment = None,
        deadline_from: Day = None, deadline_to: Day = None,
    ) -> None:  # fmt: skip
        self.spans = {
            "held_at": (held_from, held_to), "closed_at": (closed_from, closed_to),
            "review_date": (review_from, review_to), "delivery_date": (delivery_from, delivery_to),
            "order_total": (total_from, total_to), "sales_total": (sales_total_from, sales_total_to),
            "order_created_at": (created_from, created_to), "sales_deadline": (deadline_from, deadline_to),
        }  # fmt: skip


class Flags:
    """The yes-or-no filters of the list."""

    def __init__(
        self, active: bool | None = None, proforma: bool | None = None, amount_changed: bool | None = None,
        forced: bool | None = None, escalated: bool | None = None, history: Annotated[bool, Query(
            description="also those that have ended, unless `active` says otherwise")] = False,
    ) -> None:  # fmt: skip
        given = {"active": active, "proforma": proforma, "amount_changed": amount_changed, "forced": forced,
                 "escalated": escalated}  # fmt: skip
        self.flags = {name: value for name, value in given.items() if value is not None}
        if active is None and not history:
            self.flags["active"] = True


class HoldEdit(BaseModel):
    """What a person writes on a hold; fields that are left out stay as they are."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "examples": [{"review_date": "2026-03-09", "notes": "waits for the bank's confirmation"}]})  # fmt: skip

    review_date: BusinessDate | None = Field(None, description="when to look again; null takes it away")
    notes: Text = ""


@router.get(
    "",
    operation_id="listHolds",
    responses={200: {"description": "A page of the hold list"}, **responses()},
)
async def list_holds(
    request: Request,
    caller: Reader,
    filters: Annotated[Filters, Depends()],
    texts: Annotated[Texts, Depends()],
    spans: Annotated[Spans, Depends()],
    flags: Annotated[Flags, Depends()],
    reason: Annotated[Reason, Query(description=f"holds that have it among others: {KNOWN_REASONS}")] = None,
    sort: Annotated[
        str, Query(json_schema_extra={"enum": SORTS}, description="a column; with a minus: downwards")
    ] = "held_at",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Holds of all companies of the caller, oldest first; `history=true` shows those that have ended too."""
    if sort not in SORTS:
        raise Problem(422, "invalid", "The request is not valid", f"sort: choose one of {', '.join(SORTS)}.")
    after = _after(cursor, sort)
    async with transaction(request.app.state.pool, clock=False) as work:
        rows = await listing.page_of_holds(
            work, companies=caller.company_filter(), equal=filters.equal | texts.equal, contains=texts.contains,
            spans=spans.spans, flags=flags.flags, reason=reason, sort=sort, after=after, limit=limit + 1,
        )  # fmt: skip
    shown, following = page(rows, limit, lambda row: (sort, row["sort_value"], row["id"]))
    return json_of({"items": [shown_hold(row) for row in shown], "next_cursor": following})


def _after(cursor: str | None, sort: str) -> tuple[str, int] | None:
    found = decode_cursor(cursor, str, str, int)
    if found is None:
        return None
    if (
        found[0] != sort
        or abs(found[2]) >= 2**63
        or not _readable(found[1], listing.COLUMNS[sort.removeprefix("-")][2])
    ):
        raise Problem(400, "bad-cursor", "The cursor is not one of ours", "Take it from `next_cursor`.")
    return found[1], found[2]


def _readable(text: str, kind: type) -> bool:
    """Whether PostgreSQL will read a sort value of a cursor."""
    if kind is bool:
        return text in ("true", "false")
    if kind is str or (text == "infinity" and kind in (date, datetime)):
        return True
    try:
        kind.fromisoformat(text) if kind in (date, datetime) else kind(text)
    except (ValueError, ArithmeticError):
        return False
    return len(text) <= 40


@router.get(
    "/{hold}",
    operation_id="getHold",
    responses={200: {"description": "The hold with its reasons"}, **responses(404)},
)
async def get_hold(request: Request, hold: HoldNumber, caller: Reader) -> Response:
    """One hold: its reasons, also those that have cleared, and how it ended. No reason of one that has ended is active;
    `stood_at_end` says which were when it ended."""
    async with transaction(request.app.state.pool, clock=False) as work:
        row = await acting.read(work, hold, caller)
    return json_of(shown_hold(row), row["version"])


@router.get(
    "/{hold}/to-pass",
    operation_id="getWhatItTakes",
    responses={200: {"description": "The reasons of this moment and what would mend each"}, **responses(404, 409)},
)
async def what_it_takes(request: Request, hold: HoldNumber, caller: Reader) -> Response:
    """What it would take for the order to pass now; nothing is changed by asking."""
    async with transaction(request.app.state.pool) as work:
        row = await acting.read(work, hold, caller)
        acting.must_be_active(row)
        items = await items_of(work, row)
    return json_of({"hold": hold, "would_pass": not items, "items": items})


@router.patch(
    "/{hold}",
    operation_id="editHold",
    responses={200: {"description": "The hold"}, **responses(404, 409, 412, 428)},
)
async def edit_hold(
    request: Request,
    hold: HoldNumber,
    given: HoldEdit,
    caller: Editor,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Write notes on a hold, or a date on which to look at it again."""

    async def act(work: Work) -> Answer:
        row = await acting.of_version(work, hold, caller, if_match)
        said: dict[str, Any] = {name: row[name] for name in ("review_date", "notes")}
        said |= given.model_dump(include=given.model_fields_set)
        await store.edit(work, row["id"], said["review_date"], said["notes"])
        after = await acting.read(work, hold, caller)
        await audit.record(
            work, who=caller.subject, what="hold.edited", company=row["company"], subject=hold_number(row["id"]),
            before=shown_hold(row), after=shown_hold(after),
        )  # fmt: skip
        return answer(shown_hold(after), version=after["version"])

    return await once(request, caller, idempotency_key, act)
