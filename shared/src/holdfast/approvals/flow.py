"""Asking for an approval and deciding on it, in the unit of work of the route that does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID, uuid4

import asyncpg
import orjson

from holdfast.approvals import model, notices, store
from holdfast.approvals.model import Approval, NotAllowed, State, Workflow
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.web.auth import Caller
from holdfast.web.problems import Problem, not_found

Row = asyncpg.Record
Decision = Literal["approve", "deny", "request_change", "recall", "resubmit"]
BATCH = 200
HOLDFAST = "holdfast"
"""Who acts where nobody does."""
CHANGED = "What was asked on has changed meanwhile; ask again."


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody has asked for."""

    id: UUID
    company: str
    subject: str
    requester: str
    proposal: Any
    reason: str | None = None


async def _nothing(work: Work, asked: Asked, state: State, who: str) -> None:
    """Nobody is told."""


async def _nothing_more(work: Work, asked: Asked) -> bool:
    """Nothing is locked besides the request itself."""
    return True


class TaskFailed(Exception):
    """What was approved cannot be done now; says why. Raised by `take_effect`, whose changes are undone."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of subject that needs approval.

    `lock` takes the locks under which the subject changes; `basis` is what the request was made on, as it is now;
    `amount` the limit or exposure that would result, company currency, None where that cannot be told; `take_effect`
    does what was approved; `told` hears of every change of the state. Where a company has no active workflow of the
    kind, the first active one of `else_by` counts. `seize` takes, without waiting, what `told` changes, for a lapse in
    a transaction that holds other locks already: False when somebody else has it, who compares with what it was asked
    on himself.
    """

    name: str
    title: str
    lock: Callable[[Work, Asked], Awaitable[None]]
    basis: Callable[[Work, Asked], Awaitable[Any]]
    amount: Callable[[Work, Asked], Awaitable[Decimal | None]]
    take_effect: Callable[[Work, Asked, str], Awaitable[None]]
    told: Callable[[Work, Asked, State, str], Awaitable[None]] = _nothing
    else_by: tuple[str, ...] = ()
    seize: Callable[[Work, Asked], Awaitable[bool]] = _nothing_more


Kinds = Mapping[str, Kind]


async def is_active(work: Work, company: str, kind: str) -> bool:
    """Whether a company has an active workflow for a kind of subject."""
    return (await store.read_workflow(work, company, kind)).active


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
    asked = Asked(uuid4(), company, subject, requester, _json(proposal), reason)
    steps = (await _workflow(work, kind, company)).steps
    approval = model.submit(requester, await kind.amount(work, asked), steps, work.business_now, barred)
    await store.insert(
        work, asked.id, company, kind.name, subject, approval, asked.proposal, await _basis(kind, work, asked), reason
    )
    await store.note(work, asked.id, requester, "submitted", text=reason)
    return await _settle(work, kind, asked, approval, requester)


@dataclass(frozen=True, slots=True)
class Request:
    """One of many requests of a kind: `amount` the resulting limit, company currency; `basis` what it is made on."""

    subject: str
    amount: Decimal
    proposal: Any
    basis: Any
    barred: tuple[str, ...] = ()


async def ask_many(
    work: Work, kind: Kind, company: str, requester: str, requests: Sequence[Request], reason: str | None
) -> dict[str, tuple[UUID, Approval]]:
    """Submit requests for subjects that are locked and have none open (`store.open_subjects`), in two statements.

    By subject. Where no step applies to the amount the request is completed, and the caller lets it take effect.
    """
    steps = (await _workflow(work, kind, company)).steps
    found = {
        r.subject: (uuid4(), model.submit(requester, r.amount, steps, work.business_now, r.barred)) for r in requests
    }
    done = {s: (n, model.complete(a) if a.state is State.APPROVED else a) for s, (n, a) in found.items()}
    rows = [(*done[r.subject], r.subject, _json(r.proposal), _json(r.basis)) for r in requests]
    await store.insert_many(work, company, kind.name, rows, reason)
    acts = [(number, "submitted", reason) for number, _ in done.values()]
    acts += [(number, "completed", None) for number, a in done.values() if a.state is State.COMPLETED]
    await store.note_many(work, requester, acts)
    told = [(notices.About(number, company, kind.name, subject), a) for subject, (number, a) in done.items()]
    await notices.asked(work, told, requester, reason)
    return done


async def decide(work: Work, kinds: Kinds, number: UUID, caller: Caller, act: Decision, note: str | None) -> Row:
    """Act on a request. Raises Problem 404 or 409; what was asked on is compared before it takes effect."""
    row = await store.read(work, number)
    if row is None or not caller.sees(row["company"]):
        raise not_found(f"approval {number}")
    kind, asked = kinds[row["kind"]], _asked(row)
    await kind.lock(work, asked)
    row = await store.read(work, number, lock=True)
    assert row is not None
    try:
        approval, acting_for = await _after(work, kind, row, caller, act)
    except NotAllowed as refused:
        raise Problem(409, "approval-not-possible", "This is not possible now", str(refused)) from None
    if act == "resubmit":
        await store.replace_basis(work, number, await _basis(kind, work, asked))
    await store.note(work, number, caller.subject, act, acting_for, note)
    return await _settle(work, kind, asked, approval, caller.subject, store.approval_of(row), note)


async def _after(work: Work, kind: Kind, row: Row, caller: Caller, act: Decision) -> tuple[Approval, str | None]:
    approval, now = store.approval_of(row), work.business_now
    if act == "recall":
        return model.recall(approval, caller.subject), None
    if act == "resubmit":
        return await _resubmitted(work, kind, row, caller.subject), None
    delegations = await store.delegations_to(work, row["company"], caller.subject)
    who = model.person(caller.subject, caller.permissions, delegations, await store.business_date(work, row["company"]))
    if act == "approve":
        return model.approve(approval, who, now)
    return (model.deny if act == "deny" else model.request_change)(approval, who), None


async def _resubmitted(work: Work, kind: Kind, row: Row, who: str) -> Approval:
    other = await store.open_approval(work, row["company"], kind.name, row["subject"])
    if other is not None and other["id"] != row["id"]:
        raise NotAllowed("Another request for the same is open; recall it or wait for its decision.")
    steps = (await _workflow(work, kind, row["company"])).steps
    amount = await kind.amount(work, _asked(row))
    return model.resubmit(store.approval_of(row), who, amount, steps, work.business_now)


async def _workflow(work: Work, kind: Kind, company: str) -> Workflow:
    own = await store.read_workflow(work, company, kind.name)
    for name in kind.else_by if not own.active else ():
        other = await store.read_workflow(work, company, name)
        if other.active:
            return other
    return own


async def _settle(
    work: Work, kind: Kind, asked: Asked, approval: Approval, who: str, before: Approval | None = None,
    note: str | None = None,
) -> Row:  # fmt: skip
    """Keep the state; what is approved takes effect, unless what it was asked on has changed. Those concerned hear."""
    await store.update(work, asked.id, approval)
    row = await _read(work, asked.id)
    if approval.state is State.APPROVED and row["basis"] != await _basis(kind, work, asked):
        await lapse(work, kind, row, CHANGED, who)
        return await _read(work, asked.id)
    if approval.state is State.APPROVED:
        approval, note = await _take_effect(work, kind, asked, approval, who, note)
    await kind.told(work, asked, approval.state, who)
    about = notices.About(asked.id, asked.company, kind.name, asked.subject)
    if before is None or (before.state, before.at) != (approval.state, approval.at):
        await notices.asked(work, [(about, approval)], who, asked.reason)
    await notices.answered(work, about, approval, who, note)
    return await _read(work, asked.id)


async def _take_effect(
    work: Work, kind: Kind, asked: Asked, approval: Approval, who: str, note: str | None
) -> tuple[Approval, str | None]:
    """Do what was approved; what fails goes back to the requester, who mends it and submits again, or recalls it.

    Answers the request after it, and what is told of it.
    """
    act, text = "completed", None
    try:
        async with work.conn.transaction():
            await kind.take_effect(work, asked, who)
        approval = model.complete(approval)
    except TaskFailed as failed:
        approval, act, text = model.fail(approval), "failed", str(failed)
    await store.update(work, asked.id, approval)
    await store.note(work, asked.id, who, act, text=text)
    return approval, text or note


async def lapse(work: Work, kind: Kind, row: Row, why: str = CHANGED, who: str = HOLDFAST) -> None:
    """End a request that is open: nothing comes of it, and who asked is told why."""
    approval, asked = model.lapse(store.approval_of(row)), _asked(row)
    await store.update(work, asked.id, approval, lapsed=True)
    await store.note(work, asked.id, who, "lapsed", text=why)
    await kind.told(work, asked, approval.state, who)
    about = notices.About(asked.id, asked.company, kind.name, asked.subject)
    await notices.lapsed(work, about, approval, who, why)


async def lapse_approved(work: Work, kind: Kind, row: Row, who: str) -> None:
    """What was approved, but not yet done, has been overtaken: who asked is told, and asks again."""
    await store.note(work, row["id"], who, "lapsed", text=CHANGED)
    about = notices.About(row["id"], row["company"], kind.name, row["subject"])
    await notices.lapsed(work, about, store.approval_of(row), who, CHANGED)


async def lapse_for(work: Work, kind: Kind, company: str, subject: str) -> None:
    """End the open request for a subject whose facts have changed; who asked is told why."""
    row = await store.open_approval(work, company, kind.name, subject)
    if row is not None and row["basis"] != await _basis(kind, work, _asked(row)):
        await lapse(work, kind, row)


async def lapse_stale(work: Work, kinds: Kinds, numbers: Iterable[UUID]) -> None:
    """End those of these requests whose facts have changed, in the transaction that changes them.

    A request that somebody decides on at this moment is left to them: they compare it too.
    """
    for number in sorted(numbers):
        row = await _read(work, number)
        kind = kinds[row["kind"]]
        if not await kind.seize(work, _asked(row)):
            continue
        held = await store.seize(work, number)
        if held is not None and held["basis"] != await _basis(kind, work, _asked(held)):
            await lapse(work, kind, held)


async def withdraw(work: Work, row: Row, who: str, why: str) -> None:
    """End an open request whose subject is gone, or is asked for anew."""
    await store.update(work, row["id"], model.lapse(store.approval_of(row)))
    await store.note(work, row["id"], who, "withdrawn", text=why)


async def escalate_overdue(work: Work) -> bool:
    """A periodic job: steps that nobody has decided in time may be decided by those they escalate to."""
    rows = await store.overdue(work, BATCH)
    for row in rows:
        approval = model.escalate(store.approval_of(row))
        await store.update(work, row["id"], approval)
        await store.note(work, row["id"], HOLDFAST, "escalated", text=", ".join(approval.step.escalate_to))
        about = notices.About(row["id"], row["company"], row["kind"], row["subject"])
        await notices.escalated(work, [(about, approval)], HOLDFAST)
    return len(rows) == BATCH


async def _read(work: Work, number: UUID) -> Row:
    row = await store.read(work, number)
    assert row is not None
    return row


async def _basis(kind: Kind, work: Work, asked: Asked) -> Any:
    return _json(await kind.basis(work, asked))


def _asked(row: Row) -> Asked:
    return Asked(row["id"], row["company"], row["subject"], row["requester"], row["proposal"], row["reason"])


def _json(value: Any) -> Any:
    return orjson.loads(to_json(value))
