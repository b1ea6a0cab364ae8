"""A request lapses with the change of what it was asked on, in the same transaction (spec 1.17). Whoever tells of
customers or credit groups anew calls this."""

from __future__ import annotations

from collections.abc import Collection

from holdfast.approvals.kinds import Kind
from holdfast.approvals.lapsing import lapse_stale
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

KINDS: dict[str, Kind] = {}
"""What needs approval; each kind registers itself."""

OPEN = "a.state IN ('submitted', 'approval_pending', 'change_requested')"
CONCERNED = f"""
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[]) AS g (company, customer)
    UNION SELECT company, customer FROM credit_group_member WHERE credit_group = ANY($3::text[])
), named AS MATERIALIZED (
    SELECT m.credit_group AS name FROM given g
    JOIN credit_group_member m ON m.customer = g.customer AND m.company = g.company
    UNION SELECT unnest($3::text[])
)
SELECT o.id FROM given g CROSS JOIN LATERAL (
    SELECT a.id FROM approval a
    WHERE a.proposal ->> 'customer' = g.customer AND a.company = g.company AND {OPEN} OFFSET 0) o
UNION
SELECT o.id FROM given g CROSS JOIN LATERAL (
    SELECT a.id FROM approval a
    WHERE a.proposal -> 'member' ->> 'customer' = g.customer AND a.proposal -> 'member' ->> 'company' = g.company
      AND {OPEN} OFFSET 0) o
UNION
SELECT o.id FROM named n CROSS JOIN LATERAL (
    SELECT a.id FROM approval a WHERE a.proposal ->> 'group' = n.name AND {OPEN} OFFSET 0) o
UNION
SELECT o.id FROM (
    SELECT a.id, a.company, a.proposal ->> 'journal' AS journal FROM approval a
    WHERE a.proposal ? 'journal' AND NOT a.proposal ? 'line' AND {OPEN} OFFSET 0) o
JOIN adjustment_journal j ON j.number = o.journal
WHERE EXISTS (SELECT FROM given g JOIN adjustment_line l ON l.customer = g.customer
              WHERE g.company = j.company AND l.journal = j.number AND NOT l.posted)
   OR EXISTS (SELECT FROM adjustment_line l JOIN named n ON n.name = l.credit_group
              WHERE l.journal = j.number AND l.customer IS NULL AND NOT l.posted)
"""
"""Open requests that were asked on what these customers may owe, on these groups, or on those the customers are in."""


def register(kind: Kind) -> Kind:
    """A kind of subject whose requests lapse with what they are asked on."""
    KINDS[kind.name] = kind
    return kind


async def facts_changed(work: Work, parties: Collection[Party] = (), groups: Collection[str] = ()) -> None:
    """End what was asked on something else than these locked customers and groups are now; who asked is told."""
    if not parties and not groups:
        return
    if not await work.conn.fetchval(f"SELECT EXISTS (SELECT FROM approval a WHERE {OPEN})"):
        return
    rows = await work.conn.fetch(CONCERNED, *columns(sorted(parties), 2), sorted(groups))
    await lapse_stale(work, KINDS, [row["id"] for row in rows])
