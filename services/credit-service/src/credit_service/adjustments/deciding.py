"""Decides on all lines of a journal that wait, in a few statements however many they are (spec 1.12, 1.17)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

from credit_service.adjustments import notices, store
from credit_service.adjustments.approval import LINE
from credit_service.adjustments.model import Status
from holdfast.approvals import flow
from holdfast.approvals.many import Verdict, decide_many
from holdfast.approvals.model import State
from holdfast.contracts.credit_notices import AdjustmentApproved, AdjustmentDenied
from holdfast.database.work import Work
from holdfast.web.auth import Caller
from holdfast.web.problems import Problem

STATUS = {State.COMPLETED: Status.APPROVED, State.APPROVAL_DENIED: Status.DENIED}
TOLD = {Status.APPROVED: AdjustmentApproved, Status.DENIED: AdjustmentDenied}
MOST_NAMED = 100


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How many requests were decided, how many of them wait for a further approval, and those that were left."""

    decided: int
    waiting: int
    left: list[tuple[str, str]]

    @property
    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        named = [{"subject": subject, "because": because} for subject, because in self.left[:MOST_NAMED]]
        return {"decided": self.decided, "waiting": self.waiting, "left": len(self.left), "left_named": named}


async def decide_lines(
    work: Work, journal: asyncpg.Record, caller: Caller, verdict: Verdict, note: str | None
) -> Verdicts:
    """Approve or deny every line of a locked journal that waits for the caller. Raises Problem 409 when none waits.

    Lines of credit groups go one by one: other companies may have to approve them too.
    """
    rows = await store.waiting_lines(work, journal["number"], journal["company"], LINE.name)
    if not rows:
        raise Problem(409, "not-submitted", "No line waits for approval", "Submit the journal first.")
    shared = [row for row in rows if "group" in row["proposal"]]
    done = await _decide_customers(
        work, journal, [row for row in rows if "group" not in row["proposal"]], caller, verdict, note
    )
    alone = [await _decide_group(work, row, caller, verdict, note) for row in shared]
    left = [(row["subject"], because) for row, because in zip(shared, alone, strict=True) if because is not None]
    return Verdicts(done.decided + len(shared) - len(left), done.waiting, done.left + left)


async def _decide_customers(
    work: Work, journal: asyncpg.Record, rows: list[asyncpg.Record], caller: Caller, verdict: Verdict, note: str | None
) -> Verdicts:
    number, lines = journal["number"], {row["id"]: row["proposal"]["line"] for row in rows}
    now = await store.digests(work, number, journal["company"], list(lines.values()))
    bases = {request: now[line] for request, line in lines.items()}
    found = await decide_many(work, LINE, rows, caller, verdict, note, bases)
    ended = [(lines[row["id"]], STATUS[after.state]) for row, after in found.done if after.state in STATUS]
    if ended:
        states = [(line, status, now[line] if status is Status.APPROVED else None) for line, status in ended]
        await store.set_lines(work, number, states)
        await notices.tell(work, TOLD[ended[0][1]], journal, len(ended), caller.subject)
    left = [(row["subject"], because) for row, because in found.left]
    return Verdicts(len(found.done), len(found.done) - len(ended), left)


async def _decide_group(
    work: Work, row: asyncpg.Record, caller: Caller, verdict: Verdict, note: str | None
) -> str | None:
    """Why it was left; None when it was decided."""
    try:
        await flow.decide(work, {LINE.name: LINE}, row["id"], caller, verdict, note)
    except Problem as problem:
        return problem.detail
    return None
