"""Workflows, delegations and approvals over HTTP; a service mounts them with the kinds it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from holdfast.approvals import flow, setups, store
from holdfast.approvals.delegations_api import User, delegations
from holdfast.approvals.flow import Decision
from holdfast.approvals.kinds import Kinds
from holdfast.approvals.model import State, Step
from holdfast.contracts.base import Text
from holdfast.database.work import Work, transaction
from holdfast.web import audit
from holdfast.web.auth import Caller, require
from holdfast.web.changes import answer, once, shown
from holdfast.web.etags import IfMatch, check_if_match, check_written
from holdfast.web.idempotency import Answer, IdempotencyKey
from holdfast.web.paging import Cursor, Limit, decode_cursor, page
from holdfast.web.paths import Company
from holdfast.web.problems import Problem, not_found, responses

Named = Annotated[str | None, Query(max_length=60, pattern=r"^[^\x00]+$")]
Reader = Annotated[Caller, Depends(require("approvals:see"))]
Keeper = Annotated[Caller, Depends(require("workflows:maintain"))]
Amount = Annotated[Decimal, Field(ge=0, max_digits=19, decimal_places=4)]


class StepBody(BaseModel):
    """A step: who approves, and for which resulting amounts (company currency)."""

    model_config = ConfigDict(extra="forbid")

    name: Text = Field(min_length=1)
    users: tuple[User, ...] = Field((), max_length=50, description="named approvers")
    permission: User | None = Field(None, description="whoever has it may approve, such as approvals:decide")
    needed: int = Field(1, ge=1, le=20, description="how many must approve")
    from_amount: Amount | None = Field(None, description="applies from this resulting amount on")
    to_amount: Amount | None = Field(None, description="applies below this resulting amount")
    escalate_after_days: int | None = Field(None, ge=1, le=365)
    escalate_to: tuple[User, ...] = Field((), max_length=50)

    @model_validator(mode="after")
    def _somebody_can(self) -> StepBody:
        if not self.users and not self.permission:
            raise ValueError("name users or a permission, or nobody could ever approve")
        if self.permission is None and self.needed > len(set(self.users)):
            raise ValueError("more approvals are needed than there are users")
        if self.escalate_after_days and not self.escalate_to:
            raise ValueError("name the users to whom the step escalates")
        return self


class WorkflowBody(BaseModel):
    """The steps of a workflow, in their order. While it is inactive nobody is asked."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"active": True, "steps": [
        {"name": "credit manager", "permission": "approvals:decide"},
        {"name": "board", "users": ["ann", "bob"], "needed": 2, "from_amount": "100000"}]}]})  # fmt: skip

    active: bool
    steps: tuple[StepBody, ...] = Field((), max_length=10)

    @model_validator(mode="after")
    def _has_steps(self) -> WorkflowBody:
        if self.active and not self.steps:
            raise ValueError("an active workflow needs a step")
        return self


class NoteBody(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"note": "seen the annual report"}]})

    note: Text | None = None


def create_router(kinds: Kinds) -> APIRouter:
    """The routes for these kinds of subjects."""
    router = APIRouter(prefix="/v1", tags=["approvals"])
    _workflow_routes(router, kinds)
    router.include_router(delegations)
    _approval_routes(router, kinds)
    return router


def _workflow_routes(router: APIRouter, kinds: Kinds) -> None:
    @router.get(
        "/workflows/{company}/{kind}",
        operation_id="getWorkflow",
        responses={200: {"description": "The workflow"}, **responses(404)},
    )
    async def get_workflow(request: Request, company: Company, kind: str, caller: Reader) -> Response:
        """The workflow of a kind of subject, with its ETag; version 0 was never set up."""
        _known(kinds, kind, caller, company)
        async with transaction(request.app.state.pool, clock=False) as work:
            return await _workflow(work, company, kind)

    @router.put(
        "/workflows/{company}/{kind}",
        operation_id="setWorkflow",
        responses={200: {"description": "The workflow"}, **responses(404, 409, 412, 428)},
    )
    async def set_workflow(
        request: Request, company: Company, kind: str, given: WorkflowBody, caller: Keeper,
        if_match: IfMatch = None, idempotency_key: IdempotencyKey = None,
    ) -> Response:  # fmt: skip
        """Set a workflow up. Requests under way keep the steps they were submitted with."""
        _known(kinds, kind, caller, company)

        async def act(work: Work) -> Answer:
            before = await setups.read_workflow(work, company, kind, lock=True)
            check_if_match(if_match, before.version)
            steps = tuple(Step(**step.model_dump()) for step in given.steps)
            after = replace(before, active=given.active, steps=steps, version=before.version + 1)
            check_written(await setups.write_workflow(work, after))
            await audit.record(
                work, who=caller.subject, what="workflow.changed", company=company, subject=kind,
                before=_shown_workflow(before), after=_shown_workflow(after),
            )  # fmt: skip
            return answer(_shown_workflow(after), version=after.version)

        return await once(request, caller, idempotency_key, act)


async def _workflow(work: Work, company: str, kind: str) -> Response:
    found = await setups.read_workflow(work, company, kind)
    return shown(_shown_workflow(found), found.version)


def _shown_workflow(workflow: Any) -> dict[str, Any]:
    return {
        "company": workflow.company, "kind": workflow.kind, "active": workflow.active, "version": workflow.version,
        "steps": [store.step_to_json(step) for step in workflow.steps],
    }  # fmt: skip


def _approval_routes(router: APIRouter, kinds: Kinds) -> None:
    @router.get(
        "/approvals", operation_id="listApprovals",
        responses={200: {"description": "A page of approvals, the oldest first"}, **responses()},
    )  # fmt: skip
    async def list_approvals(
        request: Request, caller: Reader, company: Named = None, kind: Named = None, state: State | None = None,
        cursor: Cursor = None, limit: Limit = 50,
    ) -> Response:  # fmt: skip
        """Approvals of the caller's companies."""
        after = _after(cursor)
        async with transaction(request.app.state.pool, clock=False) as work:
            rows = await store.page(
                work, caller.company_filter(), company, kind, [state] if state else None, after, limit + 1
            )
        kept, following = page(rows, limit, lambda row: (row["created_at"].isoformat(), str(row["id"])))
        return shown({"items": [shown_approval(row, caller) for row in kept], "next_cursor": following})

    @router.get(
        "/approvals/{number}", operation_id="getApproval",
        responses={200: {"description": "The approval with its trail"}, **responses(404)},
    )  # fmt: skip
    async def get_approval(request: Request, number: UUID, caller: Reader) -> Response:
        """One approval: what was asked, on what, who has decided."""
        async with transaction(request.app.state.pool, clock=False) as work:
            row = await store.read(work, number)
            if row is None or not caller.sees(row["company"]):
                raise not_found(f"approval {number}")
            trail = await store.trail(work, number)
        return shown(shown_approval(row, caller) | {"trail": [dict(entry) for entry in trail]}, row["version"])

    for act, (operation, needs, does) in ACTS.items():
        _act_route(router, kinds, act, operation, needs, does)


ACTS: dict[Decision, tuple[str, str, str]] = {
    "approve": ("approveRequest", "approvals:decide", "Approve the step that is waited for."),
    "deny": ("denyRequest", "approvals:decide", "Deny it; who asked may submit it again."),
    "request_change": ("sendRequestBack", "approvals:decide", "Send it back to who asked, who mends and resubmits it."),
    "recall": ("recallRequest", "approvals:see", "Take back what the caller has asked for."),
    "resubmit": ("resubmitRequest", "approvals:see", "Ask again for what was denied, sent back, recalled or lapsed."),
}
"""What can be done with a request: operation id, permission, and what it does."""


def _act_route(router: APIRouter, kinds: Kinds, act: Decision, operation: str, needs: str, does: str) -> None:
    allowed = Depends(require(needs))

    @router.post(
        f"/approvals/{{number}}/{act.replace('_', '-')}", operation_id=operation, description=does,
        responses={200: {"description": "The approval after the act"}, **responses(404, 409)},
    )  # fmt: skip
    async def act_on_approval(
        request: Request, number: UUID, given: NoteBody, caller: Caller = allowed,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:  # fmt: skip
        async def decide(work: Work) -> Answer:
            row = await flow.decide(work, kinds, number, caller, act, given.note)
            return answer(shown_approval(row, caller), version=row["version"])

        return await once(request, caller, idempotency_key, decide)


def _after(cursor: str | None) -> tuple[datetime, UUID] | None:
    found = decode_cursor(cursor, str, str)
    if found is None:
        return None
    try:
        at, number = datetime.fromisoformat(found[0]), UUID(found[1])
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Problem(400, "bad-cursor", "The cursor is not one of ours", "Take it from `next_cursor`.")
    return at, number


def _known(kinds: Kinds, kind: str, caller: Caller, company: str) -> None:
    if kind not in kinds or not caller.sees(company):
        raise not_found(f"workflow {kind} of {company}; there are {', '.join(sorted(kinds))}")


def shown_approval(row: Any, caller: Caller) -> dict[str, Any]:
    """An approval as the API shows it to a caller; `waits_for` is the step that has not been decided.

    `approved_by`: of the step that is waited for; of what is approved everybody who approved it, of any step.
    """
    pending = row["state"] == State.APPROVAL_PENDING
    amount = None if row["amount"] is None else f"{row['amount']:f}"
    return {
        "id": str(row["id"]), "company": row["company"], "kind": row["kind"], "subject": row["subject"],
        "requester": row["requester"], "amount": amount, "proposal": _visible(row["proposal"], caller),
        "state": row["state"], "reason": row["reason"], "lapsed": row["lapsed"], "escalated": row["escalated"],
        "waits_for": row["steps"][row["at"]]["name"] if pending else None,
        "approved_by": list(_approvers(row)), "created_at": row["created_at"],
        "version": row["version"],
    }  # fmt: skip


def _approvers(row: Any) -> Sequence[str]:
    if row["state"] == State.APPROVAL_PENDING:
        return row["approved_by"]  # type: ignore[no-any-return]
    # Rows of many that are submitted at once come without: what of them is complete had no step and no approver.
    return row.get("approved_by_all", ()) if row["state"] in (State.APPROVED, State.COMPLETED) else ()


def _visible(proposal: Any, caller: Caller) -> Any:
    """A proposal without what belongs to companies that are not the caller's: parts that name a `company`."""
    if isinstance(proposal, list):
        return [_visible(part, caller) for part in proposal]
    if not isinstance(proposal, dict):
        return proposal
    if isinstance(company := proposal.get("company"), str) and not caller.sees(company):
        return {"of_another_company": True}
    return {name: _visible(part, caller) for name, part in proposal.items()}
