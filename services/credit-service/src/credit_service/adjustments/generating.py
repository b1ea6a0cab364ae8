"""Fills a journal with lines in one statement: from the limits that exist, raised, lowered and rounded (spec 2.11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from credit_service.adjustments.model import JournalType, Rounding, ValueType
from holdfast.contracts.currencies import MINOR_UNITS
from holdfast.database.work import Work

Source = Literal["existing_customers", "existing_credit_groups"]
MOST_NAMED = 100

CUSTOMERS = """
    SELECT c.customer, NULL::text AS credit_group, $14::text AS currency, {current}
    FROM (SELECT customer FROM customer WHERE company = $2 UNION
          SELECT customer FROM credit_profile WHERE company = $2) c
    LEFT JOIN credit_profile p ON p.customer = c.customer AND p.company = $2
    {temporary}
    WHERE ($3::text[] IS NULL OR c.customer = ANY($3)) AND ($4::text IS NULL OR p.credit_management_group = $4)
      AND ($5::text IS NULL OR EXISTS (SELECT FROM customer_risk r WHERE r.customer = c.customer
                                       AND r.company = $2 AND r.risk_group = $5))
      AND ($6::date IS NULL OR p.credit_limit_expiry_date <= $6)
      {once}
"""
GROUPS = """
    SELECT NULL::text AS customer, p.name AS credit_group, p.currency, {current}
    FROM (SELECT name, currency, credit_limit, NULL::date AS credit_limit_date,
                 expiry_date AS credit_limit_expiry_date, owner_company
          FROM credit_group) p
    {temporary}
    WHERE p.owner_company = $2 AND ($3::text[] IS NULL OR p.name = ANY($3)) AND $4::text IS NULL AND $5::text IS NULL
      AND ($6::date IS NULL OR p.credit_limit_expiry_date <= $6)
      {once}
"""
PERMANENT = """coalesce(p.credit_limit, 0) AS current_limit, p.credit_limit_date AS current_from,
           p.credit_limit_expiry_date AS current_to, NULL::uuid AS replaces"""
TEMPORARY = """coalesce(t.amount, p.credit_limit, 0) AS current_limit, t.from_date AS current_from,
           t.to_date AS current_to, t.id AS replaces"""
TEMPORARY_OF = {
    "existing_customers": "LEFT JOIN temporary_limit t ON t.customer = c.customer AND t.company = $2 "
                          "AND t.to_date >= $15",
    "existing_credit_groups": "LEFT JOIN temporary_limit t ON t.credit_group = p.name AND t.to_date >= $15",
}  # fmt: skip
ONCE = {
    "existing_customers": "AND NOT EXISTS (SELECT FROM adjustment_line l WHERE l.journal = $1 "
                          "AND l.customer = c.customer)",
    "existing_credit_groups": "AND NOT EXISTS (SELECT FROM adjustment_line l WHERE l.journal = $1 "
                              "AND l.credit_group = p.name)",
}  # fmt: skip
GENERATE = """
WITH asked AS (SELECT $14::text AS currency, $15::date AS today), base AS ({base}), raised AS (
    SELECT b.*, CASE WHEN $7 = 'fixed' THEN b.current_limit + $8 ELSE b.current_limit * (1 + $8 / 100) END AS raw,
           CASE WHEN $13::date IS NULL AND $12::integer IS NOT NULL THEN b.current_from + $11::integer
                ELSE $16::date END AS new_from,
           CASE WHEN $12::integer IS NOT NULL THEN b.current_to + $12 ELSE $13::date END AS new_to
    FROM base b
), figured AS (
    SELECT r.*, greatest(0, round(CASE
               WHEN $9::numeric IS NULL THEN r.raw
               WHEN $10 = 'up' THEN ceil(r.raw / $9) * $9
               WHEN $10 = 'down' THEN floor(r.raw / $9) * $9
               ELSE round(r.raw / $9) * $9 END, ($17::jsonb ->> r.currency)::integer)) AS new_limit,
           r.new_to IS NOT NULL AND (NOT $18 OR r.new_from IS NOT NULL) AND coalesce(r.new_from <= r.new_to, true)
               AS possible
    FROM raised r
), placed AS (
    SELECT f.*, $18 AND possible AND (
               coalesce(max(new_to) FILTER (WHERE possible) OVER (
                   PARTITION BY customer, credit_group ORDER BY new_from, replaces
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) >= new_from, false)
               OR EXISTS (SELECT FROM adjustment_line l WHERE l.journal = $1 AND l.customer = f.customer
                            AND l.new_from <= f.new_to AND l.new_to >= f.new_from)
               OR EXISTS (SELECT FROM adjustment_line l WHERE l.journal = $1 AND l.credit_group = f.credit_group
                            AND l.new_from <= f.new_to AND l.new_to >= f.new_from)) AS clashes
    FROM figured f
), made AS (
    INSERT INTO adjustment_line (journal, line, customer, credit_group, current_limit, current_from, current_to,
                                 new_limit, new_from, new_to, replaces)
    SELECT $1, (SELECT coalesce(max(line), 0) FROM adjustment_line WHERE journal = $1)
               + row_number() OVER (ORDER BY customer, credit_group, current_from),
           customer, credit_group, current_limit, current_from, current_to, new_limit,
           CASE WHEN $18 THEN new_from END, new_to, replaces
    FROM placed WHERE possible AND NOT clashes
)
SELECT (SELECT count(*) FROM placed WHERE possible AND NOT clashes) AS lines,
       (SELECT count(*) FROM placed WHERE NOT possible) AS refused,
       ARRAY(SELECT coalesce(customer, credit_group) FROM placed WHERE NOT possible ORDER BY 1 LIMIT $19) AS named,
       (SELECT count(*) FROM placed WHERE clashes) AS overlapping,
       ARRAY(SELECT coalesce(customer, credit_group) FROM placed WHERE clashes ORDER BY 1 LIMIT $19)
           AS overlapping_named
"""


@dataclass(frozen=True, slots=True)
class Order:
    """What to generate. Dates are absolute (`new_from`, `new_to`) or offsets in days from the existing ones."""

    source: Source
    value: Decimal
    value_type: ValueType
    round_off: Decimal | None = None
    rounding_form: Rounding = "nearest"
    new_from: date | None = None
    new_to: date | None = None
    from_offset_days: int | None = None
    to_offset_days: int | None = None
    names: tuple[str, ...] | None = None
    credit_management_group: str | None = None
    risk_group: str | None = None
    expiring_until: date | None = None


@dataclass(frozen=True, slots=True)
class Generated:
    """How many lines were made, of how many there is no date to start from, and how many would overlap another limit of
    their owner; some of these by name."""

    lines: int
    refused: int
    named: tuple[str, ...]
    overlapping: int
    overlapping_named: tuple[str, ...]


async def generate(
    work: Work, number: str, company: str, kind: JournalType, order: Order, currency: str, today: date
) -> Generated:
    """Append the lines to a locked journal; who has one in it is passed over in a permanent journal."""
    temporary = kind is JournalType.TEMPORARY
    base = (CUSTOMERS if order.source == "existing_customers" else GROUPS).format(
        current=TEMPORARY if temporary else PERMANENT,
        temporary=TEMPORARY_OF[order.source] if temporary else "",
        once="" if temporary else ONCE[order.source],
    )
    row = await work.conn.fetchrow(
        GENERATE.format(base=base), number, company, order.names, order.credit_management_group, order.risk_group,
        order.expiring_until, order.value_type, order.value, order.round_off or None, order.rounding_form,
        order.from_offset_days or 0, order.to_offset_days, order.new_to, currency, today, order.new_from, MINOR_UNITS,
        temporary, MOST_NAMED,
    )  # fmt: skip
    assert row is not None
    return Generated(
        row["lines"], row["refused"], tuple(row["named"]), row["overlapping"], tuple(row["overlapping_named"])
    )
