"""The SQL of automatic limit rules and of the revenues that they compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import asyncpg

from credit_service.automatic.model import Rule, RuleLine, Value
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

RULES = """
SELECT r.risk_group, r.currency, r.max_revenue, r.choice, r.version, l.lines
FROM automatic_limit_rule r
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_array(l.scoring_group, l.operator, l.comparison_value,
                                              l.comparison_number::text, l.credit_limit::text)
                             ORDER BY l.line_no), '[]') AS lines
    FROM automatic_limit_line l
    WHERE l.company = r.company AND l.risk_group = r.risk_group AND l.currency = r.currency OFFSET 0) l
WHERE r.company = $1 AND ($2::text IS NULL OR r.risk_group = $2) AND ($3::text IS NULL OR r.currency = $3)
ORDER BY r.risk_group, r.currency
"""
FORGET_LINES = "DELETE FROM automatic_limit_line WHERE company = $1 AND risk_group = $2 AND currency = $3"


@dataclass(frozen=True, slots=True)
class Kept:
    """A rule with its version."""

    rule: Rule
    version: int


async def rules_of(work: Work, company: str, risk_group: str | None = None, currency: str | None = None) -> list[Kept]:
    """The rules of a company, or some of them."""
    return [_kept(row) for row in await work.conn.fetch(RULES, company, risk_group, currency)]


def _kept(row: asyncpg.Record) -> Kept:
    lines = tuple(
        RuleLine(group, operator, Value(text, None if number is None else Decimal(number)), Decimal(limit))
        for group, operator, text, number, limit in row["lines"]
    )
    return Kept(Rule(row["risk_group"], row["currency"], row["max_revenue"], row["choice"], lines), row["version"])


async def write_rule(work: Work, company: str, kept: Kept) -> None:
    """Keep a new version with its lines."""
    rule = kept.rule
    key = company, rule.risk_group, rule.currency
    await work.conn.execute(
        """INSERT INTO automatic_limit_rule (company, risk_group, currency, max_revenue, choice, version)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (company, risk_group, currency) DO UPDATE
           SET max_revenue = excluded.max_revenue, choice = excluded.choice, version = excluded.version""",
        *key, rule.max_revenue, rule.choice, kept.version,
    )  # fmt: skip
    await work.conn.execute(FORGET_LINES, *key)
    rows = [
        (n, line.scoring_group, line.operator, line.compared.text, line.compared.number, line.credit_limit)
        for n, line in enumerate(rule.lines, 1)
    ]
    await work.conn.execute(
        """INSERT INTO automatic_limit_line (company, risk_group, currency, line_no, scoring_group, operator,
                                             comparison_value, comparison_number, credit_limit)
           SELECT $1, $2, $3, l.*
           FROM unnest($4::smallint[], $5::text[], $6::text[], $7::text[], $8::numeric[], $9::numeric[]) l""",
        *key, *columns(rows, 6),
    )  # fmt: skip


async def delete_rule(work: Work, company: str, risk_group: str, currency: str) -> None:
    """Remove a rule with its lines."""
    await work.conn.execute(FORGET_LINES, company, risk_group, currency)
    await work.conn.execute(
        "DELETE FROM automatic_limit_rule WHERE company = $1 AND risk_group = $2 AND currency = $3",
        company, risk_group, currency,
    )  # fmt: skip


async def revenues_of(work: Work, party: Party, period_end: date | None = None) -> Sequence[asyncpg.Record]:
    """Revenue figures of a customer, newest first, or the one of a period."""
    found: Sequence[asyncpg.Record] = await work.conn.fetch(
        """SELECT period_end, revenue, currency, version FROM customer_revenue
           WHERE company = $1 AND customer = $2 AND ($3::date IS NULL OR period_end = $3) ORDER BY period_end DESC""",
        *party, period_end,
    )  # fmt: skip
    return found


async def write_revenue(
    work: Work, party: Party, period_end: date, revenue: Decimal, currency: str, version: int
) -> None:
    """Keep a revenue figure."""
    await work.conn.execute(
        """INSERT INTO customer_revenue (company, customer, period_end, revenue, currency, version)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (customer, company, period_end) DO UPDATE
           SET revenue = excluded.revenue, currency = excluded.currency, version = excluded.version""",
        *party, period_end, revenue, currency, version,
    )  # fmt: skip


async def delete_revenue(work: Work, party: Party, period_end: date) -> None:
    """Forget a revenue figure."""
    await work.conn.execute(
        "DELETE FROM customer_revenue WHERE company = $1 AND customer = $2 AND period_end = $3", *party, period_end
    )
