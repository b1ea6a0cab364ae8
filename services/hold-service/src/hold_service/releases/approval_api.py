"""Asking for a release and deciding on it, from the hold itself (spec 3.13); `/v1/approvals` has them all."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from hold_service.holds import acting
from hold_service.holds.api import HoldNumber
from hold_service.holds.shown import shown_hold
from hold_service.releases import approval, doing
from hold_service.releases.model import ReleaseRequest
from holdfast.approvals import flow
from holdfast.approvals.api import NoteBody, create_router
from holdfast.database.work import Work
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once
from holdfast.web.etags import IfMatch
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.problems import responses

router = APIRouter(prefix="/v1/holds", tags=["releases"])
Releaser = Annotated[Caller, Depends(require("holds:release"))]
approvals_router = create_router(approval.KINDS)


@router.post(
    "/{hold}/submit",
    operation_id="submitRelease",
    responses={200: {"description": "The hold with the state of its workflow"}, **responses(404, 409, 412, 428)},
)
async def submit_release(
    request: Request,
    hold: HoldNumber,
    given: ReleaseRequest,
    caller: Releaser,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Ask somebody else to approve the release; without a step for the resulting exposure it takes effect at once."""

    async def act(work: Work) -> Answer:
        row = await acting.locked(work, hold, caller, if_match)
        after = await doing.submit_release(work, row, given, caller)
        return answer(shown_hold(after), version=after["version"])

    return await once(request, caller, idempotency_key, act)


ACTS: dict[flow.Decision, tuple[str, str, str]] = {
    "approve": (
        "approveRelease",
        "approvals:decide",
        "Approve the step of the release or rejection that is waited for.",
    ),
    "deny": ("denyRelease", "approvals:decide", "Deny it; who asked may submit it again."),
    "request_change": ("sendReleaseBack", "approvals:decide", "Send it back to who asked, who mends and resubmits it."),
    "recall": ("recallRelease", "holds:see", "Take back what the caller has asked for."),
    "resubmit": ("resubmitRelease", "holds:see", "Ask again for what was denied, sent back or recalled."),
}
"""What can be done with a release that was asked for: operation id, permission, and what it does."""


def _act_route(act: flow.Decision, operation: str, needs: str, does: str) -> None:
    allowed = Depends(require(needs))

    @router.post(
        f"/{{hold}}/{act.replace('_', '-')}", operation_id=operation, description=does,
        responses={200: {"description": "The hold with the state of its workflow"}, **responses(404, 409, 412, 428)},
        dependencies=[Depends(require("holds:see"))],
    )  # fmt: skip
    async def decide_release(
        request: Request, hold: HoldNumber, given: NoteBody, caller: Caller = allowed, if_match: IfMatch = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:  # fmt: skip
        async def decide(work: Work) -> Answer:
            row = await acting.locked(work, hold, caller, if_match)
            after = await doing.decide_release(work, row, act, given.note, caller)
            return answer(shown_hold(after), version=after["version"])

        return await once(request, caller, idempotency_key, decide)


for _act, (_operation, _needs, _does) in ACTS.items():
    _act_route(_act, _operation, _needs, _does)
