"""Posts a journal: limits, history, versions and events of all its lines in one transaction, once (spec 1.12)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import asyncpg

from credit_service.adjustments import approval, notices, store
from credit_service.adjustments.eligible import must_be_eligible
from credit_service.adjustments.model import JournalType, Status
from credit_service.adjustments.overlapping import must_not_overlap
from credit_service.groups.changing import spread_expiry, tell_groups
from credit_service.groups.store import members, read_groups
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
from holdfast.web.problems import Problem

TOLD_AT_ONCE = 2_000

LIMITS = """
WITH todo AS MATERIALIZED (
    SELECT l.customer, l.new_limit, l.new_to, p.credit_limit AS former, p.credit_limit_expiry_date AS former_to
    FROM adjustment_line l LEFT JOIN credit_profile p ON p.customer = l.customer AND p.company = $2
    WHERE l.journal = $1 AND l.line = ANY($3::bigint[]) AND l.customer IS NOT NULL
), noted AS (
    INSERT INTO credit_limit_history (at, company, customer, source, who, why, old_limit, new_limit, valid_from,
                                      valid_to)
    SELECT $5, $2, customer, 'journal', $6, $1, former, new_limit, $7, new_to FROM todo
), kept AS (
    INSERT INTO credit_profile AS p (company, customer, currency, version, credit_limit, credit_limit_date,
                                     credit_limit_expiry_date, changed_at, changed_by)
    SELECT $2, customer, $4, 1, new_limit, $7, new_to, $5, $6 FROM todo
    ON CONFLICT (customer, company) DO UPDATE
    SET version = p.version + 1, credit_limit = excluded.credit_limit, credit_limit_date = excluded.credit_limit_date,
        credit_limit_expiry_date = excluded.credit_limit_expiry_date, customer_currency = NULL,
        credit_limit_customer_currency = NULL, changed_at = excluded.changed_at, changed_by = excluded.changed_by
)
SELECT customer, coalesce(former, 0) AS former, former_to, new_limit, new_to FROM todo ORDER BY customer
"""
"""A limit entered in the customer's currency is replaced by the posted one, which is in the company's."""

GROUP_LIMITS = """
UPDATE credit_group g SET credit_limit = l.new_limit, expiry_date = l.new_to, version = g.version + 1
FROM adjustment_line l
WHERE l.journal = $1 AND l.line = ANY($2::bigint[]) AND l.credit_group = g.name
"""
REPLACE = """
DELETE FROM temporary_limit t USING adjustment_line l
WHERE l.journal = $1 AND l.line = ANY($2::bigint[]) AND t.id = l.replaces
"""
"""Before what replaces them is there: temporary limits of an owner never overlap."""
TEMPORARY = """
WITH todo AS MATERIALIZED (
    SELECT * FROM adjustment_line l WHERE l.journal = $1 AND l.line = ANY($3::bigint[])
), noted AS (
    INSERT INTO credit_limit_history (at, company, customer, source, who, why, old_limit, new_limit, valid_from,
                                      valid_to)
    SELECT $4, $2, customer, 'temporary', $5, $1, current_limit, new_limit, new_from, new_to
    FROM todo WHERE customer IS NOT NULL
)
INSERT INTO temporary_limit (id, company, customer, credit_group, amount, from_date, to_date, journal)
SELECT gen_random_uuid(), CASE WHEN customer IS NOT NULL THEN $2 END, customer, credit_group, new_limit, new_from,
       new_to, $1
FROM todo
"""
REPLACED = """
SELECT t.id, t.company, t.customer, t.credit_group, t.amount, t.from_date, t.to_date, t.announced AS former,
       'ended' AS announced
FROM adjustment_line l JOIN temporary_limit t ON t.id = l.replaces
WHERE l.journal = $1 AND l.line = ANY($2::bigint[]) AND t.announced = 'started' ORDER BY t.from_date, t.id
"""
"""Those that the world was told of: they end early."""
GROUP_VERSIONS = "UPDATE credit_group SET version = version + 1 WHERE name = ANY($1::text[])"
DONE = "UPDATE adjustment_line SET posted = true WHERE journal = $1 AND line = ANY($2::bigint[])"
CLOSE = """
UPDATE adjustment_journal j SET version = version + 1, posted_at = $2, posted_by = $3,
       posted = NOT EXISTS (SELECT FROM adjustment_line l WHERE l.journal = j.number AND NOT l.posted)
WHERE number = $1
"""


async def post(work: Work, journal: asyncpg.Record, who: str, *, confirmed: bool) -> int:
    """Post what a locked journal may post; answers how many lines. Raises Problem 409.

    Whether it may is seen under the locks of all that its open lines name.
    """
    number, company = journal["number"], journal["company"]
    rows = await store.open_lines(work, number)
    groups = sorted({row["credit_group"] for row in rows if row["credit_group"]})
    await _lock(work, {(company, row["customer"]) for row in rows if row["customer"]}, groups)
    todo = await _todo(work, journal, rows, who, confirmed=confirmed)
    await must_be_eligible(work, number, company)
    lines, groups = [row["line"] for row in todo], sorted({row["credit_group"] for row in todo if row["credit_group"]})
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


async def _lock(work: Work, parties: set[Party], groups: list[str]) -> None:
    """Groups before customers, each sorted."""
    await work.conn.execute("SELECT FROM credit_group WHERE name = ANY($1::text[]) ORDER BY name FOR UPDATE", groups)
    found = await members(work, groups)
    await lock_accounts(work, parties.union(*found.values()))


async def _permanent(work: Work, journal: asyncpg.Record, lines: list[int], groups: list[str], who: str) -> None:
    number, company = journal["number"], journal["company"]
    master = await company_of(work, company)
    today, currency = local_date(work.business_now, master["time_zone"]), master["currency"]
    rows = await work.conn.fetch(LIMITS, number, company, lines, currency, work.business_now, who, today)
    await work.conn.execute(GROUP_LIMITS, number, lines)
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
    await work.conn.execute(REPLACE, number, lines)
    await work.conn.execute(TEMPORARY, number, company, lines, work.business_now, who)
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
