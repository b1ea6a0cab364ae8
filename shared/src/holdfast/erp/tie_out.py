"""Whether what a service knows ties out against the ERP's own control totals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import asyncpg

COMPARE = """
WITH reported AS (
    SELECT company, customer, total ->> 'currency' AS currency, (total ->> 'balance')::numeric AS balance,
           (total ->> 'open_debits')::int AS debits, (total ->> 'open_credits')::int AS credits
    FROM reported_balance, jsonb_array_elements(totals) AS total)
SELECT company, currency, count(*) AS customers, coalesce(sum(r.balance), 0) AS reported,
       coalesce(sum(b.balance), 0) AS known,
       count(*) FILTER (WHERE coalesce(r.balance, 0) <> coalesce(b.balance, 0)
           OR coalesce(r.debits, 0) <> coalesce(b.debit_count, 0)
           OR coalesce(r.credits, 0) <> coalesce(b.credit_count, 0)) AS different
FROM reported r FULL JOIN balance b USING (company, customer, currency)
GROUP BY company, currency ORDER BY company, currency
"""


@dataclass(frozen=True, slots=True)
class Total:
    """Control totals of a company in one currency: the ERP's, ours, and how many customers differ."""

    company: str
    currency: str
    customers: int
    reported: Decimal
    known: Decimal
    different: int


async def tie_out(pool: asyncpg.Pool) -> list[Total]:
    """Compare what is open with the newest control totals of every customer, balance and number of documents."""
    return [Total(*row) for row in await pool.fetch(COMPARE)]
