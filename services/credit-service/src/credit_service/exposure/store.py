"""What the views of exposure read beyond the receivables kernel."""

from __future__ import annotations

import asyncpg

from holdfast.database.work import Work
from holdfast.receivables.model import Party


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


async def reconciliation(work: Work, company: str) -> list[asyncpg.Record]:
    """Per customer and currency: what the ERP reported last, and what our open items come to."""
    return list(
        await work.conn.fetch(
            """SELECT coalesce(r.customer, b.customer) AS customer, coalesce(r.currency, b.currency) AS currency,
                      r.as_of, r.balance AS reported, coalesce(b.balance, 0) AS computed
               FROM (SELECT rb.customer, rb.as_of, t ->> 'currency' AS currency, (t ->> 'balance')::numeric AS balance
                     FROM reported_balance rb CROSS JOIN LATERAL jsonb_array_elements(rb.totals) t
                     WHERE rb.company = $1) r
               FULL JOIN (SELECT customer, currency, balance FROM balance WHERE company = $1) b
                 ON b.customer = r.customer AND b.currency = r.currency
               ORDER BY 1, 2""",
            company,
        )
    )
