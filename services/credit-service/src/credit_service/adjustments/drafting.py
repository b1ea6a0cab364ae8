"""Makes draft journals: by hand, from a file, from a request of another service, from automatic limits."""

from __future__ import annotations

from collections.abc import Sequence

from credit_service.adjustments import store
from credit_service.adjustments.eligible import above_eligible
from credit_service.adjustments.model import JournalType, Line, duplicate, fault_of
from credit_service.adjustments.overlapping import overlapping
from credit_service.profiles.changing import company_of
from credit_service.tables.model import Fault
from holdfast.database.work import Work
from holdfast.web import audit
from holdfast.web.problems import Problem, field_problem

REMEDIES = {
    "customer": "Name a customer of the company that the ERP has told of.",
    "credit_group": "Name a credit group that the company owns.",
    "replaces_temporary_id": "Name a temporary limit of the same customer or group, or leave it out.",
    "overlap": "Name the limit that it replaces in replaces_temporary_id, or send other dates.",
    "eligible": "Raise the eligible limit first, or send a lower limit.",
}
OVERLAPS = "overlaps another temporary limit of the same owner"
ATTRIBUTES = {"replaces_temporary_id": "replaces"}


async def draft_journal(
    work: Work, company: str, kind: JournalType, lines: Sequence[Line], *, by: str, description: str, source: str
) -> str:
    """A new draft journal with these lines, in a few statements however many there are; answers its number.

    New limits are in company currency, those of groups in group currency. `source` is manual, generated, import,
    request or automatic_limits. The lines are taken as valid: see `faults`.
    """
    number = await store.insert(work, company, kind, description, source, by)
    if lines:
        await store.add_lines(work, number, company, lines)
    await audit.record(
        work, who=by, what="adjustment.drafted", company=company, subject=number, before=None,
        after={"type": kind, "description": description, "source": source, "lines": len(lines)},
    )  # fmt: skip
    return number


async def faults(
    work: Work, company: str, kind: JournalType, lines: Sequence[Line], number: str | None = None
) -> dict[int, Fault]:
    """What is wrong with lines, by their place, in the journal of that number or a new one.

    Raises Problem 422 while the company's currency is not known.
    """
    found = await faults_by_themselves(work, company, kind, lines)
    for place in await overlapping(work, company, number, lines) if kind is JournalType.TEMPORARY else ():
        found.setdefault(place, Fault("new_from_date", str(lines[place].new_from), OVERLAPS, REMEDIES["overlap"]))
    for place, problem in (await above_eligible(work, company, lines)).items():
        found.setdefault(place, Fault("new_limit.amount", f"{lines[place].new_limit:f}", problem, REMEDIES["eligible"]))
    return found


async def faults_by_themselves(work: Work, company: str, kind: JournalType, lines: Sequence[Line]) -> dict[int, Fault]:
    """What is wrong with lines whatever other limits there are. Raises Problem 422 as `faults` does."""
    currency = (await company_of(work, company))["currency"]
    groups = await _currencies(work, {line.credit_group for line in lines if line.credit_group})
    found: dict[int, Fault] = {}
    for place, line in enumerate(lines):
        fault = fault_of(kind, line, groups.get(line.credit_group or "", currency))
        if fault is not None:
            found[place] = fault
    for place, field in (await store.unknown(work, company, lines)).items():
        value = getattr(lines[place], ATTRIBUTES.get(field, field))
        found.setdefault(place, Fault(field, str(value), "does not exist in this company", REMEDIES[field]))
    return found


async def must_be_valid(
    work: Work, company: str, kind: JournalType, lines: Sequence[Line], known: Sequence[str] = (),
    number: str | None = None,
) -> None:  # fmt: skip
    """Raises Problem 422 or 409 for lines that cannot be in the journal, which names those in `known` already."""
    for place, fault in sorted((await faults(work, company, kind, lines, number)).items()):
        field = fault.field if len(lines) == 1 else f"lines.{place}.{fault.field}"
        raise field_problem(422, "invalid", "The line is not valid", field, fault.value, fault.problem, fault.remedy)
    if kind is JournalType.PERMANENT and (twice := duplicate(lines, known)):
        raise Problem(
            409, "line-exists", "The journal has a line for it already",
            f"A journal changes the limit of {twice} once; change that line instead.",
        )  # fmt: skip


async def _currencies(work: Work, names: set[str]) -> dict[str, str]:
    rows = await work.conn.fetch("SELECT name, currency FROM credit_group WHERE name = ANY($1::text[])", sorted(names))
    return {row["name"]: row["currency"] for row in rows}
