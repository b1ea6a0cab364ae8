"""Imports temporary limits: whatever changes becomes a draft journal, and nothing is granted before it is posted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from credit_service.adjustments.drafting import draft_journal, faults
from credit_service.adjustments.model import JournalType
from credit_service.profiles.changing import company_of
from credit_service.tables.model import Fault, Line, Outcome, Read, Told, refusal, twice
from credit_service.tables.reporting import Wish, report
from credit_service.temporary import store
from credit_service.temporary.table import Draft, drafted, in_columns, key_of, line_of_row, subject_of
from holdfast.database.work import Work
from holdfast.platform.clock import earliest_date


async def import_temporary(work: Work, found: Read, wish: Wish) -> dict[str, Any]:
    """The report of an import. Raises Problem 422 while the company is not known."""
    currency = (await company_of(work, wish.company))["currency"]
    day = earliest_date(work.business_now)
    rows = await store.page_of_temporary(work, [wish.company], wish.company, day, None, None)
    there, alike = {str(row["id"]): row for row in rows}, {key_of(line_of_row(row)): row for row in rows}
    told = [Told(number, "", Outcome.REFUSED, fault=fault) for number, fault in found.refused]
    results = [drafted(line, there, alike, wish.company, currency) for line in _once(found.lines, told)]
    told += [result for result in results if isinstance(result, Told)]
    drafts = [result for result in results if isinstance(result, Draft)]
    wrong = await faults(work, wish.company, JournalType.TEMPORARY, [draft.line for draft in drafts])
    for place, draft in enumerate(drafts):
        if place in wrong:
            line = Line(draft.told.line, {})
            told.append(refusal(line, draft.told.subject, in_columns(wrong[place])))
        else:
            told.append(draft.told)
    good = [draft.line for place, draft in enumerate(drafts) if place not in wrong]
    number = None
    if good and wish.takes(told):
        number = await draft_journal(
            work, wish.company, JournalType.TEMPORARY, good, by=wish.who, description=wish.reason or "Imported",
            source="import",
        )  # fmt: skip
    return report(wish, told, number)


def _once(lines: Sequence[Line], told: list[Told]) -> list[Line]:
    """Lines that name a limit, or the first day of an owner, for the first time; `told` gets the others."""
    firsts = {line.number: first for line, first in twice(lines, "id")}
    firsts |= {line.number: first for line, first in twice(lines, "customer", "credit_group", "from_date")}
    for line in lines:
        if line.number in firsts:
            fault = Fault("line", None, f"line {firsts[line.number]} names the same limit", "Leave one of them out.")
            told.append(refusal(line, subject_of(line), fault))
    return [line for line in lines if line.number not in firsts]
