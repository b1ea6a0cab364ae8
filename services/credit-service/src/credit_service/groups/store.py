"""The SQL of credit groups."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import astuple
from datetime import date

import asyncpg

from credit_service.groups.model import Group
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

FIELDS = "name, owner_company, description, currency, credit_limit, expiry_date, check_member_overdue, version"


async def lock_group(work: Work, name: str) -> Group | None:
    """One group, locked: before any of its members, by everything that changes the group."""
    row = await work.conn.fetchrow(f"SELECT {FIELDS} FROM credit_group WHERE name = $1 FOR UPDATE", name)
    return Group(*row) if row else None


async def read_group(work: Work, name: str) -> Group | None:
    """One group."""
    row = await work.conn.fetchrow(f"SELECT {FIELDS} FROM credit_group WHERE name = $1", name)
    return Group(*row) if row else None


async def group_of(work: Work, party: Party) -> str | None:
    """The group of a customer."""
    name: str | None = await work.conn.fetchval(
        "SELECT credit_group FROM credit_group_member WHERE customer = $2 AND company = $1", *party
    )
    return name


async def groups_of(work: Work, parties: Collection[Party]) -> dict[Party, str]:
    """The groups of many customers."""
    rows = await work.conn.fetch(
        """SELECT m.* FROM unnest($1::text[], $2::text[]) AS w (company, customer)
           CROSS JOIN LATERAL (
               SELECT company, customer, credit_group FROM credit_group_member
               WHERE customer = w.customer AND company = w.company OFFSET 0) m""",
        *columns(sorted(parties), 2),
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def read_groups(work: Work, names: Collection[str]) -> dict[str, Group]:
    """Many groups."""
    if not names:
        return {}
    rows = await work.conn.fetch(f"SELECT {FIELDS} FROM credit_group WHERE name = ANY($1)", sorted(names))
    return {row["name"]: Group(*row) for row in rows}


async def members(work: Work, names: Collection[str]) -> dict[str, list[Party]]:
    """The members of groups, sorted."""
    if not names:
        return {}
    rows = await work.conn.fetch(
        """SELECT credit_group, company, customer FROM credit_group_member WHERE credit_group = ANY($1)
           ORDER BY credit_group, company, customer""",
        sorted(names),
    )
    found: dict[str, list[Party]] = {name: [] for name in names}
    for group, company, customer in rows:
        found[group].append((company, customer))
    return found


async def page_of_groups(work: Work, companies: list[str] | None, after: str | None, limit: int) -> list[Group]:
    """Groups that a company of the caller owns or has a member in, by name."""
    rows = await work.conn.fetch(
        f"""SELECT {FIELDS} FROM credit_group g
            WHERE ($2::text IS NULL OR name > $2) AND ($1::text[] IS NULL OR owner_company = ANY($1) OR EXISTS (
                SELECT FROM credit_group_member m WHERE m.credit_group = g.name AND m.company = ANY($1)))
            ORDER BY name LIMIT $3""",
        companies,
        after,
        limit,
    )
    return [Group(*row) for row in rows]


async def write_group(work: Work, group: Group) -> bool:
    """Keep a new version; False when somebody else was first."""
    written = await work.conn.fetchval(
        f"""INSERT INTO credit_group AS g ({FIELDS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (name) DO UPDATE SET description = excluded.description, currency = excluded.currency,
                credit_limit = excluded.credit_limit, expiry_date = excluded.expiry_date,
                check_member_overdue = excluded.check_member_overdue, version = excluded.version
            WHERE g.version = excluded.version - 1 AND g.owner_company = excluded.owner_company RETURNING true""",
        *astuple(group),
    )
    return bool(written)


async def add_member(work: Work, name: str, party: Party) -> None:
    """Take a customer into a group. Raises UniqueViolationError when they are in one."""
    await work.conn.execute("INSERT INTO credit_group_member VALUES ($1, $2, $3)", *party, name)


async def remove_member(work: Work, party: Party) -> None:
    """Take a customer out of their group."""
    await work.conn.execute("DELETE FROM credit_group_member WHERE customer = $2 AND company = $1", *party)


async def set_expiry(work: Work, parties: Collection[Party], expiry: date) -> None:
    """The group's expiry is its members' (spec 1.10)."""
    await work.conn.execute(
        """UPDATE credit_profile p SET credit_limit_expiry_date = $3
           FROM unnest($1::text[], $2::text[]) AS w (company, customer)
           WHERE p.customer = w.customer AND p.company = w.company""",
        *columns(sorted(parties), 2),
        expiry,
    )


async def same_number(work: Work, customer: str, companies: list[str] | None) -> list[asyncpg.Record]:
    """Customers with this account number in other companies that are in no group (spec 1.10)."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        """SELECT c.company, c.customer, c.name FROM customer c
           WHERE c.customer = $1 AND ($2::text[] IS NULL OR c.company = ANY($2)) AND NOT EXISTS (
               SELECT FROM credit_group_member m WHERE m.customer = c.customer AND m.company = c.company)
           ORDER BY c.company""",
        customer,
        companies,
    )
    return rows


async def next_group_versions(work: Work, names: Collection[str]) -> None:
    """A new version of each group, which is locked: something that belongs to it has changed."""
    await work.conn.execute("UPDATE credit_group SET version = version + 1 WHERE name = ANY($1)", sorted(names))
