"""Asking for an approval and deciding on it, in the unit of work of the route that does it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal
from uuid import UUID, uuid4

from holdfast.approvals import model, notices, store
from holdfast.approvals.kinds import (
    CHANGED,
    Asked,
    Kind,
    Kinds,
    Row,
    TaskFailed,
    as_json,
    asked_of,
    basis_of,
    read,
    workflow_of,
)
from holdfast.approvals.lapsing import lapse
from holdfast.approvals.many import person_of
from holdfast.approvals.model import Approval, NotAllowed, State
from holdfast.database.work import Work, savepoint
from holdfast.web.auth import Caller
from holdfast.web.problems import Problem, not_found

Decision = Literal["approve", "deny", "request_change", "recall", "resubmit"]


async def ask(
    work: Work, kind: Kind, company: str, subject: str, requester: str, proposal: Any, reason: str | None = None,
    barred: Iterable[str] = (),
) -> Row:  # fmt: skip
    """Submit a request; it takes effect at once when no step applies to the resulting amount.

    Call it with the subject locked. `barred`: whose doing it is besides the requester's. Raises Problem 409 when a
    request is open for the subject already.
    """
    if await store.open_approval(work, company, kind.name, subject) is not None:
        raise Problem(
            409, "approval-pending", "An approval is pending",
            f"Somebody has asked for a change of {subject} already; recall that request or wait for its decision.",
        )  # fmt: skip
    asked = Asked(uuid4(), company, subject, requester, as_json(proposal), reason)
    steps = (await workflow_of(work, kind, company)).steps
    approval = model.submit(requester, await kind.amount(work, asked), steps, work.business_now, barred)
    await store.insert(
        work, asked.id, company, kind.name, subject, approval, asked.proposal, await basis_of(kind, work, asked), reason
    )
    await store.note(work, asked.id, requester, "submitted", text=reason)
    return await _settle(work, kind, asked, approval, requester)


async def decide(work: Work, kinds: Kinds, number: UUID, caller: Caller, act: Decision, note: str | None) -> Row:
    """Act on a request. Raises Problem 404 or 409; what was asked on is compared before it takes effect."""
    row = await store.read(work, number)
    if row is None or not caller.sees(row["company"]):
        raise not_found(f"approval {number}")
    kind, asked = kinds[row["kind"]], asked_of(row)
    await kind.lock(work, asked)
    row = await store.read(work, number, lock=True)
    assert row is not None
    try:
        approval, acting_for = await _after(work, kind, row, caller, act)
    except NotAllowed as refused:
        raise Problem(409, "approval-not-possible", "This is not possible now", str(refused)) from None
    if act == "resubmit":
        await store.replace_basis(work, number, await basis_of(kind, work, asked))
    await store.note(work, number, caller.subject, act, acting_for, note)
    return await _settle(work, kind, asked, approval, caller.subject, store.approval_of(row), note)


async def _after(work: Work, kind: Kind, row: Row, caller: Caller, act: Decision) -> tuple[Approval, str | None]:
    approval, now = store.approval_of(row), work.business_now
    if act == "recall":
        return model.recall(approval, caller.subject), None
    if act == "resubmit":
        return await _resubmitted(work, kind, row, caller.subject), None
    who = await person_of(work, row["company"], caller)
    if act == "approve":
        return model.approve(approval, who, now)
    return (model.deny if act == "deny" else model.request_change)(approval, who), None


async def _resubmitted(work: Work, kind: Kind, row: Row, who: str) -> Approval:
    other = await store.open_approval(work, row["company"], kind.name, row["subject"])
    if other is not None and other["id"] != row["id"]:
        raise NotAllowed("Another request for the same is open; recall it or wait for its decision.")
    steps = (await workflow_of(work, kind, row["company"])).steps
    amount = await kind.amount(work, asked_of(row))
    return model.resubmit(store.approval_of(row), who, amount, steps, work.business_now)


async def _settle(
    work: Work, kind: Kind, asked: Asked, approval: Approval, who: str, before: Approval | None = None,
    note: str | None = None,
) -> Row:  # fmt: skip
    """Keep the state; what is approved takes effect, unless what it was asked on has changed. Those concerned hear."""
    await store.update(work, asked.id, approval)
    row = await read(work, asked.id)
    if approval.state is State.APPROVED and row["basis"] != await basis_of(kind, work, asked):
        await lapse(work, kind, row, CHANGED, who)
        return await read(work, asked.id)
    if approval.state is State.APPROVED:
        approval, note = await _take_effect(work, kind, asked, approval, who, note)
    await kind.told(work, asked, approval.state, who)
    about = notices.About(asked.id, asked.company, kind.name, asked.subject)
    if before is None or (before.state, before.at) != (approval.state, approval.at):
        await notices.asked(work, [(about, approval)], who, asked.reason)
    await notices.answered(work, about, approval, who, note)
    return await read(work, asked.id)


async def _take_effect(
    work: Work, kind: Kind, asked: Asked, approval: Approval, who: str, note: str | None
) -> tuple[Approval, str | None]:
    """Do what was approved; what fails goes back to the requester, who mends it and submits again, or recalls it.

    Answers the request after it, and what is told of it.
    """
    act, text = "completed", None
    try:
        async with savepoint(work):
            await kind.take_effect(work, asked, who)
        approval = model.complete(approval)
    except TaskFailed as failed:
        approval, act, text = model.fail(approval), "failed", str(failed)
    await store.update(work, asked.id, approval)
    await store.note(work, asked.id, who, act, text=text)
    return approval, text or note
