"""Customers whose held orders are to be decided again. Rows are written and taken under the account's lock."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from holdfast.bus.outbox import Signal
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

DUE = Signal()
"""Wakes the re-check loops of this process after a commit."""
MOST_TRIGGERS = 20

MARK = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS g (company, customer, triggers)
)
INSERT INTO recheck_due AS d (company, customer, due_at, triggers)
SELECT w.company, w.customer, $4, string_to_array(string_agg(DISTINCT w.triggers, E'\\n'), E'\\n')
FROM (SELECT * FROM given
      UNION ALL
      SELECT other.company, other.customer, g.triggers FROM given g
      CROSS JOIN LATERAL (
          SELECT m.group_id FROM credit_group_member m
          WHERE m.customer = g.customer AND m.company = g.company OFFSET 0) m
      CROSS JOIN LATERAL (
          SELECT o.company, o.customer FROM credit_group_member o WHERE o.group_id = m.group_id OFFSET 0) other) w
WHERE (SELECT true FROM hold h WHERE h.company = w.company AND h.customer = w.customer AND h.active LIMIT 1)
GROUP BY w.company, w.customer
ORDER BY w.company, w.customer
ON CONFLICT (company, customer) DO UPDATE
SET due_at = least(d.due_at, excluded.due_at),
    triggers = (SELECT coalesce(array_agg(t), '{}') FROM (
        SELECT DISTINCT t FROM unnest(d.triggers || excluded.triggers) t ORDER BY t LIMIT $5) x)
"""


async def mark(
    work: Work, parties: Collection[Party], triggers: Mapping[Party, Collection[str]], *, delay_seconds: float
) -> None:
    """Held orders of these customers, and of the other members of their credit groups, are to be decided again;
    those without held orders are passed over."""
    rows = [
        (company, customer, "\n".join(sorted(set(triggers.get((company, customer), ())))[:MOST_TRIGGERS]))
        for company, customer in sorted(parties)
    ]
    due_at = work.business_now + timedelta(seconds=delay_seconds)
    if rows:
        await work.conn.execute(MARK, *columns(rows), due_at, MOST_TRIGGERS)
        work.on_commit(DUE.send)


async def held_in_company(work: Work, companies: Collection[str], reason: str | None = None) -> set[Party]:
    """Customers of companies that have held orders, with `reason` only those held for it."""
    rows = await work.conn.fetch(
        """SELECT DISTINCT h.company, h.customer FROM hold h WHERE h.active AND h.company = ANY($1::text[])
           AND ($2::text IS NULL OR EXISTS (
               SELECT FROM hold_reason r WHERE r.hold_id = h.id AND r.reason = $2 AND r.active))""",
        sorted(companies),
        reason,
    )
    return {(row["company"], row["customer"]) for row in rows}


async def held_for(work: Work, reason: str) -> set[Party]:
    """Customers of all companies with orders held for a reason."""
    rows = await work.conn.fetch(
        """SELECT DISTINCT h.company, h.customer FROM hold h JOIN hold_reason r ON r.hold_id = h.id
           WHERE h.active AND r.active AND r.reason = $1""",
        reason,
    )
    return {(row["company"], row["customer"]) for row in rows}


async def due(work: Work, most: int) -> list[Party]:
    """Customers that are due, the longest waiting first; nothing is locked yet."""
    rows = await work.conn.fetch(
        """SELECT company, customer FROM recheck_due WHERE due_at <= $1
           ORDER BY due_at, company, customer LIMIT $2""",
        work.business_now,
        most,
    )
    return [(row["company"], row["customer"]) for row in rows]


async def take(work: Work, parties: Collection[Party]) -> dict[Party, tuple[str, ...]]:
    """Take the due rows of locked customers, with what triggered them."""
    rows = await work.conn.fetch(
        """DELETE FROM recheck_due d USING unnest($1::text[], $2::text[]) AS w (company, customer)
           WHERE d.company = w.company AND d.customer = w.customer AND d.due_at <= $3
           RETURNING d.company, d.customer, d.triggers""",
        *columns(sorted(parties), 2),
        work.business_now,
    )
    return {(r["company"], r["customer"]): tuple(t for t in r["triggers"] if t) for r in rows}
