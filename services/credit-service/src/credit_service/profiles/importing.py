"""Imports profiles and permanent limits: reads, judges and writes a thousand lines at a time, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from credit_service import raising
from credit_service.adjustments.drafting import draft_journal
from credit_service.adjustments.model import JournalType
from credit_service.adjustments.model import Line as JournalLine
from credit_service.profiles.bodies import known_for
from credit_service.profiles.changing import Rules, apply, company_of, identified_of, rules_of
from credit_service.profiles.publishing import Door
from credit_service.profiles.table import LIMITS, Draft, Planned, drafted, planned
from credit_service.room.reading import read_standings
from credit_service.tables.model import Fault, Line, Outcome, Read, Table, Told, refusal, twice
from credit_service.tables.reporting import Wish, report
from credit_service.tables.taking import AT_ONCE, customers_known
from holdfast.approvals.many import Request
from holdfast.approvals.store import open_subjects
from holdfast.contracts.currencies import MINOR_UNITS
from holdfast.database.bulk import chunks
from holdfast.database.work import Work

DATED = Fault("credit_limit_expiry_date", None, "limits of this company change by adjustment journals, whose lines end",
              "Give the last day of the limit.")  # fmt: skip


async def import_profiles(work: Work, table: Table, found: Read, wish: Wish) -> dict[str, Any]:
    """The report of an import. Where a company's limits change by adjustments only, a file of limits becomes a draft
    journal. Raises Problem 422 while the company is not known."""
    master = await company_of(work, wish.company)
    rules = await rules_of(work, wish.company, master, MINOR_UNITS)
    by_journal = table is LIMITS and not rules.parameters.allow_manual_limit_edit
    if by_journal:
        rules = replace(rules, parameters=rules.parameters.model_copy(update={"allow_manual_limit_edit": True}))
    told = [Told(number, "", Outcome.REFUSED, fault=fault) for number, fault in found.refused]
    lines = await _whose(work, found.lines, wish, told)
    plans: list[Planned] = []
    for some in chunks(lines, AT_ONCE):
        for result in await _judge(work, some, master, rules, wish, by_journal=by_journal):
            if isinstance(result, Planned):
                plans.append(result)
            else:
                told.append(result)
    told += [plan.told for plan in plans]
    if not wish.takes(told):
        return report(wish, told)
    changed = {t.line: t for some in chunks(plans, AT_ONCE) for t in await _write(work, some, wish)}
    number = await _draft(work, [plan for plan in plans if plan.told.outcome is Outcome.DRAFTED], wish)
    return report(wish, [changed.get(t.line, t) for t in told], number)


async def _whose(work: Work, lines: Sequence[Line], wish: Wish, told: list[Told]) -> list[Line]:
    """The lines of customers that exist and are named once, whose customers are locked; `told` gets the others."""
    firsts = {line.number: first for line, first in twice(lines, "customer")}
    for line in lines:
        if line.number in firsts:
            name, problem = line.cells["customer"], f"is on line {firsts[line.number]} already"
            told.append(refusal(line, name, Fault("customer", name, problem, "Leave one of them out.")))
    return await customers_known(work, [line for line in lines if line.number not in firsts], wish, told)


async def _judge(
    work: Work, lines: Sequence[Line], master: Any, rules: Rules, wish: Wish, *, by_journal: bool
) -> list[Planned | Told]:
    parties = [(wish.company, line.cells["customer"]) for line in lines]
    there = await read_standings(work, parties)
    identified = set(await identified_of(work, rules.parameters, parties))
    names = [customer for _, customer in parties]
    waiting = await open_subjects(work, wish.company, raising.NAME, names) if rules.asks else set()
    drafts = [drafted(line, there[party].profile) for line, party in zip(lines, parties, strict=True)]
    known = await known_for(work, wish.company, master, [d.body for d in drafts if isinstance(d, Draft)])
    results: list[Planned | Told] = []
    for draft, party in zip(drafts, parties, strict=True):
        if isinstance(draft, Draft):
            plan = planned(
                draft, there[party], known, rules, wish, identified=party in identified, has_open=party[1] in waiting,
                by_journal=by_journal,
            )  # fmt: skip
            results.append(_dated(draft.line, plan))
        else:
            results.append(draft)
    return results


def _dated(line: Line, plan: Planned | Told) -> Planned | Told:
    undated = isinstance(plan, Planned) and plan.judged.after.credit_limit_expiry_date is None
    if undated and isinstance(plan, Planned) and plan.told.outcome is Outcome.DRAFTED:
        return refusal(line, plan.told.subject, DATED)
    return plan


async def _write(work: Work, plans: Sequence[Planned], wish: Wish) -> list[Told]:
    """Make the changes that take effect at once, and ask for those that wait."""
    now = [p for p in plans if p.told.outcome in (Outcome.CREATED, Outcome.CHANGED)]
    await apply(work, [(p.judged.before, p.judged.after) for p in now], Door(wish.who, "import", None, wish.reason))
    asked = [p for p in plans if p.told.outcome is Outcome.WAITS]
    requests = [Request(p.told.subject, p.judged.amount, p.judged.proposal, p.judged.basis) for p in asked]
    states = await raising.ask_many(work, "profile", wish.company, wish.who, requests, wish.reason)
    done = [p for p in asked if states[p.told.subject].completed]
    await apply(work, [(p.judged.before, p.judged.after) for p in done], Door(wish.who, "approved", None, wish.reason))
    return [states[p.told.subject].told(p.told, p.judged.before.version) for p in asked]


async def _draft(work: Work, plans: Sequence[Planned], wish: Wish) -> str | None:
    """A draft journal of the limits that change, company currency."""
    lines = [
        JournalLine(p.told.subject, None, p.judged.after.credit_limit, None, expiry)
        for p in plans
        if (expiry := p.judged.after.credit_limit_expiry_date) is not None
    ]
    if not lines:
        return None
    description = wish.reason or "Imported"
    return await draft_journal(
        work, wish.company, JournalType.PERMANENT, lines, by=wish.who, description=description, source="import"
    )
