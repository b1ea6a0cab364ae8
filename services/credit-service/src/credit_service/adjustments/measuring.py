"""What the lines of a journal do to what customers may owe (spec 1.12, 1.17): whether they raise, and what results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import asyncpg

from credit_service.adjustments.model import JournalType
from credit_service.groups import asking
from credit_service.groups.model import Group
from credit_service.groups.store import read_groups
from credit_service.room.model import Standing, opens_group_room, raises, resulting_limit
from credit_service.room.reading import in_company_currency, must_be_measurable, read_standings
from holdfast.database.bulk import chunks
from holdfast.database.work import Work
from holdfast.receivables.limits import Temporary

AT_ONCE = 2_000
LINES = """
SELECT line, customer, credit_group, new_limit, new_from, new_to, replaces FROM adjustment_line
WHERE journal = $1 AND NOT posted AND ($2::bigint IS NULL OR line = $2) AND (NOT $3 OR credit_group IS NOT NULL)
ORDER BY line
"""
TO_ZERO = """
SELECT line, l.customer, l.credit_group, new_limit, new_from, new_to, replaces
FROM adjustment_line l JOIN credit_group_member m ON m.customer = l.customer AND m.company = $2
WHERE journal = $1 AND NOT posted AND new_limit = 0 ORDER BY line
"""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a line does. `amount`: the resulting limit in the currency of the journal's company; `others`: of other
    companies that have to approve, whose customers share a group's limit, in their currency."""

    line: int
    raises: bool
    amount: Decimal
    opens_group_room: bool = False
    others: Mapping[str, Decimal] = field(default_factory=dict)


async def effects(work: Work, journal: asyncpg.Record, line: int | None = None) -> list[Effect]:
    """Of all open lines, or of one. Raises Problem 422 when a rate lacks."""
    return await _effects(work, journal, await work.conn.fetch(LINES, journal["number"], line, False))


async def effects_on_groups(work: Work, journal: asyncpg.Record) -> list[Effect]:
    """Of the open lines of credit groups."""
    return await _effects(work, journal, await work.conn.fetch(LINES, journal["number"], None, True))


async def opening_group_room(work: Work, journal: asyncpg.Record) -> list[str]:
    """Customers of whose own limit open lines leave nothing, so that only their group's is tested (spec 1.17)."""
    rows = await work.conn.fetch(TO_ZERO, journal["number"], journal["company"])
    standings = await read_standings(work, {(journal["company"], row["customer"]) for row in rows})
    kind = JournalType(journal["type"])
    pairs = [(standings[journal["company"], row["customer"]], row) for row in rows]
    return sorted(row["customer"] for before, row in pairs if opens_group_room(before, after_line(before, row, kind)))


async def _effects(work: Work, journal: asyncpg.Record, rows: Sequence[asyncpg.Record]) -> list[Effect]:
    company, kind = journal["company"], JournalType(journal["type"])
    found = []
    for some in chunks([row for row in rows if row["customer"]], AT_ONCE):
        standings = await read_standings(work, {(company, row["customer"]) for row in some})
        found += [_of_customer(row, standings[company, row["customer"]], kind) for row in some]
    shared = [row for row in rows if row["credit_group"]]
    groups = await read_groups(work, {row["credit_group"] for row in shared})
    return found + [await _of_group(work, company, groups[row["credit_group"]], row, kind) for row in shared]


def _of_customer(row: Any, before: Standing, kind: JournalType) -> Effect:
    must_be_measurable(before)
    after = after_line(before, row, kind)
    return Effect(
        row["line"], raises(before, after), resulting_limit(before, after), opens_group_room(before, after)
    )  # fmt: skip


def after_line(before: Standing, row: Any, kind: JournalType) -> Standing:
    """What a customer may owe when a line is posted."""
    if kind is JournalType.PERMANENT:
        profile = replace(before.profile, credit_limit=row["new_limit"], credit_limit_expiry_date=row["new_to"])
        return replace(before, profile=profile)
    kept = [limit for limit in before.temporary if limit.id != str(row["replaces"])]
    made = Temporary("", row["new_limit"], row["new_from"], row["new_to"])
    return replace(before, temporary=sorted([*kept, made], key=lambda limit: limit.from_date))


async def _of_group(work: Work, company: str, group: Group, row: Any, kind: JournalType) -> Effect:
    if kind is JournalType.PERMANENT:
        wanted = replace(group, credit_limit=row["new_limit"], expiry_date=row["new_to"])
        found = await asking.effects(work, group, asking.to_set(wanted))
    else:
        limit = Temporary("", row["new_limit"], row["new_from"], row["new_to"])
        found = await asking.effects(work, group, asking.to_set(group), (str(row["replaces"]), limit))
    amount = await in_company_currency(work, company, row["new_limit"], group.currency)
    own = found.pop(company, None)
    return Effect(row["line"], own is not None, max(amount, own or amount), others=found)


def companies(found: Sequence[Effect]) -> set[str]:
    """Other companies that have to approve."""
    return {company for effect in found for company in effect.others}
