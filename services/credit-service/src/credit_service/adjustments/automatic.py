"""Fills a journal from the rules of automatic limits, in one statement (spec 2.10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from credit_service.adjustments.drafting import draft_journal
from credit_service.adjustments.generating import MOST_NAMED
from credit_service.adjustments.model import JournalType
from credit_service.automatic.model import Outcome
from credit_service.automatic.proposing import OF_ALL, Chosen, scope
from holdfast.database.work import Work

SOURCE = "automatic_limits"
GENERATE = f"""
WITH {OF_ALL}, waiting AS MATERIALIZED (
    SELECT DISTINCT l.customer, l.new_limit
    FROM adjustment_journal j JOIN adjustment_line l ON l.journal = j.number
    WHERE $17::date IS NOT NULL AND j.company = $1 AND j.source = '{SOURCE}' AND j.type = 'credit_limit'
      AND NOT j.posted AND NOT l.posted
), lined AS MATERIALIZED (
    SELECT DISTINCT customer FROM adjustment_line WHERE journal = $13 AND customer IS NOT NULL
), figured AS MATERIALIZED (
    SELECT d.customer, d.new_limit, d.basis, t.id AS replaces, coalesce(t.amount, d.credit_limit, 0) AS current_limit,
           coalesce(t.from_date, d.credit_limit_date) AS current_from,
           coalesce(t.to_date, d.credit_limit_expiry_date) AS current_to,
           CASE WHEN d.outcome <> 'proposed' THEN d.outcome
                WHEN l.customer IS NOT NULL THEN 'in_journal'
                WHEN t.many > 1 THEN 'several_temporary_limits'
                WHEN $17::date IS NOT NULL AND coalesce(d.credit_limit, 0) = d.new_limit
                     AND coalesce(d.credit_limit_expiry_date > least($17, $15::date - 1), true) THEN 'unchanged'
                WHEN w.customer IS NOT NULL THEN 'in_open_journal'
                ELSE 'proposed' END AS outcome
    FROM judged d
    LEFT JOIN lined l ON l.customer = d.customer
    LEFT JOIN waiting w ON w.customer = d.customer AND w.new_limit = d.new_limit
    LEFT JOIN LATERAL (
        SELECT t.*, count(*) OVER () AS many FROM temporary_limit t
        WHERE $16::boolean AND t.customer = d.customer AND t.company = $1 AND t.from_date <= $15 AND t.to_date >= $14
        ORDER BY t.from_date, t.id LIMIT 1) t ON true
), made AS (
    INSERT INTO adjustment_line (journal, line, customer, current_limit, current_from, current_to, new_limit, new_from,
                                 new_to, replaces, basis)
    SELECT $13, (SELECT coalesce(max(line), 0) FROM adjustment_line WHERE journal = $13)
                + row_number() OVER (ORDER BY customer),
           customer, current_limit, current_from, current_to, new_limit, $14::date, $15, replaces, basis
    FROM figured WHERE outcome = 'proposed' AND $13::text IS NOT NULL
)
SELECT outcome, count(*) AS customers,
       CASE WHEN outcome <> 'proposed'
            THEN ARRAY(SELECT customer FROM figured n WHERE n.outcome = f.outcome ORDER BY customer LIMIT $18::integer)
       END AS named
FROM figured f GROUP BY outcome ORDER BY outcome
"""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why some customers have no line, how many they are, and some of them by name."""

    because: Outcome
    customers: int
    named: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Automatic:
    """How many lines were made, and who was left out."""

    lines: int
    left_out: tuple[LeftOut, ...]

    @property
    def customers(self) -> int:
        """How many were looked at."""
        return self.lines + sum(group.customers for group in self.left_out)

    def without(self, outcome: Outcome) -> int:
        """How many were left out for a reason."""
        return sum(group.customers for group in self.left_out if group.because is outcome)


@dataclass(frozen=True, slots=True)
class Wanted:
    """For whom, and from when to when. `new_from` is for temporary limits.

    `renew_until`: only limits that would differ, or that expire by then and would last longer, and of these none that
    an open journal of automatic limits proposes already.
    """

    chosen: Chosen
    new_to: date
    new_from: date | None = None
    renew_until: date | None = None


async def fill(work: Work, number: str | None, company: str, wanted: Wanted, as_of: date) -> Automatic:
    """Append a line for each customer that a rule has a limit for; without a number nothing is written."""
    asked = await scope(work, company, wanted.chosen, as_of)
    rows = await work.conn.fetch(
        GENERATE, *asked.parameters, number, wanted.new_from, wanted.new_to, wanted.new_from is not None,
        wanted.renew_until, MOST_NAMED,
    )  # fmt: skip
    lines = sum(row["customers"] for row in rows if row["outcome"] == Outcome.PROPOSED)
    left = [row for row in rows if row["outcome"] != Outcome.PROPOSED]
    return Automatic(
        lines, tuple(LeftOut(Outcome(row["outcome"]), row["customers"], tuple(row["named"])) for row in left)
    )


async def draft(
    work: Work, company: str, wanted: Wanted, as_of: date, by: str, description: str
) -> tuple[str | None, Automatic]:
    """A draft journal of permanent limits, or none when no customer would have a line."""
    found = await fill(work, None, company, wanted, as_of)
    if found.lines == 0:
        return None, found
    number = await draft_journal(
        work, company, JournalType.PERMANENT, [], by=by, description=description, source=SOURCE
    )
    return number, await fill(work, number, company, wanted, as_of)


def shown_left_out(found: Automatic) -> list[dict[str, Any]]:
    """Who was left out, as the API shows it."""
    return [{"because": g.because, "customers": g.customers, "named": g.named} for g in found.left_out]
