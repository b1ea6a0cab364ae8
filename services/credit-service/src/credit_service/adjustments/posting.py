"""Posts a journal: limits, history, versions and events of all its lines in one transaction, once (spec 1.12)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import asyncpg

from credit_service.adjustments import approval, notices, store
from credit_service.adjustments.eligible import must_be_eligible
from credit_service.adjustments.model import JournalType, Status
from credit_service.adjustments.overlapping import must_not_overlap
from credit_service.adjustments.own_currency import own_rates
from credit_service.adjustments.statements import (
    CLOSE,
    DONE,
    GROUP_LIMITS,
    GROUP_VERSIONS,
    LIMITS,
    REPLACED,
    TEMPORARY,
    UNIDENTIFIED,
)
from credit_service.groups.changing import spread_expiry, tell_groups
from credit_service.groups.store import members, read_groups
from credit_service.parameters.store import read_parameters
from credit_service.profiles.changing import company_of
from credit_service.profiles.model import Profile
from credit_service.profiles.publishing import Door, publish, publish_limits
from credit_service.profiles.store import next_versions
from credit_service.temporary.publishing import publish_change, publish_notices
from credit_service.temporary.store import announce, temporary_of, unannounced_of_journal
from holdfast.contracts.credit_notices import AdjustmentPosted
from holdfast.database.bulk import chunks
from holdfast.database.work import Work
from holdfast.platform.clock import local_date
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.model import Party
from holdfast.web import audit
from holdfast.web.correlation import correlation_id
from holdfast.web.problems import Problem

TOLD_AT_ONCE = 2_000


async def post(work: Work, journal: asyncpg.Record, who: str, *, confirmed: bool) -> int:
    """Post what a locked journal may post; answers how many lines. Raises Problem 409.

    Whether it may is seen under the locks of all that its open lines name.
    """
    number, company = journal["number"], journal["company"]
    rows = await store.open_lines(work, number)
    groups = sorted({row["credit_group"] for row in rows if row["credit_group"]})
    await _lock(work, {(company, row["customer"]) for row in rows if row["customer"]}, groups)
    todo = await _todo(work, journal, rows, who, confirmed=confirmed)
    lines, groups = [row["line"] for row in todo], sorted({row["credit_group"] for row in todo if row["credit_group"]})
    await must_be_eligible(work, number, company)
    await _must_be_identified(work, number, company, lines)
    if JournalType(journal["type"]) is JournalType.PERMANENT:
        await _permanent(work, journal, lines, groups, who)
    else:
        await must_not_overlap(work, number, company, lines)
        await _temporary(work, journal, todo, groups, who)
    await work.conn.execute(DONE, number, lines)
    await work.conn.execute(CLOSE, number, work.business_now, who)
    await audit.record(
        work, who=who, what="adjustment.posted", company=company, subject=number, before=None,
        after={"lines": len(lines)},
    )  # fmt: skip
    await notices.tell(work, AdjustmentPosted, journal, len(lines), who)
    return len(lines)


async def _todo(
    work: Work, journal: asyncpg.Record, rows: Sequence[asyncpg.Record], who: str, *, confirmed: bool
) -> Sequence[asyncpg.Record]:
    """The lines that may be posted now. Raises Problem 409 when there is none."""
    number = journal["number"]
    if journal["posted"]:
        raise Problem(
            409, "journal-posted", "The journal is posted", f"Journal {number} was posted; it is posted once."
        )
    if journal["lines"] == 0:
        raise Problem(409, "journal-empty", "The journal has no lines", "Add lines or generate them first.")
    needed = await approval.needed(work, journal)
    if needed == "line":
        return await _still_as_approved(work, journal, rows, who)
    if needed == "journal":
        await _must_be_approved(work, journal)
    elif not confirmed:
        await approval.must_be_meant(work, journal)
    return rows


async def _must_be_approved(work: Work, journal: asyncpg.Record) -> None:
    if journal["approval_status"] != Status.APPROVED:
        raise Problem(
            409, "not-approved", "The journal is not approved",
            f"Its approval stands at {journal['approval_status']}: submit it, and post it when it is approved.",
        )  # fmt: skip
    if journal["approved_on"] != await store.digest(work, journal["number"], journal["company"]):
        raise lapsed()


def lapsed() -> Problem:
    """What was approved is no longer what it was."""
    return Problem(
        409, "approval-lapsed", "The approval has lapsed",
        "A limit of the journal has changed since it was approved; look at it, and submit it again.",
    )  # fmt: skip


async def _still_as_approved(
    work: Work, journal: asyncpg.Record, rows: Sequence[asyncpg.Record], who: str
) -> Sequence[asyncpg.Record]:
    """Approved lines whose limits are what they were approved on; the others are drafts again. Raises Problem 409."""
    approved = [row for row in rows if row["approval_status"] == Status.APPROVED]
    now = await store.digests(work, journal["number"], journal["company"], [row["line"] for row in approved])
    todo = [row for row in approved if row["approved_on"] == now[row["line"]]]
    if not approved:
        raise Problem(
            409, "not-approved", "The journal is not approved", "None of its open lines is approved: submit it, and "
            "post it when they are.",
        )  # fmt: skip
    if not todo:
        raise lapsed()
    if late := sorted({row["line"] for row in approved} - {row["line"] for row in todo}):
        await approval.lapsed_lines(work, journal, late, who)
    return todo


async def _must_be_identified(work: Work, number: str, company: str, lines: list[int]) -> None:
    """Raises Problem 409 when a line raises the limit of a customer who has no government id but needs one."""
    parameters = (await read_parameters(work, company)).parameters
    if parameters.require_identification == "no":
        return
    least = parameters.identification_limit if parameters.require_identification == "from_limit" else None
    rows = await work.conn.fetch(UNIDENTIFIED, number, company, lines, least or 0)
    if rows:
        named = ", ".join(row["customer"] for row in rows)
        raise Problem(
            409, "identification-missing", "Customers are not identified",
            f"Limits of so much need a government id, and the ERP has told of none for {named}. Let it send "
            "erp.customer.changed.v1 with identification, or take their lines out.",
        )  # fmt: skip


async def _lock(work: Work, parties: set[Party], groups: list[str]) -> None:
    """Groups before customers, each sorted."""
    await work.conn.execute("SELECT FROM credit_group WHERE name = ANY($1::text[]) ORDER BY name FOR UPDATE", groups)
    found = await members(work, groups)
    await lock_accounts(work, parties.union(*found.values()))


async def _permanent(work: Work, journal: asyncpg.Record, lines: list[int], groups: list[str], who: str) -> None:
    number, company = journal["number"], journal["company"]
    master = await company_of(work, company)
    today, currency = local_date(work.business_now, master["time_zone"]), master["currency"]
    rows = await work.conn.fetch(
        LIMITS, number, company, lines, currency, work.business_now, who, today, correlation_id.get(),
        await own_rates(work, number, master),
    )  # fmt: skip
    await work.conn.execute(GROUP_LIMITS, number, lines, work.business_now, who, today, correlation_id.get())
    found = await members(work, groups)
    for name, group in (await read_groups(work, groups)).items():
        if found[name]:
            await next_versions(work, found[name], who)
            await spread_expiry(work, group, found[name], who, f"journal {number}")
    await _tell(work, company, currency, number, rows, who)
    if groups:
        await tell_groups(work, groups, who)


async def _temporary(
    work: Work, journal: asyncpg.Record, todo: Sequence[asyncpg.Record], groups: list[str], who: str
) -> None:
    number, company, lines = journal["number"], journal["company"], [row["line"] for row in todo]
    parties = {(company, row["customer"]) for row in todo if row["customer"]}
    master = await company_of(work, company)
    today, currency = local_date(work.business_now, master["time_zone"]), master["currency"]
    before = await temporary_of(work, parties, today)
    ended = await work.conn.fetch(REPLACED, number, lines)
    await work.conn.execute(TEMPORARY, number, company, lines, work.business_now, who, correlation_id.get())
    turned = [*ended, *await announce(work, await unannounced_of_journal(work, number, today), today)]
    await publish_notices(work, [row for row in turned if row["customer"]], currency, today)
    for some in chunks(sorted(parties), TOLD_AT_ONCE):
        await next_versions(work, some, who)
        await publish(work, some, who, f"journal {number}")
        await publish_change(work, some, before, today, currency, Door(who, "temporary", number))
    if groups:
        await _tell_shared(work, groups, turned, today, who)


async def _tell_shared(work: Work, groups: list[str], turned: Sequence[asyncpg.Record], today: date, who: str) -> None:
    await work.conn.execute(GROUP_VERSIONS, groups)
    for name, group in (await read_groups(work, groups)).items():
        of_group = [row for row in turned if row["credit_group"] == name]
        await publish_notices(work, of_group, group.currency, today)
    await tell_groups(work, groups, who)


async def _tell(work: Work, company: str, currency: str, number: str, rows: Sequence[asyncpg.Record], who: str) -> None:
    for some in chunks(rows, TOLD_AT_ONCE):
        await publish(work, [(company, row["customer"]) for row in some], who, f"journal {number}")
        pairs = [
            (_limit(company, currency, row, "former"), _limit(company, currency, row, "new_limit", "new_to"))
            for row in some
        ]
        await publish_limits(work, pairs, Door(who, "journal", number))


def _limit(company: str, currency: str, row: asyncpg.Record, limit: str, last: str = "former_to") -> Profile:
    return Profile(company, row["customer"], currency, credit_limit=row[limit], credit_limit_expiry_date=row[last])
