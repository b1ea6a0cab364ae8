"""The SQL of credit profiles."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import asyncpg

from credit_service.profiles.model import COLUMNS, Profile
from holdfast.database.bulk import columns, columns_of
from holdfast.database.work import Work
from holdfast.receivables.model import Party

READ = f"SELECT {', '.join(f'p.{name}' for name in COLUMNS)} FROM credit_profile p"
TYPES = {"version": "bigint", "mandatory_credit_limit": "boolean", "unlimited_credit": "boolean",
         "exclude_from_credit_management": "boolean", "with_agency": "boolean", "title_held": "boolean",
         "credit_limit": "numeric", "credit_limit_customer_currency": "numeric", "eligible_credit_limit": "numeric",
         **{name: "date" for name in COLUMNS if name.endswith("_date")}}  # fmt: skip
WRITE = (
    f"INSERT INTO credit_profile ({', '.join(COLUMNS)}, changed_at, changed_by) SELECT g.*, $1, $2 FROM unnest("
    + ", ".join(f"${n}::{TYPES.get(name, 'text')}[]" for n, name in enumerate(COLUMNS, 3))
    + ") AS g ON CONFLICT (customer, company) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in (*COLUMNS[2:], "changed_at", "changed_by"))
)


async def read_profile(work: Work, party: Party) -> Profile | None:
    """The profile of a customer, if it was ever set."""
    row = await work.conn.fetchrow(f"{READ} WHERE company = $1 AND customer = $2", *party)
    return None if row is None else Profile(**dict(row))


async def read_profiles(work: Work, parties: Collection[Party]) -> dict[Party, Profile]:
    """The profiles of many customers; those never set are absent."""
    rows = await work.conn.fetch(
        f"""SELECT p.* FROM unnest($1::text[], $2::text[]) AS w (company, customer)
            CROSS JOIN LATERAL ({READ} WHERE p.customer = w.customer AND p.company = w.company OFFSET 0) p""",
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


async def write_profiles(work: Work, profiles: Collection[Profile], by: str) -> None:
    """Keep new versions; the customers are locked."""
    await work.conn.execute(WRITE, work.business_now, by, *columns_of(profiles, *COLUMNS))


async def known_customers(work: Work, company: str, customers: Collection[str]) -> set[str]:
    """Those of many customers of a company that were ever heard of."""
    rows = await work.conn.fetch(
        """SELECT a.customer FROM unnest($2::text[]) AS w (customer)
           JOIN account a ON a.company = $1 AND a.customer = w.customer""",
        company,
        sorted(customers),
    )
    return {row["customer"] for row in rows}


async def identified(work: Work, parties: Collection[Party]) -> set[Party]:
    """Those of many customers whose government id the ERP has told."""
    rows = await work.conn.fetch(
        """SELECT w.company, w.customer FROM unnest($1::text[], $2::text[]) AS w (company, customer)
           JOIN customer c ON c.customer = w.customer AND c.company = w.company
           WHERE coalesce(trim(c.details ->> 'identification'), '') <> ''""",
        *columns(sorted(parties), 2),
    )
    return {(row["company"], row["customer"]) for row in rows}


async def next_versions(work: Work, parties: Collection[Party], by: str) -> None:
    """A new version of each profile, made where there was none: something that belongs to it has changed.

    The customers are locked and their companies known.
    """
    await work.conn.execute(
        """INSERT INTO credit_profile AS p (company, customer, currency, version, changed_at, changed_by)
           SELECT w.company, w.customer, c.currency, 1, $3, $4
           FROM unnest($1::text[], $2::text[]) AS w (company, customer)
           JOIN company c ON c.company = w.company
           ORDER BY w.company, w.customer
           ON CONFLICT (customer, company) DO UPDATE
           SET version = p.version + 1, changed_at = excluded.changed_at, changed_by = excluded.changed_by""",
        *columns(sorted(parties), 2),
        work.business_now,
        by,
    )


async def read_company(work: Work, company: str) -> asyncpg.Record | None:
    """Currency, time zone and rate type of a company whose master data has come."""
    return await work.conn.fetchrow(
        "SELECT currency, time_zone, exchange_rate_type FROM company WHERE company = $1 AND currency IS NOT NULL",
        company,
    )


async def read_companies(work: Work, companies: Collection[str]) -> dict[str, asyncpg.Record]:
    """The same of many companies."""
    rows = await work.conn.fetch(
        """SELECT company, currency, time_zone, exchange_rate_type FROM company
           WHERE company = ANY($1) AND currency IS NOT NULL""",
        sorted(companies),
    )
    return {row["company"]: row for row in rows}


async def time_zones(work: Work, companies: Collection[str]) -> dict[str, str]:
    """The time zones of companies whose master data has come."""
    rows = await work.conn.fetch(
        "SELECT company, time_zone FROM company WHERE company = ANY($1) AND time_zone IS NOT NULL", sorted(companies)
    )
    return {row["company"]: row["time_zone"] for row in rows}


async def page_of_due(
    work: Work, companies: list[str] | None, company: str | None, column: str, since: date | None, until: date,
    after: tuple[date, str, str] | None, limit: int,
) -> list[asyncpg.Record]:  # fmt: skip
    """Customers whose date in `column` (expiry or review) is not after `until`, the earliest first."""
    day, *key = after or (None, None, None)
    rows: list[asyncpg.Record] = await work.conn.fetch(
        f"""SELECT company, customer, {column} AS due, currency, credit_limit, unlimited_credit, last_review_date
            FROM credit_profile
            WHERE {column} <= $1 AND ($2::date IS NULL OR {column} >= $2)
              AND ($3::text[] IS NULL OR company = ANY($3)) AND ($4::text IS NULL OR company = $4)
              AND ($5::date IS NULL OR ({column}, company, customer) > ($5, $6::text, $7::text))
            ORDER BY {column}, company, customer LIMIT $8""",
        until, since, companies, company, day, *key, limit,
    )  # fmt: skip
    return rows
