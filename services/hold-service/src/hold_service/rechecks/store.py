"""Customers whose held orders are to be decided again.

Rows are taken under the account's lock, with the set-ups and rates shared. They are written under that lock too, or
without it by who holds the set-up or the rates that have changed: what is marked is taken after that commit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

import asyncpg

from hold_service.holds.store import Place
from hold_service.parameters import PARAMETERS
from holdfast.bus.outbox import Signal
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

DUE = Signal()
"""Wakes the re-check loops of this process after a commit."""
MOST_TRIGGERS = 20
MOST_RESTARTS = 3
"""How often a pass over very many holds of a customer begins with the oldest again before it goes on to its end: the
oldest goes first (spec 2.1), and yet each has its turn however often the customer is marked."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
NOTES = "customers_marked"

MARK = """
WITH given AS MATERIALIZED (
    SELECT g.*, ARRAY(SELECT m.group_id FROM credit_group_member m
                      WHERE m.customer = g.customer AND m.company = g.company) AS groups
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS g (company, customer, triggers, credits)
), beside AS MATERIALIZED (
    SELECT w.*, (SELECT max(h.id) FROM hold h
                 WHERE h.company = w.company AND h.customer = w.customer AND h.active) AS last_hold
    FROM (SELECT company, customer, triggers, credits, company AS of_company FROM given
          UNION ALL
          SELECT other.company, other.customer, g.triggers, g.credits, g.company FROM given g
          CROSS JOIN LATERAL unnest(g.groups) AS m (group_id)
          CROSS JOIN LATERAL (
              SELECT o.company, o.customer FROM credit_group_member o WHERE o.group_id = m.group_id OFFSET 0) other) w
), noted AS (
    INSERT INTO freeing (of_company, name, company, customer, last_hold)
    SELECT DISTINCT w.of_company, c.name, w.company, w.customer, w.last_hold FROM beside w
    CROSS JOIN LATERAL unnest(string_to_array(w.credits, E'\\n')) AS c (name) WHERE w.last_hold IS NOT NULL
), marked AS (
    INSERT INTO recheck_due AS d (company, customer, due_at, triggers)
    SELECT w.company, w.customer, $5, string_to_array(string_agg(DISTINCT w.triggers, E'\\n'), E'\\n')
    FROM beside w WHERE w.last_hold IS NOT NULL
    GROUP BY w.company, w.customer
    ORDER BY w.company, w.customer
    ON CONFLICT (company, customer) DO UPDATE
    SET due_at = least(d.due_at, excluded.due_at),
        after_held_at = CASE WHEN d.restarts >= $7 THEN d.after_held_at END,
        after_id = CASE WHEN d.restarts >= $7 THEN d.after_id END,
        again = d.restarts >= $7 AND d.after_id IS NOT NULL,
        restarts = least(d.restarts + (d.after_id IS NOT NULL)::integer, $7),
        triggers = (SELECT coalesce(array_agg(t), '{}') FROM (
            SELECT DISTINCT t FROM unnest(d.triggers || excluded.triggers) t ORDER BY t LIMIT $6) x)
)
SELECT DISTINCT unnest(groups) AS group_id FROM given
"""
HELD_IN_COMPANY = """
SELECT h.company, h.customer FROM hold h WHERE h.active AND h.company = ANY($1::text[])
UNION
SELECT h.company, h.customer FROM credit_group_member m
JOIN credit_group_member o ON o.group_id = m.group_id
JOIN hold h ON h.company = o.company AND h.customer = o.customer AND h.active
WHERE m.company = ANY($1::text[])
"""
DUE_TOGETHER = """
WITH first AS MATERIALIZED (
    SELECT company, customer FROM recheck_due WHERE due_at <= $1 ORDER BY due_at, company, customer LIMIT $2
)
SELECT company, customer FROM first
UNION
SELECT d.company, d.customer FROM first f
CROSS JOIN LATERAL (
    SELECT m.group_id FROM credit_group_member m WHERE m.customer = f.customer AND m.company = f.company OFFSET 0) m
CROSS JOIN LATERAL (
    SELECT o.company, o.customer FROM credit_group_member o WHERE o.group_id = m.group_id OFFSET 0) o
CROSS JOIN LATERAL (
    SELECT d.company, d.customer, d.due_at FROM recheck_due d
    WHERE d.company = o.company AND d.customer = o.customer OFFSET 0) d
WHERE d.due_at <= $1
"""
"""Members of a group share their room: the oldest hold of all of them goes first."""
HELD_FOR_OLD_FACTS = """
SELECT DISTINCT h.company, h.customer FROM hold_reason r
CROSS JOIN LATERAL (SELECT h.company, h.customer, h.active FROM hold h WHERE h.id = r.hold_id OFFSET 0) h
WHERE r.reason = 'facts_too_old' AND r.active AND h.active
  AND NOT coalesce((SELECT d.failures > 0 FROM recheck_due d
                    WHERE d.company = h.company AND d.customer = h.customer), false)
"""
"""Who is put off stays so."""
HELD_BY_RATES = """
WITH given AS MATERIALIZED (
    SELECT DISTINCT least(f, t) AS low, greatest(f, t) AS high FROM unnest($1::text[], $2::text[]) AS g (f, t)
), held AS MATERIALIZED (
    SELECT DISTINCT company, customer FROM hold WHERE active
), beside AS MATERIALIZED (
    SELECT company, customer, company AS of_company, customer AS of_customer, NULL AS into_currency FROM held
    UNION
    SELECT o.company, o.customer, h.company, h.customer, g.currency FROM held h
    CROSS JOIN LATERAL (
        SELECT m.group_id FROM credit_group_member m
        WHERE m.customer = h.customer AND m.company = h.company OFFSET 0) m
    CROSS JOIN LATERAL (SELECT g.currency FROM credit_group g WHERE g.group_id = m.group_id OFFSET 0) g
    CROSS JOIN LATERAL (
        SELECT o.company, o.customer FROM credit_group_member o WHERE o.group_id = m.group_id OFFSET 0) o
), used AS MATERIALIZED (
    SELECT p.company, p.customer, u.currency FROM (SELECT DISTINCT company, customer FROM beside) p
    CROSS JOIN LATERAL (
        SELECT b.currency FROM balance b WHERE b.customer = p.customer AND b.company = p.company
        UNION
        SELECT r.currency FROM reservation r WHERE r.customer = p.customer AND r.company = p.company
        UNION
        SELECT s.currency FROM sales_order s
        WHERE s.customer = p.customer AND s.company = p.company AND (s.open_amount > 0 OR s.uninvoiced_amount > 0)
        UNION
        SELECT jsonb_object_keys(s.invoiced_foreign) FROM sales_order s
        WHERE s.customer = p.customer AND s.company = p.company AND (s.open_amount > 0 OR s.uninvoiced_amount > 0)
        UNION
        SELECT h.order_currency FROM hold h WHERE h.customer = p.customer AND h.company = p.company AND h.active
        UNION
        SELECT jsonb_object_keys(s.invoiced_foreign) FROM hold h
        JOIN sales_order s ON s.order_no = h.order_no AND s.company = h.company
        WHERE h.customer = p.customer AND h.company = p.company AND h.active
        UNION
        SELECT jsonb_array_elements(f.policies) ->> 'currency' FROM profile f
        WHERE f.customer = p.customer AND f.company = p.company
        UNION
        SELECT r.currency FROM rule r WHERE r.company = p.company AND r.enabled) u
)
SELECT DISTINCT b.of_company AS company, b.of_customer AS customer FROM beside b
JOIN company c ON c.company = b.company
JOIN given g ON (g.low, g.high) = (least(c.currency, b.into_currency), greatest(c.currency, b.into_currency))
    OR EXISTS (SELECT FROM used u WHERE u.company = b.company AND u.customer = b.customer
               AND (g.low, g.high) = (least(c.currency, u.currency), greatest(c.currency, u.currency)))
"""
"""A member of a group converts its own currencies into its company's, and that into the group's."""


async def mark(
    work: Work, parties: Collection[Party], triggers: Mapping[Party, Collection[str]], *, delay_seconds: float,
    credits: Mapping[Party, Collection[str]] = MappingProxyType({}),
) -> set[str]:  # fmt: skip
    """Held orders of these customers, and of the other members of their credit groups, are to be decided again;
    those without held orders are passed over. Answers the groups of these customers.

    `triggers` are told to whoever reads of what follows, the first of very many; `credits`, documents and settlements
    whose reversal takes back what they free, are all kept.
    """
    rows = [
        (*party, "\n".join(sorted(set(triggers.get(party, ())))[:MOST_TRIGGERS]), "\n".join(credits.get(party, ())))
        for party in sorted(parties)
    ]
    due_at = work.business_now + timedelta(seconds=delay_seconds)
    if not rows:
        return set()
    work.notes[NOTES] = True
    groups = await work.conn.fetch(MARK, *columns(rows), due_at, MOST_TRIGGERS, MOST_RESTARTS)
    work.on_commit(DUE.send)
    return {row["group_id"] for row in groups}


def has_marked(work: Work) -> bool:
    """Whether this transaction has marked customers, for whom others may wait."""
    return NOTES in work.notes


async def held_in_company(work: Work, companies: Collection[str]) -> set[Party]:
    """Customers of companies that have held orders, and the members of credit groups with customers of them."""
    return _parties(await work.conn.fetch(HELD_IN_COMPANY, sorted(companies)))


async def held_by_rates(work: Work, pairs: Collection[tuple[str, str]]) -> set[Party]:
    """Customers with held orders whose figures convert between two of these currencies, in either direction."""
    return _parties(await work.conn.fetch(HELD_BY_RATES, *columns(sorted(pairs), 2)))


async def held_for_old_facts(work: Work) -> set[Party]:
    """Customers with orders that are held because the facts were too old."""
    return _parties(await work.conn.fetch(HELD_FOR_OLD_FACTS))


async def mark_company(work: Work, company: str) -> None:
    """The set-up of a company has been changed by this transaction: what is held by it is decided again."""
    await mark(work, await held_in_company(work, {company}), {}, delay_seconds=PARAMETERS.recheck_delay)


def _parties(rows: Sequence[asyncpg.Record]) -> set[Party]:
    return {(row["company"], row["customer"]) for row in rows}


async def due(work: Work, most: int) -> list[Party]:
    """Customers that are due, the longest waiting first, each with all other members of its groups that are due;
    nothing is locked yet."""
    rows = await work.conn.fetch(DUE_TOGETHER, work.business_now, most)
    return [(row["company"], row["customer"]) for row in rows]


async def put_off(work: Work, party: Party, error: str) -> int:
    """The held orders of this locked customer cannot be decided: try later, and less often each time. Answers how often
    it has failed."""
    failures: int | None = await work.conn.fetchval(
        """UPDATE recheck_due SET failures = failures + 1, last_error = $3,
                  due_at = $4::timestamptz + least($5::interval * power(2, least(failures, 20)), $6::interval)
           WHERE company = $1 AND customer = $2 RETURNING failures""",
        *party,
        error[:2000],
        work.business_now,
        FIRST_PAUSE,
        LONGEST_PAUSE,
    )
    return failures or 0


@dataclass(frozen=True, slots=True)
class Due:
    """What made a customer due; of its holds those up to a place have been decided again already, after so many
    restarts. `again`: more has come since, which the next pass is for."""

    triggers: tuple[str, ...]
    after: Place | None = None
    restarts: int = 0
    again: bool = False


async def take(work: Work, parties: Collection[Party]) -> dict[Party, Due]:
    """Take the due rows of locked customers."""
    rows = await work.conn.fetch(
        """DELETE FROM recheck_due d USING unnest($1::text[], $2::text[]) AS w (company, customer)
           WHERE d.company = w.company AND d.customer = w.customer AND d.due_at <= $3
           RETURNING d.company, d.customer, d.triggers, d.after_held_at, d.after_id, d.restarts, d.again""",
        *columns(sorted(parties), 2),
        work.business_now,
    )
    return {(r["company"], r["customer"]): _due(r) for r in rows}


def _due(row: asyncpg.Record) -> Due:
    after = (row["after_held_at"], row["after_id"]) if row["after_id"] else None
    return Due(tuple(t for t in row["triggers"] if t), after, row["restarts"], row["again"])


LEAVE = """
INSERT INTO recheck_due (company, customer, due_at, triggers, after_held_at, after_id, restarts, again)
SELECT w.company, w.customer, $8, string_to_array(w.triggers, E'\\n'),
       CASE WHEN l.younger THEN w.after_held_at END, CASE WHEN l.younger THEN w.after_id END,
       CASE WHEN l.younger THEN w.restarts ELSE 0 END, l.younger AND w.again
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::integer[], $7::boolean[])
     AS w (company, customer, triggers, after_held_at, after_id, restarts, again)
CROSS JOIN LATERAL (
    SELECT coalesce((SELECT true FROM hold h WHERE h.company = w.company AND h.customer = w.customer AND h.active
                       AND (h.held_at, h.id) > (w.after_held_at, w.after_id) LIMIT 1), false) AS younger) l
WHERE l.younger OR w.again
ON CONFLICT DO NOTHING
"""


async def leave(work: Work, taken: Mapping[Party, Due], place: Place) -> None:
    """What was taken of locked customers has been decided up to a place: their younger holds are due at once, or all of
    them where that was the end of a pass and more has come since it began."""
    rows = [
        (*party, "\n".join(due.triggers), *max(place, due.after or place), due.restarts, due.again)
        for party, due in sorted(taken.items())
    ]
    await work.conn.execute(LEAVE, *columns(rows, 7), work.business_now)
