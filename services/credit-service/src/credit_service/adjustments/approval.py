"""Approval of whole journals and of single lines (spec 1.12, 1.17).

Where a company has lines approved, each line is asked for by itself; else the journal is, where it has journals
approved, or where raises need approval and the journal raises something. Companies whose customers share a group's
limit that a line raises approve it too, one after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

import asyncpg

from credit_service import raising
from credit_service.adjustments import measuring, notices, store
from credit_service.adjustments.model import Status
from credit_service.lapsing import register
from holdfast.approvals import flow, kinds, lapsing, many
from holdfast.approvals import store as approvals
from holdfast.approvals.kinds import Asked, Kind, TaskFailed
from holdfast.approvals.many import Request
from holdfast.approvals.model import State
from holdfast.contracts.credit_notices import AdjustmentApproved, AdjustmentDenied, AdjustmentSubmitted
from holdfast.database.work import Work
from holdfast.web.problems import Problem

Needed = Literal["none", "journal", "line"]
STATUS = {
    State.SUBMITTED: Status.PENDING, State.APPROVAL_PENDING: Status.PENDING, State.APPROVED: Status.PENDING,
    State.APPROVAL_DENIED: Status.DENIED, State.CHANGE_REQUESTED: Status.CHANGE_REQUESTED,
    State.CANCELLED: Status.DRAFT, State.COMPLETED: Status.APPROVED,
}  # fmt: skip
TOLD = {Status.PENDING: AdjustmentSubmitted, Status.APPROVED: AdjustmentApproved, Status.DENIED: AdjustmentDenied}
ANEW = "It is submitted anew."


def _line_of(asked: Asked) -> int | None:
    line: int | None = asked.proposal.get("line")
    return line


async def _journal(work: Work, asked: Asked) -> asyncpg.Record:
    row = await store.read(work, asked.proposal["journal"])
    assert row is not None
    return row


async def _lock(work: Work, asked: Asked) -> None:
    await store.read(work, asked.proposal["journal"], lock=True)


async def _seize(work: Work, asked: Asked) -> bool:
    return await work.conn.fetchval(
        "SELECT true FROM adjustment_journal WHERE number = $1 FOR UPDATE SKIP LOCKED", asked.proposal["journal"]
    ) is True  # fmt: skip


async def _basis(work: Work, asked: Asked) -> Any:
    journal = await _journal(work, asked)
    return await store.digest(work, journal["number"], journal["company"], _line_of(asked))


async def _amount(work: Work, asked: Asked) -> Decimal:
    """The highest limit that would result, in the currency of the company that is asked (spec 1.17)."""
    journal = await _journal(work, asked)
    found = await measuring.effects(work, journal, _line_of(asked))
    if asked.company == journal["company"]:
        return max((effect.amount for effect in found), default=Decimal(0))
    return max((e.others[asked.company] for e in found if asked.company in e.others), default=Decimal(0))


async def _take_effect(work: Work, asked: Asked, who: str) -> None:
    """What is approved is posted by a person, in an act of its own; before that the next company has to approve."""
    journal, line = await _journal(work, asked), _line_of(asked)
    consented = {*asked.proposal.get("consented", ()), asked.company}
    digest = await store.digest(work, journal["number"], journal["company"], line)
    if asked.proposal.get("consented_on", digest) != digest:
        raise TaskFailed("What the other companies have approved has changed meanwhile: submit the journal again.")
    others = measuring.companies(await measuring.effects(work, journal, line)) - consented
    if not others:
        return
    told = asked.proposal | {"consented": sorted(consented), "consented_on": digest}
    try:
        await _ask(work, journal, min(others), told, asked.requester, None)
    except Problem as problem:
        raise TaskFailed(problem.detail) from None


async def _told(work: Work, asked: Asked, state: State, who: str) -> None:
    journal, line, status = await store.read(work, asked.proposal["journal"]), _line_of(asked), STATUS[state]
    row = journal if journal is None or line is None else await store.read_line(work, journal["number"], line)
    if journal is None or row is None:
        return
    if status is Status.APPROVED and await raising.open_anywhere(work, asked.subject, JOURNAL.name):
        status = Status.PENDING
    if row["approval_status"] == status:
        return
    number = journal["number"]
    approved_on = await store.digest(work, number, journal["company"], line) if status is Status.APPROVED else None
    await store.set_status(work, number, line, status, approved_on)
    if status in TOLD:
        await notices.tell(work, TOLD[status], journal, journal["lines"] if line is None else 1, who)


JOURNAL = register(Kind(
    "credit-limit-adjustment", "a credit limit adjustment journal", _lock, _basis, _amount, _take_effect, _told,
    else_by=(raising.NAME,), seize=_seize,
))  # fmt: skip
LINE = register(Kind(
    "credit-limit-adjustment-line", "a line of a credit limit adjustment journal", _lock, _basis, _amount,
    _take_effect, _told, seize=_seize,
))  # fmt: skip


async def needed(work: Work, journal: asyncpg.Record) -> Needed:
    """What must be approved before the journal can be posted."""
    company = journal["company"]
    if await kinds.is_active(work, company, LINE.name):
        return "line"
    if await kinds.is_active(work, company, JOURNAL.name):
        return "journal"
    asks = await raising.must_ask(work, company)
    found = await (measuring.effects if asks else measuring.effects_on_groups)(work, journal)
    return "journal" if any((asks and effect.raises) or effect.others for effect in found) else "none"


async def submit(
    work: Work, journal: asyncpg.Record, who: str, note: str | None, *, confirmed: bool
) -> list[asyncpg.Record]:
    """Ask for approval of a locked journal; answers what was asked for. Raises Problem 409 or 422."""
    what = await needed(work, journal)
    if journal["lines"] == 0:
        raise Problem(409, "journal-empty", "The journal has no lines", "Add lines or generate them, then submit it.")
    if what == "none":
        raise Problem(
            409, "no-approval-needed", "No approval is needed",
            f"Company {journal['company']} has no active workflow for this journal: post it.",
        )  # fmt: skip
    if not confirmed:
        await must_be_meant(work, journal)
    if what == "line":
        return await _submit_lines(work, journal, who, note)
    if await _stands(work, journal):
        raise Problem(409, "journal-approved", "The journal is approved", "Nothing has changed since: post it.")
    await withdraw(work, journal["number"], who, ANEW)
    company = await _first(work, journal)
    return [await _ask(work, journal, company, {"journal": journal["number"]}, who, note)]


async def _first(work: Work, journal: asyncpg.Record) -> str:
    """The company that approves first: the journal's own, unless only others have to."""
    own: str = journal["company"]
    if await kinds.is_active(work, own, JOURNAL.name) or await raising.must_ask(work, own):
        return own
    return min(measuring.companies(await measuring.effects_on_groups(work, journal)))


async def must_be_meant(work: Work, journal: asyncpg.Record) -> None:
    """Raises Problem 409 when lines leave nothing of own limits, so that only their group's is tested."""
    if named := await measuring.opening_group_room(work, journal):
        raise Problem(
            409, "confirm-group-limit", "This raises the room to the group's limit",
            f"With an own limit of 0 that is not mandatory only the group's limit counts: {', '.join(named[:20])}. "
            "Send confirm_group_limit true if that is meant.",
        )  # fmt: skip


async def withdraw(work: Work, number: str, who: str, why: str) -> None:
    """End the requests that are open for a locked journal or its lines."""
    for row in await store.open_requests(work, number):
        await lapsing.withdraw(work, row, who, why)


async def _stands(work: Work, journal: asyncpg.Record) -> bool:
    if journal["approval_status"] != Status.APPROVED:
        return False
    return bool(journal["approved_on"] == await store.digest(work, journal["number"], journal["company"]))


async def _ask(
    work: Work, journal: asyncpg.Record, company: str, proposal: dict[str, Any], who: str, note: str | None
) -> asyncpg.Record:
    subject = _subject(journal["number"], proposal.get("line"))
    row = await flow.ask(work, JOURNAL, company, subject, who, proposal, note, journal["authors"])
    later = None if row["state"] != State.COMPLETED else await raising.open_anywhere(work, subject, JOURNAL.name)
    return later or row


def _subject(number: str, line: int | None) -> str:
    return f"journal {number}" + ("" if line is None else f" line {line}")


async def _submit_lines(work: Work, journal: asyncpg.Record, who: str, note: str | None) -> list[asyncpg.Record]:
    """Ask for each line that is neither approved as it is nor waited for, in a few statements however many they are."""
    number, company = journal["number"], journal["company"]
    lines = {row["line"]: row for row in await store.open_lines(work, number)}
    now = await store.digests(work, number, company, list(lines))
    asked = {n: None for n, row in lines.items() if not _waits_or_stands(row, now[n])}
    for row in await store.open_requests(work, number):
        if row["proposal"].get("line") in asked:
            await lapsing.withdraw(work, row, who, ANEW)
    found = {effect.line: effect for effect in await measuring.effects(work, journal)}
    requests = [
        Request(
            _subject(number, n), found[n].amount, _line_proposal(number, lines[n]), now[n], tuple(journal["authors"])
        ) for n in asked
    ]  # fmt: skip
    states = await many.ask_many(work, LINE, company, who, requests, note)
    done = {n: states[_subject(number, n)][1].state is State.COMPLETED for n in asked}
    await store.set_lines(
        work, number, [(n, *((Status.APPROVED, now[n]) if done[n] else (Status.PENDING, None))) for n in asked]
    )
    for n in asked:
        if done[n] and found[n].others:
            others = _line_proposal(number, lines[n]) | {"consented": [company], "consented_on": now[n]}
            await _ask(work, journal, min(found[n].others), others, who, note)
    if asked:
        await notices.tell(work, AdjustmentSubmitted, journal, len(asked), who)
    return await approvals.read_many(work, [states[_subject(number, n)][0] for n in [*asked][:MOST_SHOWN]])


MOST_SHOWN = 500
"""Requests that an answer shows; the list of approvals has them all."""


def _waits_or_stands(row: asyncpg.Record, digest: str) -> bool:
    status = row["approval_status"]
    return bool(status == Status.PENDING or (status == Status.APPROVED and row["approved_on"] == digest))


def _line_proposal(number: str, row: asyncpg.Record) -> dict[str, Any]:
    owner = {"customer": row["customer"]} if row["customer"] else {"group": row["credit_group"]}
    return {"journal": number, "line": row["line"], **owner}


async def lapsed_lines(work: Work, journal: asyncpg.Record, lines: Sequence[int], who: str) -> None:
    """Approved lines whose limits have changed since are drafts again; who asked for them is told."""
    await store.set_lines(work, journal["number"], [(line, Status.DRAFT, None) for line in lines])
    rows = await approvals.newest(work, journal["company"], LINE.name, [_subject(journal["number"], n) for n in lines])
    for row in rows:
        await lapsing.lapse_approved(work, LINE, row, who)
