"""A temporary limit that hold-service asks for becomes a draft journal of one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from credit_service.adjustments.drafting import draft_journal, faults_by_themselves
from credit_service.adjustments.model import JournalType, Line
from credit_service.temporary.store import temporary_of
from holdfast.bus.envelope import Incoming
from holdfast.bus.undigestible import Undigestible
from holdfast.contracts.holds import TemporaryLimitRequested
from holdfast.database.work import Work
from holdfast.web.problems import Problem


async def draft_requested(work: Work, events: Sequence[Incoming[TemporaryLimitRequested]]) -> None:
    """One journal for each request; nothing is granted by it.

    Raises Undigestible for what can be no line of the company: it waits in the dead letters with its reason.
    """
    for asked in (event.payload for event in events):
        last = max(asked.from_date, asked.to_date)
        line = Line(asked.customer, None, asked.amount, asked.from_date, last, currency=asked.currency)
        await _must_be_possible(work, asked.company, line)
        note = f": {asked.note}" if asked.note else ""
        await draft_journal(
            work, asked.company, JournalType.TEMPORARY, [await _in_place(work, asked.company, line)],
            by=asked.requested_by, description=f"Asked for to let order {asked.order} pass{note}", source="request",
        )  # fmt: skip


async def _must_be_possible(work: Work, company: str, line: Line) -> None:
    try:
        found = await faults_by_themselves(work, company, JournalType.TEMPORARY, [line])
    except Problem as problem:
        raise Undigestible("company", company, problem.title, problem.detail) from None
    if 0 in found:
        fault = found[0]
        raise Undigestible(fault.field, str(fault.value), fault.problem, fault.remedy)


async def _in_place(work: Work, company: str, line: Line) -> Line:
    """The line in place of the temporary limit that it would overlap, where that is one."""
    assert line.customer is not None, "a request names a customer"
    assert line.new_from is not None, "a request names a first day"
    party = company, line.customer
    there = (await temporary_of(work, [party], line.new_from)).get(party, [])
    met = [limit for limit in there if limit.from_date <= line.new_to]
    return replace(line, replaces=UUID(met[0].id)) if len(met) == 1 else line
