"""The SQL of credit profiles."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from credit_service.profiles.model import Profile
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

READ = """
SELECT company, customer, currency, version, credit_limit, credit_limit_date, credit_limit_expiry_date,
       mandatory_credit_limit, unlimited_credit, exclude_from_credit_management
FROM credit_profile p
"""


async def read_profile(work: Work, party: Party) -> Profile | None:
    """The profile of a customer, if it was ever set."""
    row = await work.conn.fetchrow(f"{READ} WHERE company = $1 AND customer = $2", *party)
    return None if row is None else Profile(**dict(row))


async def read_profiles(work: Work, parties: Collection[Party]) -> dict[Party, Profile]:
    """The profiles of many customers; those never set are absent."""
    rows = await work.conn.fetch(
        f"{READ} JOIN unnest($1::text[], $2::text[]) AS w (company, customer) USING (company, customer)",
        *columns(sorted(parties), 2),
    )
    return {(row["company"], row["customer"]): Profile(**dict(row)) for row in rows}


async def page_of_profiles(
    work: Work, companies: list[str] | None, company: str | None, after: tuple[str, str] | None, limit: int
) -> list[Profile]:
    """Profiles by company and customer; `companies` None stands for all."""
    rows = await work.conn.fetch(
        f"""{READ} WHERE ($1::text[] IS NULL OR company = ANY($1)) AND ($2::text IS NULL OR company = $2)
            AND ($3::text IS NULL OR (company, customer) > ($3, $4::text)) ORDER BY company, customer LIMIT $5""",
        companies,
        company,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )
    return [Profile(**dict(row)) for row in rows]


async def write_profile(work: Work, p: Profile, by: str) -> None:
    """Keep a new version; the customer is locked."""
    await work.conn.execute(
        """INSERT INTO credit_profile (company, customer, version, currency, credit_limit, credit_limit_date,
               credit_limit_expiry_date, mandatory_credit_limit, unlimited_credit, exclude_from_credit_management,
               changed_at, changed_by)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
           ON CONFLICT (company, customer) DO UPDATE
           SET version = excluded.version, currency = excluded.currency, credit_limit = excluded.credit_limit,
               credit_limit_date = excluded.credit_limit_date,
               credit_limit_expiry_date = excluded.credit_limit_expiry_date,
               mandatory_credit_limit = excluded.mandatory_credit_limit,
               unlimited_credit = excluded.unlimited_credit,
               exclude_from_credit_management = excluded.exclude_from_credit_management,
               changed_at = excluded.changed_at, changed_by = excluded.changed_by""",
        p.company, p.customer, p.version, p.currency, p.credit_limit, p.credit_limit_date,
        p.credit_limit_expiry_date, p.mandatory_credit_limit, p.unlimited_credit,
        p.exclude_from_credit_management, work.business_now, by,
    )  # fmt: skip


async def read_company(work: Work, company: str) -> asyncpg.Record | None:
    """Currency and time zone of a company whose master data has come."""
    return await work.conn.fetchrow(
        "SELECT currency, time_zone FROM company WHERE company = $1 AND currency IS NOT NULL", company
    )
