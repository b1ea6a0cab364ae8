"""Many requests of a kind at once, in a few statements: asked for, and decided on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID, uuid4

from holdfast.approvals import lapsing, model, notices, setups, store
from holdfast.approvals.kinds import Kind, Row, as_json, workflow_of
from holdfast.approvals.model import Approval, NotAllowed, Person, State
from holdfast.database.work import Work
from holdfast.web.auth import Caller

Verdict = Literal["approve", "deny"]


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
    steps = (await workflow_of(work, kind, company)).steps
    found = {
        r.subject: (uuid4(), model.submit(requester, r.amount, steps, work.business_now, r.barred)) for r in requests
    }
    done = {s: (n, model.complete(a) if a.state is State.APPROVED else a) for s, (n, a) in found.items()}
    rows = [(*done[r.subject], r.subject, as_json(r.proposal), as_json(r.basis)) for r in requests]
    await store.insert_many(work, company, kind.name, rows, reason)
    acts = [(number, "submitted", None, reason) for number, _ in done.values()]
    acts += [(number, "completed", None, None) for number, a in done.values() if a.state is State.COMPLETED]
    await store.note_many(work, requester, acts)
    told = [(notices.About(number, company, kind.name, subject), a) for subject, (number, a) in done.items()]
    await notices.asked(work, told, requester, reason)
    return done


@dataclass(slots=True)
class Decided:
    """What became of many requests: their rows with the state after it, and of those that were left why."""

    done: list[tuple[Row, Approval]] = field(default_factory=list)
    left: list[tuple[Row, str]] = field(default_factory=list)


async def decide_many(
    work: Work, kind: Kind, rows: Sequence[Row], caller: Caller, verdict: Verdict, note: str | None,
    bases: Mapping[UUID, Any],
) -> Decided:  # fmt: skip
    """Decide on locked requests of one company; those that are not the caller's to decide are left.

    `bases`: what each was asked on, as it is now: one that has changed lapses instead. What the last step has approved
    is completed, and the caller lets it take effect.
    """
    found, acts = Decided(), list[store.Act]()
    who = await person_of(work, rows[0]["company"], caller) if rows else Person(caller.subject)
    for row in rows:
        try:
            after, acting_for = _after(work, row, who, verdict)
        except NotAllowed as refused:
            found.left.append((row, str(refused)))
            continue
        acts.append((row["id"], verdict, None if acting_for == who.name else acting_for, note))
        if after.state is State.APPROVED and row["basis"] != as_json(bases[row["id"]]):
            await lapsing.lapse(work, kind, row, who=who.name)
            continue
        if after.state is State.APPROVED:
            after = model.complete(after)
            acts.append((row["id"], "completed", None, None))
        found.done.append((row, after))
    await store.update_many(work, [(row["id"], after) for row, after in found.done])
    await store.note_many(work, who.name, acts)
    await _tell(work, kind, found.done, who.name, note)
    return found


async def person_of(work: Work, company: str, caller: Caller) -> Person:
    """A caller as somebody who decides in a company today."""
    delegations = await setups.delegations_to(work, company, caller.subject)
    return model.person(caller.subject, caller.permissions, delegations, await store.business_date(work, company))


def _after(work: Work, row: Row, who: Person, verdict: Verdict) -> tuple[Approval, str | None]:
    approval = store.approval_of(row)
    if verdict == "approve":
        return model.approve(approval, who, work.business_now)
    return model.deny(approval, who), None


async def _tell(work: Work, kind: Kind, done: Sequence[tuple[Row, Approval]], who: str, note: str | None) -> None:
    told = [(notices.About(row["id"], row["company"], kind.name, row["subject"]), row, after) for row, after in done]
    moved = [(about, after) for about, row, after in told if after.at != row["at"]]
    await notices.asked(work, moved, who, note)
    await notices.answered_many(work, [(about, after) for about, _, after in told], who, note)
