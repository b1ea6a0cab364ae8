"""Asking for an approval and deciding on it, in the unit of work of the route that does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID, uuid4

import asyncpg
import orjson

from holdfast.approvals import model, store
from holdfast.approvals.model import Approval, NotAllowed, State
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.web.auth import Caller
from holdfast.web.problems import Problem, not_found

Row = asyncpg.Record
Decision = Literal["approve", "deny", "request_change", "recall", "resubmit"]
SHORTEST_ESCALATION = timedelta(days=1)
BATCH = 200


async def _nothing(work: Work, row: Row) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of subject that needs approval.

    `lock` takes the locks under which the subject changes; `basis` is what the request was made on, as it is now;
    `take_effect` does what was approved; `told` hears of every other change of the state.
    """

    name: str
    title: str
    lock: Callable[[Work, Row], Awaitable[None]]
    basis: Callable[[Work, Row], Awaitable[Any]]
    take_effect: Callable[[Work, Row, str], Awaitable[None]]
    told: Callable[[Work, Row], Awaitable[None]] = _nothing


Kinds = Mapping[str, Kind]


async def is_active(work: Work, company: str, kind: str) -> bool:
    """Whether a company has an active workflow for a kind of subject."""
    return (await store.read_workflow(work, company, kind)).active


async def ask(
    work: Work, kind: Kind, company: str, subject: str, requester: str, amount: Decimal, proposal: Any, basis: Any,
    reason: str | None = None,
) -> Row:  # fmt: skip
    """Submit a request; it takes effect at once when no step applies to the resulting `amount` (company currency).

    Raises Problem 409 when one is open for the subject already.
    """
    if await store.open_approval(work, company, kind.name, subject) is not None:
        raise Problem(
            409, "approval-pending", "An approval is pending",
            f"Somebody has asked for a change of {subject} already; recall that request or wait for its decision.",
        )  # fmt: skip
    workflow = await store.read_workflow(work, company, kind.name)
    approval = model.submit(requester, amount, workflow.steps, work.business_now)
    number = uuid4()
    await store.insert(
        work, number, company, kind.name, subject, approval, _json(proposal), _json(basis), reason
    )  # fmt: skip
    await store.note(work, number, requester, "submitted", text=reason)
    return await _settle(work, kind, number, approval, requester)


async def decide(work: Work, kinds: Kinds, number: UUID, caller: Caller, act: Decision, note: str | None) -> Row:
    """Act on a request. Raises Problem 403, 404 or 409; what was asked on is compared before it takes effect."""
    row = await store.read(work, number)
    if row is None or not caller.sees(row["company"]):
        raise not_found(f"approval {number}")
    kind = kinds[row["kind"]]
    await kind.lock(work, row)
    row = await store.read(work, number, lock=True)
    assert row is not None
    try:
        approval, acting_for = await _after(work, row, caller, act)
    except NotAllowed as refused:
        raise Problem(409, "approval-not-possible", "This is not possible now", str(refused)) from None
    if act == "resubmit":
        await store.replace_proposal(work, number, row["proposal"], await _basis(kind, work, row))
    await store.note(work, number, caller.subject, act, acting_for, note)
    return await _settle(work, kind, number, approval, caller.subject)


async def _after(work: Work, row: Row, caller: Caller, act: Decision) -> tuple[Approval, str | None]:
    approval, now = store.approval_of(row), work.business_now
    if act == "recall":
        return model.recall(approval, caller.subject), None
    if act == "resubmit":
        workflow = await store.read_workflow(work, row["company"], row["kind"])
        return model.resubmit(approval, caller.subject, row["amount"], workflow.steps, now), None
    delegations = await store.delegations_to(work, row["company"], caller.subject)
    who = model.person(caller.subject, caller.permissions, delegations, store.business_date(work))
    if act == "approve":
        return model.approve(approval, who, now)
    return (model.deny if act == "deny" else model.request_change)(approval, who), None


async def _settle(work: Work, kind: Kind, number: UUID, approval: Approval, who: str) -> Row:
    """Keep the state; what is approved takes effect, unless what it was asked on has changed."""
    await store.update(work, number, approval)
    row = await store.read(work, number)
    assert row is not None
    if approval.state is State.APPROVED:
        if row["basis"] != await _basis(kind, work, row):
            await store.update(work, number, model.lapse(approval), lapsed=True)
            await store.note(work, number, who, "lapsed", text="What was asked on has changed meanwhile; ask again.")
        else:
            await kind.take_effect(work, row, who)
            await store.update(work, number, model.complete(approval))
            await store.note(work, number, who, "completed")
    row = await store.read(work, number)
    assert row is not None
    await kind.told(work, row)
    return row


async def lapse_for(work: Work, company: str, kind: str, subject: str) -> None:
    """End the open request for a subject whose facts have changed; who asked sees why."""
    row = await store.open_approval(work, company, kind, subject)
    if row is not None:
        await store.update(work, row["id"], model.lapse(store.approval_of(row)), lapsed=True)
        await store.note(work, row["id"], "holdfast", "lapsed", text="What was asked on has changed; ask again.")


async def escalate_overdue(work: Work) -> bool:
    """A periodic job: steps that nobody has decided in time may be decided by those they escalate to."""
    rows = await store.waiting_longest(work, work.business_now - SHORTEST_ESCALATION, BATCH)
    for row in rows:
        approval = store.approval_of(row)
        if model.is_overdue(approval, work.business_now):
            await store.update(work, row["id"], model.escalate(approval))
            await store.note(work, row["id"], "holdfast", "escalated", text=", ".join(approval.step.escalate_to))
    return False


async def _basis(kind: Kind, work: Work, row: Row) -> Any:
    return _json(await kind.basis(work, row))


def _json(value: Any) -> Any:
    return orjson.loads(to_json(value))
