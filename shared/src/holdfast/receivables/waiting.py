"""What waits for another fact: nothing is dropped for coming early, and nothing waits unseen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from holdfast.database.work import Work
from holdfast.platform.metrics import gauge

KINDS = ("settlement", "notice", "reversal", "account", "order cancellation", "delivery", "invoice")
METRIC = gauge("holdfast_facts_waiting", "Facts that wait for another one which has not come yet.", ("service", "what"))
WAITING = """
SELECT * FROM (
    SELECT 'settlement' AS what, d.company, s.settlement AS number, 'document ' || d.document AS waits_for
    FROM document d JOIN settlement s
      ON s.company = d.company AND d.document IN (s.debit_document, s.credit_document)
    WHERE d.version IS NULL
    UNION ALL
    SELECT 'notice', d.company, d.document, 'document ' || d.document FROM document d
    WHERE d.version IS NULL
      AND num_nonnulls(d.cancellation_version, d.return_version, d.dispute_version, d.hold_version) > 0
    UNION ALL
    SELECT 'reversal', r.company, r.settlement, 'settlement ' || r.settlement FROM settlement_reversal r
    WHERE NOT EXISTS (
        SELECT FROM settlement s WHERE s.company = r.company AND s.settlement = r.settlement)
    UNION ALL
    SELECT 'document', d.company, d.document, 'settlements of at most its amount' FROM document d
    WHERE (d.is_debit AND d.open_amount < 0) OR (NOT d.is_debit AND d.open_amount > 0)
    UNION ALL
    SELECT 'account', a.company, a.customer, 'customer ' || a.customer FROM account a
    WHERE NOT EXISTS (SELECT FROM customer c WHERE c.company = a.company AND c.customer = a.customer)
    UNION ALL
    SELECT 'account', a.company, min(a.customer), 'company ' || a.company FROM account a
    WHERE NOT EXISTS (SELECT FROM company c WHERE c.company = a.company AND c.version IS NOT NULL)
    GROUP BY a.company
    UNION ALL
    SELECT 'order cancellation', o.company, o.order_no, 'order ' || o.order_no FROM sales_order o
    WHERE o.version IS NULL AND o.cancel_version IS NOT NULL
    UNION ALL
    SELECT 'delivery', d.company, d.delivery, 'order ' || d.order_no
    FROM sales_order o JOIN delivery d ON d.company = o.company AND d.order_no = o.order_no
    WHERE o.version IS NULL
    UNION ALL
    SELECT 'invoice', d.company, d.document, 'order ' || d.order_no
    FROM sales_order o JOIN document d ON d.company = o.company AND d.order_no = o.order_no
    WHERE o.version IS NULL
) w
WHERE ($2::text[] IS NULL OR company = ANY ($2)) AND ($3::text IS NULL OR company = $3)
  AND ($4::text IS NULL OR what = $4)
  AND ($5::text IS NULL OR (company, what, number, waits_for) > ($5, $6::text, $7::text, $8::text))
ORDER BY company, what, number, waits_for LIMIT $1
"""
COUNTS = f"SELECT what, count(*) AS count FROM ({WAITING}) w GROUP BY what"
PRUNE = """
DELETE FROM stale_event WHERE id IN (
    SELECT id FROM stale_event WHERE received_at < $1 ORDER BY received_at LIMIT $2)
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A fact that is known, `what` and its `number`, and the one it waits for."""

    what: str
    company: str
    number: str
    waits_for: str


async def read_waiting(
    work: Work, companies: list[str] | None = None, company: str | None = None, what: str | None = None,
    after: tuple[str, str, str, str] | None = None, limit: int = 1000,
) -> list[Waiting]:  # fmt: skip
    """What waits, at most `limit` of it, by company, from the one behind `after` on.

    A delivery without an order at all is not an error.
    """
    place = after or (None, None, None, None)
    return [Waiting(*row.values()) for row in await work.conn.fetch(WAITING, limit, companies, company, what, *place)]


async def observe(pool: asyncpg.Pool, service: str) -> None:
    """Bring the metric up to date."""
    rows = await pool.fetch(COUNTS, *(None,) * 8)
    counts = {row["what"]: row["count"] for row in rows}
    for what in KINDS:
        METRIC.labels(service, what).set(counts.get(what, 0))


async def prune_stale(work: Work, before: datetime, limit: int = 10_000) -> int:
    """Forget stale events received before that instant; returns how many, `limit` when there may be more."""
    done: str = await work.conn.execute(PRUNE, before, limit)
    return int(done.split()[-1])
