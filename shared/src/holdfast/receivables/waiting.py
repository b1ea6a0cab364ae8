"""What waits for another fact: nothing is dropped for coming early, and nothing waits unseen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from holdfast.database.work import Work

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
) w ORDER BY company, what, number, waits_for LIMIT $1
"""
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


async def read_waiting(work: Work, limit: int = 1000) -> list[Waiting]:
    """What waits, at most `limit` of it, by company. A delivery without an order at all is not an error."""
    return [Waiting(*row.values()) for row in await work.conn.fetch(WAITING, limit)]


async def prune_stale(work: Work, before: datetime, limit: int = 10_000) -> int:
    """Forget stale events received before that instant; returns how many, `limit` when there may be more."""
    done: str = await work.conn.execute(PRUNE, before, limit)
    return int(done.split()[-1])
