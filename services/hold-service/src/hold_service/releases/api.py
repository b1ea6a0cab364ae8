"""Release, reject, evaluate: what a person does to holds, over HTTP (spec 3.7, 3.8, 3.10)."""

from __future__ import annotations

from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from hold_service.checks.loaded import hold_number
from hold_service.groups.locks import lock_parties
from hold_service.holds import acting
from hold_service.holds.api import HoldNumber
from hold_service.holds.model import hold_id
from hold_service.holds.shown import shown_hold
from hold_service.rechecks import store as rechecks
from hold_service.releases import bulk, doing, store
from hold_service.releases.model import BulkRequest, EvaluateRequest, RejectRequest, ReleaseRequest
from holdfast.database.work import Work
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once
from holdfast.web.etags import IfMatch
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.problems import Problem, not_found, responses

router = APIRouter(prefix="/v1/holds", tags=["releases"])
Releaser = Annotated[Caller, Depends(require("holds:release"))]
Rejecter = Annotated[Caller, Depends(require("holds:reject"))]
NEEDED = {
    "release": "holds:release", "reject": "holds:reject", "evaluate": "holds:release", "submit": "holds:release",
    "approve": "approvals:decide", "deny": "approvals:decide", "recall": "holds:see",
}  # fmt: skip
ASKED: dict[int | str, dict[str, Any]] = {
    202: {"description": "The hold, which still waits: it is asked for, and `workflow_status` says how far that is"}
}


@router.post(
    "/{hold}/release",
    operation_id="releaseHold",
    responses={200: {"description": "The hold as released"}, **ASKED, **responses(404, 409, 412, 428)},
)
async def release_hold(
    request: Request,
    hold: HoldNumber,
    given: ReleaseRequest,
    caller: Releaser,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Let a held order go on. The document that was held goes through once, up to the released value.

    Where a workflow is active, it is only asked for (202), and the order waits on until that is approved.
    """

    async def act(work: Work) -> Answer:
        row = await acting.locked(work, hold, caller, if_match)
        return _shown(await doing.release_hold(work, row, given, caller))

    return await once(request, caller, idempotency_key, act)


@router.post(
    "/{hold}/reject",
    operation_id="rejectHold",
    responses={200: {"description": "The hold as rejected"}, **ASKED, **responses(404, 409, 412, 428)},
)
async def reject_hold(
    request: Request,
    hold: HoldNumber,
    given: RejectRequest,
    caller: Rejecter,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Refuse to let a held order go on: it leaves the list, and a new attempt to post it runs the rules again.

    Where a workflow is active, it is only asked for (202), and the hold stays until that is approved.
    """

    async def act(work: Work) -> Answer:
        row = await acting.locked(work, hold, caller, if_match)
        return _shown(await doing.reject_hold(work, row, given, caller))

    return await once(request, caller, idempotency_key, act)


def _shown(row: asyncpg.Record) -> Answer:
    return answer(shown_hold(row), 202 if row["active"] else 200, row["version"])


@router.post(
    "/bulk",
    operation_id="actOnHolds",
    responses={200: {"description": "What became of each hold"}, **responses(409)},
    openapi_extra={"x-permission-by-action": NEEDED},
)
async def act_on_holds(
    request: Request,
    given: BulkRequest,
    caller: Annotated[Caller, Depends(require("holds:see"))],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Release, reject, evaluate, submit, approve, deny or recall many. Each line succeeds or fails on its own: `ok`."""
    if NEEDED[given.action] not in caller.permissions:
        raise Problem(403, "forbidden", "You may not do this", f"This needs the permission {NEEDED[given.action]}.")

    async def act(work: Work) -> Answer:
        items = await bulk.act_on_all(work, given, caller)
        failed = sum(not item["ok"] for item in items)
        return answer({"items": items, "succeeded": len(items) - failed, "failed": failed})

    return await once(request, caller, idempotency_key, act)


@router.post(
    "/evaluate",
    operation_id="evaluateHolds",
    responses={200: {"description": "What became of each hold"}, **responses(404, 409)},
)
async def evaluate_holds(
    request: Request, given: EvaluateRequest, caller: Releaser, idempotency_key: IdempotencyKey = None
) -> Response:
    """Run the rules again on today's figures: reasons appear and clear, and orders without a reason are released.

    At most 500 holds are evaluated at once, the oldest first; `queued` says how many customers follow by themselves.
    """
    if given.company is not None and not caller.sees(given.company):
        raise not_found(f"company {given.company}")

    async def act(work: Work) -> Answer:
        return answer(await _evaluate(work, given, caller))

    return await once(request, caller, idempotency_key, act)


async def _evaluate(work: Work, given: EvaluateRequest, caller: Caller) -> dict[str, Any]:
    rows = await _chosen(work, given, caller)
    now, later = rows[: bulk.MOST_EVALUATED], rows[bulk.MOST_EVALUATED :]
    await lock_parties(work, {(row["company"], row["customer"]) for row in now})
    outcomes = await bulk.evaluated(work, now)
    queued = {(row["company"], row["customer"]) for row in later}
    await rechecks.mark(work, queued, {}, delay_seconds=0)
    items = [{"hold": hold_number(row["id"]), "outcome": outcomes.get(row["id"], "ended")} for row in now]
    subject = given.customer or given.company or "all"
    await audit.record(
        work, who=caller.subject, what="holds.evaluated", company=given.company, subject=subject, before=None,
        after={"holds": len(items), "queued": len(queued)},
    )  # fmt: skip
    return {"items": items, "queued": len(queued)}


async def _chosen(work: Work, given: EvaluateRequest, caller: Caller) -> list[asyncpg.Record]:
    if not given.holds:
        return await store.active_holds(work, caller.company_filter(), given.company, given.customer, 100_000)
    asked = {hold_id(hold): hold for hold in given.holds}
    rows = await store.holds_of(work, list(asked))
    found = {row["id"]: row for row in rows if caller.sees(row["company"])}
    for number, hold in asked.items():
        if number not in found:
            raise not_found(f"hold {hold}")
    return [found[number] for number in asked]
