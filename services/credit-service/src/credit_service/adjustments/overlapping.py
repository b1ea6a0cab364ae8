"""Temporary limits of one owner do not overlap, unless a line names the one that it replaces (spec 1.9)."""

from __future__ import annotations

from collections.abc import Sequence

from credit_service.adjustments.model import Line
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.web.problems import Problem

CLASHING = """
, ordered AS (
    SELECT w.*, max(new_to) OVER (PARTITION BY customer, credit_group ORDER BY new_from, n
                                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until,
           row_number() OVER (PARTITION BY replaces ORDER BY n) AS nth
    FROM wanted w
)
SELECT n, coalesce(customer, credit_group) AS owner FROM ordered
WHERE until >= new_from OR (replaces IS NOT NULL AND nth > 1)
   OR (replaces IS NOT NULL AND NOT EXISTS (SELECT FROM temporary_limit t WHERE t.id = replaces))
UNION
SELECT w.n, w.customer FROM wanted w
JOIN temporary_limit t ON t.customer = w.customer AND t.company = $1 AND t.from_date <= w.new_to
                      AND t.to_date >= w.new_from
LEFT JOIN wanted r ON r.replaces = t.id WHERE r.n IS NULL
UNION
SELECT w.n, w.credit_group FROM wanted w
JOIN temporary_limit t ON t.credit_group = w.credit_group AND t.from_date <= w.new_to AND t.to_date >= w.new_from
LEFT JOIN wanted r ON r.replaces = t.id WHERE r.n IS NULL
ORDER BY n
"""
IN_JOURNAL = """
WITH wanted AS MATERIALIZED (
    SELECT line AS n, customer, credit_group, new_from, new_to, replaces FROM adjustment_line
    WHERE journal = $2 AND line = ANY($3::bigint[])
)"""
GIVEN = """
WITH wanted AS MATERIALIZED (
    SELECT w.n, w.customer, w.credit_group, w.new_from, w.new_to, w.replaces
    FROM unnest($3::text[], $4::text[], $5::date[], $6::date[], $7::uuid[])
         WITH ORDINALITY AS w (customer, credit_group, new_from, new_to, replaces, n)
    UNION ALL
    SELECT -line, customer, credit_group, new_from, new_to, replaces FROM adjustment_line
    WHERE journal = $2 AND NOT posted
)"""
MOST_NAMED = 20


async def must_not_overlap(work: Work, number: str, company: str, lines: Sequence[int]) -> None:
    """Raises Problem 409 for lines, whose owners are locked, that would overlap something when they are posted."""
    rows = await work.conn.fetch(IN_JOURNAL + CLASHING, company, number, lines)
    if rows:
        named = ", ".join(f"line {row['n']} ({row['owner']})" for row in rows[:MOST_NAMED])
        raise Problem(
            409, "temporary-limits-overlap", "Temporary limits would overlap",
            f"{len(rows)} lines: {named}. Change their dates, or name the limit that each of them replaces.",
        )  # fmt: skip


async def overlapping(work: Work, company: str, number: str | None, lines: Sequence[Line]) -> list[int]:
    """The places of lines that overlap a temporary limit, one another, or what the journal has already."""
    given = [(x.customer, x.credit_group, x.new_from, x.new_to, x.replaces) for x in lines]
    rows = await work.conn.fetch(GIVEN + CLASHING, company, number, *columns(given, 5))
    return [row["n"] - 1 for row in rows if row["n"] > 0]
