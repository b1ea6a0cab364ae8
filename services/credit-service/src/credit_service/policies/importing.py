"""Imports policies: reads, judges and writes a thousand lines at a time, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from credit_service import raising
from credit_service.masterdata.store import read_entries
from credit_service.policies import store
from credit_service.policies.bodies import references
from credit_service.policies.changing import Wanted, basis_of, make, proposal_of, standing_after, subject_of
from credit_service.policies.table import Around, Draft, Planned, drafted, key_of, number_of, planned
from credit_service.profiles.changing import company_of
from credit_service.room.model import Standing
from credit_service.room.reading import read_standings, with_rates
from credit_service.tables.model import Fault, Line, Outcome, Read, Told, refusal, twice
from credit_service.tables.reporting import Wish, report
from credit_service.tables.taking import AT_ONCE, customers_known
from holdfast.approvals.many import Request
from holdfast.approvals.store import open_subjects
from holdfast.database.bulk import chunks
from holdfast.database.work import Work


async def import_policies(work: Work, found: Read, wish: Wish) -> dict[str, Any]:
    """The report of an import. Raises Problem 422 while the company is not known."""
    await company_of(work, wish.company)
    asks = await raising.must_ask(work, wish.company)
    told = [Told(number, "", Outcome.REFUSED, fault=fault) for number, fault in found.refused]
    lines, numbers = _numbered(await customers_known(work, found.lines, wish, told), told)
    plans: list[Planned] = []
    added: dict[UUID, int] = {}
    standings: dict[str, Standing] = {}
    for some in chunks(lines, AT_ONCE):
        for result in await _judge(work, some, numbers, added, standings, wish, asks=asks):
            if isinstance(result, Planned):
                plans.append(result)
            else:
                told.append(result)
    told += [plan.told for plan in plans]
    if not wish.takes(told):
        return report(wish, told)
    changed = {t.line: t for some in chunks(plans, AT_ONCE) for t in await _write(work, some, wish)}
    return report(wish, [changed.get(t.line, t) for t in told])


def _numbered(lines: Sequence[Line], told: list[Told]) -> tuple[list[Line], dict[int, UUID]]:
    """Lines that name no policy or one, each once; `told` gets the others. The policies by the number of the line."""
    faults = {
        line.number: Fault("id", line.cells["id"], f"is on line {first} already", "Leave one of them out.")
        for line, first in twice(lines, "id")
    }  # fmt: skip
    numbers = {}
    for line in lines:
        number = number_of(line)
        if isinstance(number, Fault):
            faults[line.number] = number
        elif number is not None:
            numbers[line.number] = number
    told += [refusal(line, line.cells["customer"], faults[line.number]) for line in lines if line.number in faults]
    return [line for line in lines if line.number not in faults], numbers


async def _judge(
    work: Work, lines: Sequence[Line], numbers: dict[int, UUID], added: dict[UUID, int],
    standings: dict[str, Standing], wish: Wish, *, asks: bool,
) -> list[Planned | Told]:  # fmt: skip
    named = {numbers[line.number] for line in lines if line.number in numbers}
    there = await store.policies_by_number(work, wish.company, named)
    found = [drafted(line, there.get(numbers[n]) if (n := line.number) in numbers else None, wish) for line in lines]
    drafts = [draft for draft in found if isinstance(draft, Draft)]
    new = [draft for draft in drafts if draft.before is None]
    alike = await store.policies_of_customers(work, wish.company, {draft.body.customer for draft in new})
    subjects = {subject_of(draft.number): draft.number for draft in drafts}
    waiting = await open_subjects(work, wish.company, raising.NAME, list(subjects)) if asks else set()
    await _read_along(work, drafts, standings, wish)
    around = Around(
        await read_entries(work, wish.company, {name for draft in drafts for name in references(draft.body)}),
        {key_of(row): row for row in alike},
        await store.policies_by_number(work, wish.company, {draft.number for draft in new}),
        {subjects[subject] for subject in waiting}, asks, added, standings,
    )  # fmt: skip
    return [planned(draft, around) if isinstance(draft, Draft) else draft for draft in found]


async def _read_along(work: Work, drafts: Sequence[Draft], standings: dict[str, Standing], wish: Wish) -> None:
    """Add to `standings` what is not there of the customers of these lines, with the rates that the lines need."""
    new = {(wish.company, d.body.customer) for d in drafts if d.body.customer not in standings}
    standings |= {customer: found for (_, customer), found in (await read_standings(work, new)).items()}
    wanted = {(wish.company, d.body.customer): standings[d.body.customer] for d in drafts}
    for draft in drafts:
        party, shall_be = (wish.company, draft.body.customer), Wanted(draft.number, draft.before, draft.body.fields())
        wanted[party] = standing_after(wanted[party], draft.number, shall_be)
    for (_, customer), found in (await with_rates(work, wanted)).items():
        standings[customer] = replace(standings[customer], position=found.position)


async def _write(work: Work, plans: Sequence[Planned], wish: Wish) -> list[Told]:
    """Make the changes that take effect at once, and ask for those that wait."""
    now = [p.wanted for p in plans if p.told.outcome is not Outcome.WAITS]
    asked = [p for p in plans if p.told.outcome is Outcome.WAITS]
    if now:
        await make(work, now, wish.who, wish.reason)
    there = await read_standings(work, {(wish.company, p.told.subject) for p in asked})
    requests = [
        Request(
            subject_of(p.wanted.number), p.amount, proposal_of(p.wanted),
            basis_of(there[wish.company, p.told.subject], p.wanted.before),
        ) for p in asked
    ]  # fmt: skip
    states = await raising.ask_many(work, "policy", wish.company, wish.who, requests, wish.reason)
    done = [p.wanted for p in asked if states[subject_of(p.wanted.number)].completed]
    if done:
        await make(work, done, wish.who, wish.reason)
    versions = {p.wanted.number: p.wanted.before["version"] if p.wanted.before else 0 for p in asked}
    return [states[subject_of(p.wanted.number)].told(p.told, versions[p.wanted.number]) for p in asked]
