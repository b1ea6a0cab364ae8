"""Announces temporary limits that start and end, as a periodic task (spec 1.9, 2.2, section 4).

A limit applies and ends by its dates alone; this tells the others, and a missed day is made up for.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from credit_service.groups.changing import tell_groups
from credit_service.groups.store import lock_group, next_group_versions, read_groups
from credit_service.paths import business_settings
from credit_service.profiles.publishing import publish
from credit_service.profiles.store import next_versions
from credit_service.tasks.model import Run, Step, Task
from credit_service.temporary import store
from credit_service.temporary.publishing import publish_notices, publish_turns
from holdfast.database.work import Work
from holdfast.receivables.accounts import lock_accounts

NAME = "temporary-limits"
MOST_ROWS = 500
GOING_ON = ""


async def _announce(work: Work, run: Run) -> Step:
    groups = await _of_groups(work, run) if run.customers is None else []
    limits = await _of_customers(work, run)
    told = len(groups) + len(limits)
    more = MOST_ROWS in (len(groups), len(limits))
    return Step(GOING_ON if more else None, told, told)


async def _of_groups(work: Work, run: Run) -> Sequence[asyncpg.Record]:
    """Of groups that the company owns; groups are locked before any customer."""
    found = await store.unannounced_of_groups(work, run.company, run.as_of, MOST_ROWS)
    for name in sorted({row["credit_group"] for row in found}):
        await lock_group(work, name)
    rows = await store.announce(work, [row["id"] for row in found], run.as_of)
    names = sorted({row["credit_group"] for row in rows})
    groups = await read_groups(work, names)
    for name in names:
        of_group = [row for row in rows if row["credit_group"] == name]
        await publish_notices(work, of_group, groups[name].currency, run.as_of)
    if names:
        await next_group_versions(work, names)
        await tell_groups(work, names, NAME)
    return rows


async def _of_customers(work: Work, run: Run) -> Sequence[asyncpg.Record]:
    found = await store.unannounced_of_customers(work, run.company, run.as_of, run.customers, MOST_ROWS)
    await lock_accounts(work, {(run.company, row["customer"]) for row in found})
    rows = await store.announce(work, [row["id"] for row in found], run.as_of)
    currency, _ = await business_settings(work, run.company)
    await publish_notices(work, rows, currency, run.as_of)
    parties = {(run.company, row["customer"]) for row in rows}
    if parties:
        await next_versions(work, parties, NAME)
        await publish(work, parties, NAME, "a temporary limit has started or ended")
        await publish_turns(work, rows, currency, NAME)
    return rows


TEMPORARY_LIMITS = Task(NAME, "announces temporary limits that have started or ended, each once", _announce)
