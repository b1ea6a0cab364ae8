"""The SQL of credit groups: our copy, and the lock that serialises decisions about their shared limits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

OF_PARTIES = """
SELECT p.company, p.customer, m.group_id FROM unnest($1::text[], $2::text[]) AS p (company, customer)
CROSS JOIN LATERAL (
    SELECT m.group_id FROM credit_group_member m
    WHERE m.customer = p.customer AND m.company = p.company OFFSET 0) m
"""
MEMBERS = """
SELECT m.company, m.customer FROM unnest($1::text[]) AS w (group_id)
CROSS JOIN LATERAL (
    SELECT m.company, m.customer FROM credit_group_member m WHERE m.group_id = w.group_id OFFSET 0) m
"""
LOCK_FREE_ACCOUNTS = """
SELECT a.company, a.customer,
    ARRAY(SELECT m.group_id FROM credit_group_member m
          WHERE m.customer = a.customer AND m.company = a.company) AS groups
FROM unnest($1::text[], $2::text[]) AS p (company, customer)
CROSS JOIN LATERAL (
    SELECT a.company, a.customer FROM account a
    WHERE a.company = p.company AND a.customer = p.customer FOR UPDATE SKIP LOCKED) a
"""
LOCK = """
WITH g AS MATERIALIZED (
    SELECT g.group_id, g.stamp FROM unnest($1::text[]) AS w (group_id)
    CROSS JOIN LATERAL (
        SELECT g.group_id, g.stamp FROM credit_group g WHERE g.group_id = w.group_id FOR UPDATE {wait}) g
), stamped AS (
    UPDATE credit_group c SET stamp = gen_random_uuid() WHERE c.group_id = ANY (ARRAY(SELECT group_id FROM g))
    RETURNING c.group_id, c.stamp
)
SELECT s.group_id, g.stamp::text AS former, s.stamp::text AS stamp FROM stamped s JOIN g USING (group_id)
"""
"""One group after another, in the order of the array: the caller sorts them."""
LOCK_ALL, LOCK_FREE = LOCK.format(wait=""), LOCK.format(wait="SKIP LOCKED")


async def groups_of(work: Work, parties: Collection[Party]) -> dict[Party, set[str]]:
    """The groups of those customers that are members of some."""
    found: dict[Party, set[str]] = {}
    for row in await work.conn.fetch(OF_PARTIES, *columns(sorted(parties), 2)):
        found.setdefault((row["company"], row["customer"]), set()).add(row["group_id"])
    return found


async def lock_free_accounts(work: Work, parties: Collection[Party]) -> dict[Party, set[str]]:
    """Lock the accounts that exist and are free; answers them with their groups."""
    rows = await work.conn.fetch(LOCK_FREE_ACCOUNTS, *columns(sorted(parties), 2))
    return {(row["company"], row["customer"]): set(row["groups"]) for row in rows}


async def members_of(work: Work, groups: Collection[str]) -> set[Party]:
    """All members of groups."""
    return {(row["company"], row["customer"]) for row in await work.conn.fetch(MEMBERS, sorted(groups))}


@dataclass(frozen=True, slots=True)
class Turn:
    """The hold of a transaction on a group: the stamp that it found, until it changes something, and the one that it
    leaves."""

    former: str | None
    stamp: str


async def lock_rows(work: Work, groups: Collection[str], *, wait: bool) -> dict[str, Turn]:
    """Lock groups in sorted order; without `wait` those that are free. Answers those it got."""
    rows = await work.conn.fetch(LOCK_ALL if wait else LOCK_FREE, sorted(groups))
    return {row["group_id"]: Turn(row["former"], row["stamp"]) for row in rows}


async def newer(work: Work, versions: Sequence[tuple[str, int]]) -> set[str]:
    """Which of (group, version) are news."""
    rows = await work.conn.fetch(
        """SELECT w.group_id FROM unnest($1::text[], $2::bigint[]) AS w (group_id, version)
           WHERE coalesce((SELECT g.version FROM credit_group g WHERE g.group_id = w.group_id), 0) < w.version""",
        *columns(versions, 2),
    )
    return {row["group_id"] for row in rows}


async def write_groups(
    work: Work, groups: Sequence[tuple[Any, ...]], members: Sequence[tuple[str, str, str]]
) -> dict[str, Turn]:
    """Replace groups with their members, whose accounts are locked; whoever writes a group holds it."""
    rows = await work.conn.fetch(
        """INSERT INTO credit_group (group_id, version, currency, credit_limit, expiry_date, check_member_overdue,
                                     temporary_limits, deleted, changed_at)
           SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::numeric[], $5::date[], $6::boolean[],
                                $7::text[]::jsonb[], $8::boolean[], $9::timestamptz[])
           ON CONFLICT (group_id) DO UPDATE
           SET version = excluded.version, currency = excluded.currency, credit_limit = excluded.credit_limit,
               expiry_date = excluded.expiry_date, check_member_overdue = excluded.check_member_overdue,
               temporary_limits = excluded.temporary_limits, deleted = excluded.deleted,
               changed_at = excluded.changed_at, stamp = gen_random_uuid()
           RETURNING group_id, stamp::text AS stamp""",
        *columns(groups),
    )
    await work.conn.execute("DELETE FROM credit_group_member WHERE group_id = ANY($1)", [g[0] for g in groups])
    await work.conn.execute(
        """INSERT INTO credit_group_member (company, customer, group_id)
           SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING""",
        *columns(members, 3),
    )
    return {row["group_id"]: Turn(None, row["stamp"]) for row in rows}
