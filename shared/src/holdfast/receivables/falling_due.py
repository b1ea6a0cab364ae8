"""What falls due as days pass, without an event: overdue figures of customers with many open items are made anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from holdfast.database.work import Work
from holdfast.receivables.accounts import touched
from holdfast.receivables.model import Party
from holdfast.receivables.refresh import refresh

MOST = 200
DUE = """
SELECT DISTINCT d.company, d.customer FROM (
    SELECT b.company, b.customer FROM balance b
    WHERE b.debit_count >= 100
      AND b.next_due_date < ($1::timestamptz AT TIME ZONE coalesce((
          SELECT c.time_zone FROM company c WHERE c.company = b.company), 'UTC'))::date
    ORDER BY b.next_due_date LIMIT $2) d
"""
"""Of few open items a read adds up at no cost what has fallen due since the last refresh."""


async def refresh_fallen_due(work: Work, lock: Callable[[Work, Collection[Party]], Awaitable[None]]) -> bool:
    """Make the figures of some customers anew whose items have fallen due; True when there may be more.

    `lock` takes the locks of customers, as the service does it.
    """
    rows = await work.conn.fetch(DUE, work.business_now, MOST)
    parties = {(row["company"], row["customer"]) for row in rows}
    if parties:
        await lock(work, parties)
        touched(work).owners |= parties
        await refresh(work, parties)
    return len(rows) == MOST
