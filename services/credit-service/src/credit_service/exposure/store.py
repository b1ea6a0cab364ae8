"""What the views of exposure read beyond the receivables kernel."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any

from credit_service.exposure.aging import AGE
from credit_service.exposure.model import MOST_NAMED, Concentration, Largest
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.platform.clock import earliest_date
from holdfast.receivables.model import Party

SETTING = """
SELECT md5(concat_ws('#', $2::date,
    (SELECT string_agg(concat_ws('|', company, currency, time_zone, exchange_rate_type,
                                 ($1::timestamptz AT TIME ZONE coalesce(time_zone, 'UTC'))::date), ';' ORDER BY company)
     FROM company),
    (SELECT string_agg(concat_ws('|', company, version, fields), ';' ORDER BY company) FROM credit_parameters),
    (SELECT stamp FROM rate_stamp)))
"""
"""Everything that the figures of all customers depend on: business dates, companies, parameters and rates."""

STANDING = """
WITH shared AS MATERIALIZED (
    SELECT g.name, concat_ws(':', g.version, count(*), sum(a.figures + coalesce(p.version, 0)), g.name) AS state
    FROM credit_group g JOIN credit_group_member m ON m.credit_group = g.name
    LEFT JOIN account a ON a.customer = m.customer AND a.company = m.company
    LEFT JOIN credit_profile p ON p.customer = m.customer AND p.company = m.company
    GROUP BY g.name, g.version
), standing AS MATERIALIZED (
    SELECT a.company, a.customer, a.figures, coalesce(p.version, 0) AS profile_version,
           coalesce(s.state, '') AS credit_group, k.listed, k.class, k.used, k.exposure,
           k.uninsured, k.owed, k.uncovered,
           (k.setting = $1 AND k.figures = a.figures AND k.profile_version = coalesce(p.version, 0)
            AND k.credit_group = coalesce(s.state, '')) IS TRUE AS fresh
    FROM account a
    LEFT JOIN credit_profile p ON p.customer = a.customer AND p.company = a.company
    LEFT JOIN credit_group_member m ON m.customer = a.customer AND m.company = a.company
    LEFT JOIN shared s ON s.name = m.credit_group
    LEFT JOIN exposure_standing k ON k.customer = a.customer AND k.company = a.company
    WHERE ($2::text[] IS NULL OR a.company = ANY($2)) AND ($3::text IS NULL OR a.company = $3)
)
"""
"""All customers of some companies with their standing; `fresh`: whether it was computed from what is there now."""

STANDINGS = (
    STANDING
    + """
SELECT false AS fresh, company, customer, figures, profile_version, credit_group, 0 AS class, 0 AS value
FROM standing WHERE NOT fresh
UNION ALL (
    SELECT true, company, customer, figures, profile_version, credit_group, class, value
    FROM (SELECT company, customer, figures, profile_version, credit_group, @value@ AS value,
                 CASE WHEN $9 OR class = 0 THEN class ELSE 2 END AS class
          FROM standing
          WHERE fresh AND listed AND ($4::numeric IS NULL OR class < 2 OR (class = 2 AND -used >= $4))) f
    WHERE $5::integer IS NULL
       OR (class, value, company COLLATE "C", customer COLLATE "C") > ($5, $6::numeric, $7::text, $8::text)
    ORDER BY class, value, company COLLATE "C", customer COLLATE "C" LIMIT $10)
"""
)
"""Customers whose standing is not known, all of them, and a page of the others in their order. By amounts there are two
classes only: figures that lack a rate, and those that do not."""

CONCENTRATION = (
    STANDING
    + """
, everybody AS MATERIALIZED (
    SELECT customer, owed, uncovered FROM standing WHERE fresh AND listed
    UNION ALL
    SELECT * FROM unnest($4::text[], $5::numeric[], $6::numeric[])
), owing AS MATERIALIZED (
    SELECT customer, owed, uncovered, row_number() OVER inorder AS place, sum(owed) OVER inorder AS above
    FROM everybody WHERE owed > 0 WINDOW inorder AS (ORDER BY owed DESC, customer COLLATE "C")
), whole AS (
    SELECT count(*) AS customers, coalesce(sum(owed), 0) AS owed, coalesce(sum(uncovered), 0) AS uncovered FROM owing
)
SELECT w.customers, w.owed, w.uncovered, (SELECT count(*) FROM everybody WHERE owed IS NULL) AS incomplete,
       ARRAY(SELECT customer FROM everybody WHERE owed IS NULL ORDER BY customer COLLATE "C" LIMIT $8) AS named,
       (SELECT coalesce(json_agg(json_build_array(
                   o.customer, o.owed::text, o.uncovered::text, round(100 * o.owed / w.owed, 2)::text,
                   round(100 * o.above / w.owed, 2)::text) ORDER BY o.place), '[]')
        FROM owing o WHERE o.place <= $7) AS largest
FROM whole w
"""
)
"""Totals and the largest, of the standings that are fresh and of those that were computed beside them."""

KEEP = """
INSERT INTO exposure_standing (setting, company, customer, figures, profile_version, credit_group, listed, class, used,
                               exposure, uninsured, owed, uncovered)
SELECT $1, s.* FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::boolean[],
                           $8::smallint[], $9::numeric[], $10::numeric[], $11::numeric[], $12::numeric[],
                           $13::numeric[]) AS s
ON CONFLICT (customer, company) DO UPDATE
SET setting = excluded.setting, figures = excluded.figures, profile_version = excluded.profile_version,
    credit_group = excluded.credit_group, listed = excluded.listed, class = excluded.class, used = excluded.used,
    exposure = excluded.exposure, uninsured = excluded.uninsured, owed = excluded.owed, uncovered = excluded.uncovered
"""
MARK = """
UPDATE account a SET figures = a.figures + 1 FROM unnest($1::text[], $2::text[]) AS w (company, customer)
WHERE a.customer = w.customer AND a.company = w.company
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A customer in a list of exposures and the state that this was computed from; `key` None where the standing is
    not known."""

    party: Party
    state: tuple[int, int, str]
    key: tuple[int, Decimal, str, str] | None


async def mark_figures(work: Work, parties: Collection[Party]) -> None:
    """The figures of these customers, who are locked, have been recomputed."""
    if parties:
        await work.conn.execute(MARK, *columns(sorted(parties), 2))


async def read_setting(work: Work) -> str:
    """A digest of what the figures of all customers depend on."""
    found: str = await work.conn.fetchval(SETTING, work.business_now, earliest_date(work.business_now))
    return found


async def read_standings(
    work: Work, setting: str, companies: list[str] | None, company: str | None, value: str, least: Decimal | None,
    after: tuple[int, Decimal, str, str] | None, limit: int,
) -> list[Standing]:  # fmt: skip
    """Customers whose standing is not known, and the next ones of the others by `value` (used, exposure, uninsured)."""
    rows = await work.conn.fetch(
        STANDINGS.replace("@value@", value), setting, companies, company, least,
        *(after or (None, None, None, None)), value == "used", limit,
    )  # fmt: skip
    return [
        Standing(
            (row["company"], row["customer"]), (row["figures"], row["profile_version"], row["credit_group"]),
            (row["class"], row["value"], row["company"], row["customer"]) if row["fresh"] else None,
        )
        for row in rows
    ]  # fmt: skip


async def read_concentration(
    work: Work, setting: str, company: str, anew: Sequence[tuple[str, Decimal | None, Decimal | None]], top: int
) -> Concentration:
    """How much the largest customers of a company have; `anew`: those whose standing is not fresh, with what they owe
    and what is not covered of it."""
    row = await work.conn.fetchrow(CONCENTRATION, setting, None, company, *columns(anew, 3), top, MOST_NAMED)
    assert row is not None
    largest = [Largest(customer, *map(Decimal, figures)) for customer, *figures in row["largest"]]
    return Concentration(row["owed"], row["uncovered"], row["customers"], largest, row["incomplete"], row["named"])


async def keep_standings(work: Work, setting: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Keep standings: company, customer, figures, profile version, group, listed, class, used, exposure, uninsured,
    owed, uncovered."""
    await work.conn.execute(KEEP, setting, *columns(sorted(rows, key=itemgetter(0, 1)), 12))


async def with_figures(work: Work, parties: Collection[Party]) -> set[Party]:
    """Those of many customers that have open items, open orders, reservations or a profile."""
    rows = await work.conn.fetch(
        """SELECT w.company, w.customer FROM unnest($1::text[], $2::text[]) AS w (company, customer)
           WHERE EXISTS (SELECT FROM balance b WHERE b.customer = w.customer AND b.company = w.company)
              OR EXISTS (SELECT FROM credit_profile p WHERE p.customer = w.customer AND p.company = w.company)
              OR EXISTS (SELECT FROM reservation r WHERE r.customer = w.customer AND r.company = w.company)
              OR EXISTS (SELECT FROM sales_order o WHERE o.customer = w.customer AND o.company = w.company
                           AND (o.open_amount > 0 OR o.uninvoiced_amount > 0))""",
        *columns(sorted(parties), 2),
    )
    return {(row["company"], row["customer"]) for row in rows}


async def customers_with_figures(work: Work, companies: list[str] | None, company: str | None) -> list[Party]:
    """Customers with open items, open orders, reservations or a profile."""
    rows = await work.conn.fetch(
        """SELECT company, customer FROM (
               SELECT company, customer FROM balance UNION SELECT company, customer FROM reservation
               UNION SELECT company, customer FROM credit_profile
               UNION SELECT company, customer FROM sales_order WHERE open_amount > 0 OR uninvoiced_amount > 0) f
           WHERE customer IS NOT NULL AND ($1::text[] IS NULL OR company = ANY($1))
             AND ($2::text IS NULL OR company = $2)
           ORDER BY company, customer""",
        companies,
        company,
    )
    return [(row["company"], row["customer"]) for row in rows]


async def is_known(work: Work, party: Party) -> bool:
    """Whether anything was ever heard of the customer."""
    found: bool = await work.conn.fetchval(
        """SELECT EXISTS (SELECT FROM account WHERE company = $1 AND customer = $2)
               OR EXISTS (SELECT FROM credit_profile WHERE company = $1 AND customer = $2)""",
        *party,
    )
    return found


AGES = f"""
SELECT w.company, w.customer, d.currency, {AGE.format(day="w.day")} AS bucket, sum(d.open_amount) AS amount
FROM unnest($1::text[], $2::text[], $3::date[]) AS w (company, customer, day)
JOIN document d ON d.customer = w.customer AND d.company = w.company
WHERE d.is_debit AND d.open_amount <> 0 GROUP BY 1, 2, 3, 4
"""


async def ages_of(work: Work, wanted: Collection[tuple[str, str, date]]) -> dict[Party, list[tuple[str, int, Decimal]]]:
    """Open debits of customers on a day by currency and age."""
    found: dict[Party, list[tuple[str, int, Decimal]]] = {}
    for company, customer, *rest in await work.conn.fetch(AGES, *columns(sorted(wanted), 3)):
        found.setdefault((company, customer), []).append(tuple(rest))
    return found
