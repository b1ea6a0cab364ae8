"""The SQL of what holds need to know of orders beside their figures."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from holdfast.contracts.erp_orders import OrderChanged
from holdfast.database.bulk import columns
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.receivables.model import Party

KEEP = """
WITH kept AS (
INSERT INTO order_detail AS d (company, order_no, version, sold_to, sales_taker, sales_responsible, sales_pool,
                               freight_zone, load, delivery_date, sales_deadline, lines)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::text[], $10::date[], $11::date[], $12::text[]::jsonb[])
ON CONFLICT (company, order_no) DO UPDATE
SET version = excluded.version, sold_to = excluded.sold_to, sales_taker = excluded.sales_taker,
    sales_responsible = excluded.sales_responsible, sales_pool = excluded.sales_pool,
    freight_zone = excluded.freight_zone, load = excluded.load,
    delivery_date = excluded.delivery_date, sales_deadline = excluded.sales_deadline, lines = excluded.lines
WHERE excluded.version > d.version
RETURNING d.company, d.order_no, d.lines
)
UPDATE hold h SET lines = k.lines FROM kept k
WHERE h.order_no = k.order_no AND h.company = k.company AND h.active AND h.lines = '[]' AND k.lines <> '[]'
"""
"""A hold that began before the order's state came has its lines from the first one."""
OPEN = """
SELECT o.company, o.order_no, o.customer, o.version, o.currency, o.total, o.created_at, o.open_amount,
       o.payment_terms, o.cash_discount, o.excluded,
       EXISTS (SELECT FROM hold h WHERE h.company = o.company AND h.order_no = o.order_no AND h.active) AS is_held
FROM sales_order o
WHERE o.company = $1 AND o.version IS NOT NULL AND NOT o.cancelled
  AND (o.open_amount > 0 OR o.uninvoiced_amount > 0)
  AND (o.order_no = ANY($2::text[]) OR o.customer = ANY($3::text[]))
ORDER BY o.created_at, o.order_no
"""


async def keep(work: Work, orders: Sequence[OrderChanged]) -> None:
    """Keep orders that are newer than what is known of them."""
    rows = [
        (
            o.company, o.order, o.version, o.sold_to, o.sales_taker, o.sales_responsible, o.sales_pool, o.freight_zone,
            o.load, o.requested_delivery_date, o.sales_deadline,
            to_json([line.model_dump(mode="json", exclude_none=True) for line in o.lines]),
        )
        for o in sorted(orders, key=lambda o: (o.company, o.order))
    ]  # fmt: skip
    if rows:
        await work.conn.execute(KEEP, *columns(rows))


async def holders(work: Work, orders: Sequence[OrderChanged]) -> set[Party]:
    """Customers that have an order of these on hold."""
    rows = await work.conn.fetch(
        """SELECT h.company, h.customer FROM unnest($1::text[], $2::text[]) AS w (company, order_no)
           JOIN hold h ON h.order_no = w.order_no AND h.company = w.company AND h.active""",
        *columns([(o.company, o.order) for o in orders], 2),
    )
    return {(row["company"], row["customer"]) for row in rows}


async def open_orders(
    work: Work, company: str, numbers: Sequence[str], customers: Sequence[str]
) -> list[asyncpg.Record]:
    """Open orders of a company that are named, or whose customers are; the oldest first (spec 2.1, 3.11)."""
    return list(await work.conn.fetch(OPEN, company, list(numbers), list(customers)))
