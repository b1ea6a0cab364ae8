"""Approval of whole journals and of single lines (spec 1.12, 1.17).

Where a company has lines approved, each line is asked for by itself; else the journal is, where it has journals
approved, or where raises need approval and the journal raises something.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import asyncpg

from credit_service import raising
from credit_service.adjustments import notices, store
from credit_service.adjustments.model import JournalType, Status
from credit_service.profiles.changing import company_of
from holdfast.approvals import flow
from holdfast.approvals.flow import Asked, Kind
from holdfast.approvals.model import State
from holdfast.contracts.credit_notices import AdjustmentApproved, AdjustmentDenied, AdjustmentSubmitted
from holdfast.database.work import Work
from holdfast.platform.clock import local_date
from holdfast.receivables.rates import read_rates
from holdfast.web.problems import Problem

Needed = Literal["none", "journal", "line"]
STATUS = {
    State.SUBMITTED: Status.PENDING, State.APPROVAL_PENDING: Status.PENDING, State.APPROVED: Status.PENDING,
    State.APPROVAL_DENIED: Status.DENIED, State.CHANGE_REQUESTED: Status.CHANGE_REQUESTED,
    State.CANCELLED: Status.DRAFT, State.COMPLETED: Status.APPROVED,
}  # fmt: skip
TOLD = {Status.PENDING: AdjustmentSubmitted, Status.APPROVED: AdjustmentApproved, Status.DENIED: AdjustmentDenied}


async def _lock(work: Work, asked: Asked) -> None:
    await store.read(work, asked.proposal["journal"], lock=True)


async def _basis(work: Work, asked: Asked) -> Any:
    return await store.digest(work, asked.proposal["journal"], asked.company, asked.proposal["line"])


async def _amount(work: Work, asked: Asked) -> Decimal:
    """The highest limit that would result, company currency (spec 1.17)."""
    found = await company_of(work, asked.company)
    today, target = local_date(work.business_now, found["time_zone"]), found["currency"]
    rows = await store.largest(work, asked.proposal["journal"], asked.proposal["line"])
    kind = found["exchange_rate_type"] or "default"
    needs = {row["currency"]: (kind, row["currency"] or target, target, today) for row in rows}
    rates = await read_rates(work, set(needs.values()))
    missing = sorted(currency for currency, need in needs.items() if need not in rates)
    if missing:
        raise Problem(
            422, "no-exchange-rate", "There is no exchange rate",
            f"The limit in {', '.join(missing)} cannot be measured in {target}; let the ERP send the rate.",
        )  # fmt: skip
    return max((rates[needs[row["currency"]]].convert(row["amount"]) for row in rows), default=Decimal(0))


async def _take_effect(work: Work, asked: Asked, who: str) -> None:
    """What is approved is posted by a person, in an act of its own."""


async def _told(work: Work, asked: Asked, state: State, who: str) -> None:
    number, line, status = asked.proposal["journal"], asked.proposal["line"], STATUS[state]
    row = await store.read(work, number) if line is None else await store.read_line(work, number, line)
    if row is None or row["approval_status"] == status:
        return
    digest = await store.digest(work, number, asked.company, line) if status is Status.APPROVED else None
    await store.set_status(work, number, line, status, digest)
    if status in TOLD:
        journal = await store.read(work, number)
        assert journal is not None
        await notices.tell(work, TOLD[status], journal, journal["lines"] if line is None else 1, who)


JOURNAL = Kind(
    "credit-limit-adjustment", "a credit limit adjustment journal", _lock, _basis, _amount, _take_effect, _told,
    else_by=(raising.NAME,),
)  # fmt: skip
LINE = Kind(
    "credit-limit-adjustment-line", "a line of a credit limit adjustment journal", _lock, _basis, _amount,
    _take_effect, _told,
)  # fmt: skip


async def needed(work: Work, journal: asyncpg.Record) -> Needed:
    """What must be approved before the journal can be posted."""
    number, company = journal["number"], journal["company"]
    if await flow.is_active(work, company, LINE.name):
        return "line"
    if await flow.is_active(work, company, JOURNAL.name):
        return "journal"
    by_raise = await raising.must_ask(work, company)
    raises = by_raise and await store.raises(work, number, company, JournalType(journal["type"]))
    return "journal" if raises else "none"


async def submit(work: Work, journal: asyncpg.Record, who: str, note: str | None) -> list[asyncpg.Record]:
    """Ask for approval of a locked journal; answers what was asked for. Raises Problem 409 or 422."""
    number, company, what = journal["number"], journal["company"], await needed(work, journal)
    if journal["lines"] == 0:
        raise Problem(409, "journal-empty", "The journal has no lines", "Add lines or generate them, then submit it.")
    if what == "none":
        raise Problem(
            409, "no-approval-needed", "No approval is needed",
            f"Company {company} has no active workflow for this journal: post it.",
        )  # fmt: skip
    if what == "journal" and await _stands(work, journal):
        raise Problem(409, "journal-approved", "The journal is approved", "Nothing has changed since: post it.")
    if what == "line":
        lines = await store.lines_to_ask(work, number)
        return [await _ask(work, LINE, journal, line, who, note) for line in lines]
    return [await _ask(work, JOURNAL, journal, None, who, note)]


async def _stands(work: Work, journal: asyncpg.Record) -> bool:
    if journal["approval_status"] != Status.APPROVED:
        return False
    return bool(journal["approved_on"] == await store.digest(work, journal["number"], journal["company"]))


async def _ask(
    work: Work, kind: Kind, journal: asyncpg.Record, line: int | None, who: str, note: str | None
) -> asyncpg.Record:
    number = journal["number"]
    subject = f"journal {number}" + ("" if line is None else f" line {line}")
    return await flow.ask(work, kind, journal["company"], subject, who, {"journal": number, "line": line}, note)
