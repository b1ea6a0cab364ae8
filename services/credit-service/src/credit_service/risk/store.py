"""The SQL of scoring groups, risk groups and typed risk values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg

from credit_service.risk.model import Band, GroupType, Line, RiskGroup, ScoreType, ScoringGroup
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

LOCK_CLASS = 0x7269736B
"""First half of the advisory lock on the risk set-up of a company ("risk" in ASCII)."""
GROUPS = """
SELECT g.id, g.description, g.group_type, g.score_type, g.version, l.lines
FROM scoring_group g
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_array(l.score::text, l.from_value::text, l.to_value::text, l.value)
                             ORDER BY l.line_no), '[]') AS lines
    FROM scoring_group_line l WHERE l.company = g.company AND l.scoring_group = g.id OFFSET 0) l
WHERE g.company = $1 AND ($2::text IS NULL OR g.id = $2) ORDER BY g.id
"""
TYPED = """
SELECT v.scoring_group, v.value, v.numeric_value, v.score, v.calculated_at, v.version
FROM customer_risk_value v WHERE v.company = $1 AND v.customer = $2 AND ($3::text IS NULL OR v.scoring_group = $3)
ORDER BY v.scoring_group
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A scoring group with its version."""

    group: ScoringGroup
    description: str
    version: int


@dataclass(frozen=True, slots=True)
class KeptClass:
    """A risk group with its version."""

    group: RiskGroup
    description: str
    indicator: str
    version: int


async def lock_setup(work: Work, company: str) -> None:
    """One editor of the risk set-up of a company at a time: ranges of several rows must fit together."""
    await work.conn.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", LOCK_CLASS, company)


async def scoring_groups(work: Work, company: str, group: str | None = None) -> list[Kept]:
    """The scoring groups of a company, or one of them."""
    return [_kept(row) for row in await work.conn.fetch(GROUPS, company, group)]


def _kept(row: asyncpg.Record) -> Kept:
    lines = tuple(
        Line(Decimal(points), None if low is None else Band(Decimal(low), Decimal(high)), value)
        for points, low, high, value in row["lines"]
    )
    group = ScoringGroup(row["id"], GroupType(row["group_type"]), ScoreType(row["score_type"]), lines)
    return Kept(group, row["description"], row["version"])


async def write_scoring_group(work: Work, company: str, kept: Kept) -> None:
    """Keep a new version with its lines."""
    group = kept.group
    await work.conn.execute(
        """INSERT INTO scoring_group (company, id, description, group_type, score_type, decimals, version)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (company, id) DO UPDATE
           SET description = excluded.description, score_type = excluded.score_type, decimals = excluded.decimals,
               version = excluded.version""",
        company, group.id, kept.description, group.group_type, group.score_type, group.decimals, kept.version,
    )  # fmt: skip
    await _forget_lines(work, company, group.id)
    rows = [
        (n, line.band.low if line.band else None, line.band.high if line.band else None, line.value, line.score)
        for n, line in enumerate(group.lines, 1)
    ]
    await work.conn.execute(
        """INSERT INTO scoring_group_line (company, scoring_group, line_no, from_value, to_value, value, score)
           SELECT $1, $2, l.* FROM unnest($3::smallint[], $4::numeric[], $5::numeric[], $6::text[], $7::numeric[]) l""",
        company, group.id, *columns(rows, 5),
    )  # fmt: skip


async def _forget_lines(work: Work, company: str, group: str) -> None:
    await work.conn.execute("DELETE FROM scoring_group_line WHERE company = $1 AND scoring_group = $2", company, group)


async def is_compared(work: Work, company: str, group: str) -> bool:
    """Whether an automatic limit rule compares values of the scoring group."""
    found: bool = await work.conn.fetchval(
        "SELECT EXISTS (SELECT FROM automatic_limit_line WHERE company = $1 AND scoring_group = $2)", company, group
    )
    return found


async def delete_scoring_group(work: Work, company: str, group: str) -> None:
    """Remove a scoring group with its lines; values of it end with the next update of scores."""
    await _forget_lines(work, company, group)
    await work.conn.execute("DELETE FROM scoring_group WHERE company = $1 AND id = $2", company, group)


async def risk_groups(work: Work, company: str) -> list[KeptClass]:
    """The risk groups of a company, lowest scores first."""
    rows = await work.conn.fetch(
        """SELECT id, description, score_from, score_to, indicator, version FROM risk_group
           WHERE company = $1 ORDER BY score_from""",
        company,
    )
    return [
        KeptClass(
            RiskGroup(row["id"], Band(row["score_from"], row["score_to"])),
            row["description"], row["indicator"], row["version"],
        )
        for row in rows
    ]  # fmt: skip


async def write_risk_group(work: Work, company: str, kept: KeptClass) -> None:
    """Keep a new version."""
    band = kept.group.band
    await work.conn.execute(
        """INSERT INTO risk_group (company, id, description, score_from, score_to, indicator, version)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (company, id) DO UPDATE
           SET description = excluded.description, score_from = excluded.score_from, score_to = excluded.score_to,
               indicator = excluded.indicator, version = excluded.version""",
        company, kept.group.id, kept.description, band.low, band.high, kept.indicator, kept.version,
    )  # fmt: skip


async def gives_limits(work: Work, company: str, group: str) -> bool:
    """Whether an automatic limit rule is for the customers of the risk group."""
    found: bool = await work.conn.fetchval(
        "SELECT EXISTS (SELECT FROM automatic_limit_rule WHERE company = $1 AND risk_group = $2)", company, group
    )
    return found


async def delete_risk_group(work: Work, company: str, group: str) -> None:
    """Remove a risk group; its customers are classified anew by the next update of scores."""
    await work.conn.execute("DELETE FROM risk_group WHERE company = $1 AND id = $2", company, group)


async def risk_of(work: Work, party: Party) -> asyncpg.Record | None:
    """Score and class of a customer; None: 0 and unclassified."""
    return await work.conn.fetchrow(
        """SELECT risk_score, risk_group, calculated_at, version FROM customer_risk
           WHERE company = $1 AND customer = $2""",
        *party,
    )


async def risks_of(work: Work, parties: Collection[Party]) -> dict[Party, tuple[Decimal, str | None]]:
    """Score and class of many customers; those never scored are absent."""
    rows = await work.conn.fetch(
        """SELECT k.* FROM unnest($1::text[], $2::text[]) AS w (company, customer)
           CROSS JOIN LATERAL (
               SELECT company, customer, risk_score, risk_group FROM customer_risk
               WHERE customer = w.customer AND company = w.company OFFSET 0) k""",
        *columns(sorted(parties), 2),
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


async def values_of(work: Work, party: Party, group: str | None = None) -> Sequence[asyncpg.Record]:
    """What a customer was scored by, or one value of it."""
    found: Sequence[asyncpg.Record] = await work.conn.fetch(TYPED, *party, group)
    return found


async def write_typed(work: Work, party: Party, group: str, text: str, number: Decimal | None, version: int) -> None:
    """Keep a typed value; its score is written by the update that follows."""
    await work.conn.execute(
        """INSERT INTO customer_risk_value AS v (company, customer, scoring_group, value, numeric_value, score,
                                                 calculated_at, version)
           VALUES ($1, $2, $3, $4, $5, 0, $6, $7)
           ON CONFLICT (customer, company, scoring_group) DO UPDATE
           SET value = excluded.value, numeric_value = excluded.numeric_value, calculated_at = excluded.calculated_at,
               version = excluded.version""",
        *party, group, text, number, work.business_now, version,
    )  # fmt: skip


async def delete_value(work: Work, party: Party, group: str) -> None:
    """Forget a typed value."""
    await work.conn.execute(
        "DELETE FROM customer_risk_value WHERE company = $1 AND customer = $2 AND scoring_group = $3", *party, group
    )


async def page_of_risks(
    work: Work, company: str, risk_group: str | None, unclassified: bool, after: str | None, limit: int
) -> Sequence[Any]:
    """Customers with score and class, by customer."""
    found: Sequence[Any] = await work.conn.fetch(
        """SELECT customer, risk_score, risk_group, calculated_at, version FROM customer_risk
           WHERE company = $1 AND ($2::text IS NULL OR risk_group = $2) AND (NOT $3 OR risk_group IS NULL)
             AND ($4::text IS NULL OR customer > $4) ORDER BY customer LIMIT $5""",
        company, risk_group, unclassified, after, limit,
    )  # fmt: skip
    return found


async def page_of_history(work: Work, party: Party, before: int | None, limit: int) -> Sequence[asyncpg.Record]:
    """Changes of a customer's score or class, the newest first; `before`: those noted earlier than that one."""
    found: Sequence[asyncpg.Record] = await work.conn.fetch(
        """SELECT id, at, as_of, version, risk_score, risk_group, former_risk_score, former_risk_group, who
           FROM customer_risk_history
           WHERE customer = $2 AND company = $1 AND ($3::bigint IS NULL OR id < $3) ORDER BY id DESC LIMIT $4""",
        *party, before, limit,
    )  # fmt: skip
    return found
