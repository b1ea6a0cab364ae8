"""New limits above what a reviewer would grant: a warning, or refused, as the company has set (spec 2.11)."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from credit_service.adjustments.model import Line
from credit_service.parameters.store import read_parameters
from credit_service.profiles.changing import company_of
from credit_service.profiles.rates import limit_rates
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.web.problems import Problem

ABOVE = """
SELECT w.n, w.customer, w.new_limit, p.eligible_credit_limit AS eligible,
       coalesce(p.eligible_credit_limit_currency, p.currency) AS currency
FROM {lines}
JOIN credit_profile p ON p.customer = w.customer AND p.company = $1
WHERE p.eligible_credit_limit > 0 AND w.new_limit > 0 AND w.new_limit <> p.credit_limit
ORDER BY w.n
"""
GIVEN = ABOVE.format(
    lines="unnest($2::text[], $3::numeric[]) WITH ORDINALITY AS w (customer, new_limit, n)",
)
IN_JOURNAL = ABOVE.format(
    lines="(SELECT line AS n, customer, new_limit FROM adjustment_line WHERE journal = $2 AND NOT posted) w",
)
MOST_NAMED = 20


async def above_eligible(work: Work, company: str, lines: Sequence[Line]) -> dict[int, str]:
    """By place: what is wrong with lines where the company refuses them."""
    if (await read_parameters(work, company)).parameters.eligible_limit_check != "refused":
        return {}
    rows = await work.conn.fetch(GIVEN, company, *columns([(x.customer, x.new_limit) for x in lines], 2))
    return {
        row["n"] - 1: f"the eligible limit is {row['eligible']:f} {row['currency']}"
        for row in await _above(work, company, rows)
    }


async def _above(work: Work, company: str, rows: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    """Those that are above the eligible limit; what cannot be compared, since its rate lacks, counts as above."""
    if not rows:
        return []
    master, given = await company_of(work, company), (await read_parameters(work, company)).parameters
    rates = await limit_rates(work, given, master, {row["currency"] for row in rows})
    return [
        row for row in rows
        if (rate := rates.get(row["currency"])) is None or rate.convert(row["eligible"]) < row["new_limit"]
    ]  # fmt: skip


async def _in_journal(work: Work, number: str, company: str) -> list[asyncpg.Record]:
    return await _above(work, company, await work.conn.fetch(IN_JOURNAL, company, number))


async def warnings(work: Work, number: str, company: str) -> list[str]:
    """Which open lines of a journal are above the eligible limit, where the company wants to know."""
    if (await read_parameters(work, company)).parameters.eligible_limit_check == "off":
        return []
    rows = await _in_journal(work, number, company)
    return [
        f"Line {row['n']}: the limit {row['new_limit']:f} is above the eligible limit {row['eligible']:f} "
        f"{row['currency']} of {row['customer']}."
        for row in rows[:MOST_NAMED]
    ] + ([f"{len(rows) - MOST_NAMED} more lines are above the eligible limit."] if len(rows) > MOST_NAMED else [])


async def drop_refused(work: Work, number: str, company: str) -> list[str]:
    """Take lines that were generated above the eligible limit out of a journal, where the company refuses them; answers
    whose they were."""
    if (await read_parameters(work, company)).parameters.eligible_limit_check != "refused":
        return []
    rows = await _in_journal(work, number, company)
    lines = [row["n"] for row in rows]
    await work.conn.execute(
        "DELETE FROM adjustment_line WHERE journal = $1 AND line = ANY($2::bigint[])", number, lines
    )
    return [row["customer"] for row in rows]


async def must_be_eligible(work: Work, number: str, company: str) -> None:
    """Raises Problem 409 for a journal with open lines above the eligible limit, where the company refuses them."""
    if (await read_parameters(work, company)).parameters.eligible_limit_check != "refused":
        return
    if found := await warnings(work, number, company):
        raise Problem(
            409, "above-eligible-limit", "Limits are above the eligible limit",
            f"{' '.join(found)} Raise the eligible limit first, or take these lines out.",
        )  # fmt: skip
