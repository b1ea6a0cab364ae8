"""The SQL of statistics: parameters, limits, rows by day, figures per customer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from credit_service.statistics.model import RISK_MONTHS, StatisticsParameters
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

FIELDS = tuple(StatisticsParameters.model_fields)
TO_VALUE = """
SELECT w.customer FROM unnest($2::text[]) AS w (customer)
WHERE (SELECT true FROM sales_order o WHERE o.company = $1 AND o.customer = w.customer
         AND (o.open_amount > 0 OR o.uninvoiced_amount > 0) LIMIT 1)
   OR (SELECT true FROM reservation r WHERE r.company = $1 AND r.customer = w.customer LIMIT 1)
   OR ($3 AND (SELECT true FROM balance b WHERE b.company = $1 AND b.customer = w.customer
                 AND b.currency <> (SELECT c.currency FROM company c WHERE c.company = $1) LIMIT 1))
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """Parameters with their version; version 0 are the defaults."""

    parameters: StatisticsParameters
    version: int


async def read_parameters(work: Work, company: str) -> Kept:
    """The windows of a company."""
    row = await work.conn.fetchrow(
        f"SELECT {', '.join(FIELDS)}, version FROM statistics_parameters WHERE company = $1", company
    )
    if row is None:
        return Kept(StatisticsParameters(), 0)
    fields = dict(row)
    return Kept(StatisticsParameters(**{name: fields[name] for name in FIELDS}), row["version"])


async def write_parameters(work: Work, company: str, kept: Kept) -> None:
    """Keep a new version."""
    values = [getattr(kept.parameters, name) for name in FIELDS]
    places = ", ".join(f"${n}" for n in range(3, 3 + len(FIELDS)))
    changes = ", ".join(f"{name} = excluded.{name}" for name in (*FIELDS, "version"))
    await work.conn.execute(
        f"""INSERT INTO statistics_parameters (company, version, {", ".join(FIELDS)}) VALUES ($1, $2, {places})
            ON CONFLICT (company) DO UPDATE SET {changes}""",
        company, kept.version, *values,
    )  # fmt: skip


async def longest_window(work: Work, company: str, parameters: StatisticsParameters) -> int:
    """Months of daily rows that some figure still reads; scoring by average balance reads its own window."""
    scored = await work.conn.fetchval(
        "SELECT EXISTS (SELECT FROM scoring_group WHERE company = $1 AND group_type = 'average_balance')", company
    )
    return max(parameters.longest, RISK_MONTHS) if scored else parameters.longest


async def days_late_of(work: Work, parties: Collection[Party]) -> dict[Party, Decimal | None]:
    """Mean of payment date less due date, in days; those never computed are absent."""
    rows = await work.conn.fetch(
        """SELECT s.* FROM unnest($1::text[], $2::text[]) AS w (company, customer)
           CROSS JOIN LATERAL (
               SELECT company, customer, average_days_late FROM customer_statistics
               WHERE customer = w.customer AND company = w.company OFFSET 0) s""",
        *columns(sorted(parties), 2),
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def customers_to_value(work: Work, company: str, customers: Sequence[str], *, converted: bool) -> list[str]:
    """Those whose exposure is not just what they owe: orders, or (`converted`) debts in another currency."""
    return [row["customer"] for row in await work.conn.fetch(TO_VALUE, company, customers, converted)]


async def days_of(work: Work, party: Party, first: date, last: date, limit: int) -> Sequence[Any]:
    """Rows by day, newest first."""
    found: Sequence[Any] = await work.conn.fetch(
        """SELECT stat_date, balance, credit_limit, exposure_value, exposure FROM balance_stat
           WHERE company = $1 AND customer = $2 AND stat_date BETWEEN $3 AND $4 ORDER BY stat_date DESC LIMIT $5""",
        *party, first, last, limit,
    )  # fmt: skip
    return found


async def delete_days(work: Work, company: str, before: date, most: int) -> int:
    """Remove rows of days before a date; answers how many, at most `most`."""
    status: str = await work.conn.execute(
        """DELETE FROM balance_stat s USING (
               SELECT customer, stat_date FROM balance_stat WHERE company = $1 AND stat_date < $2
               ORDER BY stat_date LIMIT $3) old
           WHERE s.customer = old.customer AND s.company = $1 AND s.stat_date = old.stat_date""",
        company, before, most,
    )  # fmt: skip
    return int(status.split()[-1])
