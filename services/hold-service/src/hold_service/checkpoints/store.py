"""The SQL of checkpoints."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal

import asyncpg

from hold_service.setups.model import CheckpointSetup
from holdfast.contracts.erp_orders import OrderChanged
from holdfast.database.bulk import columns, columns_of
from holdfast.database.work import Work


async def read_checkpoint(work: Work, company: str, document: str) -> asyncpg.Record | None:
    """One checkpoint, if it was set up."""
    return await work.conn.fetchrow(
        "SELECT * FROM checkpoint WHERE company = $1 AND document = $2",
        company,
        document,
    )


async def read_checkpoints(work: Work, company: str) -> list[asyncpg.Record]:
    """The checkpoints of a company that were set up."""
    return list(await work.conn.fetch("SELECT * FROM checkpoint WHERE company = $1", company))


async def write_checkpoint(work: Work, company: str, document: str, given: CheckpointSetup) -> asyncpg.Record:
    """Set a checkpoint up, or change it."""
    row = await work.conn.fetchrow(
        """INSERT INTO checkpoint AS c (company, document, check_on_posting, check_on_proforma, grace_days, version)
           VALUES ($1, $2, $3, $4, $5, 1)
           ON CONFLICT (company, document) DO UPDATE
           SET check_on_posting = excluded.check_on_posting, check_on_proforma = excluded.check_on_proforma,
               grace_days = excluded.grace_days, version = c.version + 1
           RETURNING *""",
        company,
        document,
        given.on_posting,
        given.on_proforma,
        given.grace_days,
    )
    assert row is not None
    return row


@dataclass(frozen=True, slots=True)
class Released:
    """The release of an order: until when, and up to what value, it is not checked again (spec 3.6)."""

    company: str
    order: str
    customer: str
    hold_id: int
    checkpoint: str
    released_on: date
    grace_until: date | None
    currency: str
    total: Decimal
    payment_terms: str | None
    cash_discount: str | None
    capped: bool
    valid_until: date | None
    order_version: int


RELEASED_FIELDS = tuple(field.name for field in fields(Released))


async def note_releases(work: Work, released: Sequence[Released]) -> None:
    """Keep the last release of each order."""
    if released:
        await work.conn.execute(
            """INSERT INTO order_release (company, order_no, customer, hold_id, checkpoint, released_on, grace_until,
                                          currency, total, payment_terms, cash_discount, capped, valid_until,
                                          order_version)
               SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::date[],
                                    $7::date[], $8::text[], $9::numeric[], $10::text[], $11::text[],
                                    $12::boolean[], $13::date[], $14::bigint[])
               ON CONFLICT (order_no, company) DO UPDATE
               SET customer = excluded.customer, hold_id = excluded.hold_id, checkpoint = excluded.checkpoint,
                   released_on = excluded.released_on, grace_until = excluded.grace_until,
                   currency = excluded.currency, total = excluded.total, payment_terms = excluded.payment_terms,
                   cash_discount = excluded.cash_discount, capped = excluded.capped,
                   valid_until = excluded.valid_until, order_version = excluded.order_version""",
            *columns_of(released, *RELEASED_FIELDS),
        )


RAISED = """
UPDATE order_release r SET grace_until = NULL
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::numeric[])
     AS w (company, order_no, order_version, currency, total)
LEFT JOIN parameters p ON p.company = w.company
WHERE r.order_no = w.order_no AND r.company = w.company AND r.grace_until IS NOT NULL
  AND w.order_version > r.order_version
  AND NOT coalesce((p.settings ->> 'skip_rules_after_release')::boolean, false)
  AND (w.currency <> r.currency OR w.total > r.total
       * (100 + coalesce((p.settings ->> 'release_value_tolerance_percent')::numeric, 0)) / 100)
"""


async def end_grace_of_raised(work: Work, states: Sequence[OrderChanged]) -> None:
    """A value increase after a release ends the window at once, also when the value goes down again (spec 3.6)."""
    rows = [(s.company, s.order, s.version, s.currency, s.total) for s in states]
    if rows:
        await work.conn.execute(RAISED, *columns(rows))


OF_CREDITS = """
SELECT g.company, t.name FROM unnest($1::text[], $2::text[]) AS g (company, number)
CROSS JOIN LATERAL (
    SELECT d.is_debit FROM document d WHERE d.company = g.company AND d.document = g.number OFFSET 0) d
CROSS JOIN LATERAL (
    SELECT g.number UNION ALL
    SELECT s.settlement FROM settlement s WHERE s.company = g.company AND s.credit_document = g.number OFFSET 0
) t (name)
WHERE NOT d.is_debit
"""
"""A payment or credit note that is gone, and what it settled. A debit that is gone binds nobody."""
OF_SETTLEMENTS = """
SELECT g.company, t.name FROM unnest($1::text[], $2::text[]) AS g (company, number)
CROSS JOIN LATERAL (
    SELECT g.number UNION ALL
    SELECT s.credit_document FROM settlement s WHERE s.company = g.company AND s.settlement = g.number OFFSET 0
) t (name)
"""
"""A settlement that is gone, and the payment or credit note that it was an application of."""
FREED_BY = """
SELECT DISTINCT r.hold_id FROM unnest($1::text[], $2::text[]) AS g (company, name)
CROSS JOIN LATERAL (
    SELECT f.id, f.company, f.customer, f.last_hold FROM freeing f
    WHERE f.name = g.name AND f.of_company = g.company OFFSET 0) f
CROSS JOIN LATERAL (
    SELECT r.hold_id, r.company FROM order_release r WHERE r.customer = f.customer
    UNION ALL
    SELECT a.hold_id, a.company FROM admission a WHERE a.customer = f.customer OFFSET 0) r
CROSS JOIN LATERAL (SELECT h.freed_until FROM hold h WHERE h.id = r.hold_id OFFSET 0) h
WHERE r.company = f.company AND r.hold_id <= f.last_hold AND f.id < h.freed_until
"""
"""A payment frees orders of all members of the payer's credit group. What it has admitted may be left of an order that
was released again since, at another checkpoint. The company is compared afterwards, lest it be looked up alone."""
FORGET = """
DELETE FROM freeing WHERE (name, of_company, id) IN (
    SELECT f.name, f.of_company, f.id FROM freeing f
    WHERE NOT EXISTS (
        SELECT FROM hold h
        WHERE h.customer = f.customer AND h.company = f.company AND h.active AND h.id <= f.last_hold)
      AND NOT EXISTS (
        SELECT FROM (SELECT r.hold_id, r.company FROM order_release r WHERE r.customer = f.customer
                     UNION ALL
                     SELECT a.hold_id, a.company FROM admission a WHERE a.customer = f.customer) r
        JOIN hold h ON h.id = r.hold_id
        WHERE r.company = f.company AND r.hold_id <= f.last_hold AND f.id < h.freed_until)
    LIMIT $1)
"""
"""What `FREED_BY` can find nothing for any more, nor will: no order of that time waits, and none was let go by it."""
Gone = Collection[tuple[str, str]]
"""Company, and the number of what counts no longer."""


async def end_freed_by_credits(work: Work, gone: Gone) -> None:
    """End what releases grant to orders that payments or credit notes have freed which are gone."""
    await _end_freed_by(work, OF_CREDITS, gone)


async def end_freed_by_settlements(work: Work, gone: Gone) -> None:
    """End what releases grant to orders that settlements have freed which are gone."""
    await _end_freed_by(work, OF_SETTLEMENTS, gone)


async def _end_freed_by(work: Work, related: str, gone: Gone) -> None:
    triggers = await work.conn.fetch(related, *columns(sorted(gone), 2))
    freed = await work.conn.fetch(FREED_BY, *columns(sorted({tuple(row) for row in triggers}), 2))
    holds = [row["hold_id"] for row in freed]
    if holds:
        await work.conn.execute("DELETE FROM order_release WHERE hold_id = ANY($1::bigint[])", holds)
        await work.conn.execute("DELETE FROM admission WHERE hold_id = ANY($1::bigint[])", holds)


async def forget_freeing(work: Work, most: int) -> int:
    """Forget payments, credit notes and settlements that no release hangs on any more; answers how many."""
    done: str = await work.conn.execute(FORGET, most)
    return int(done.split()[-1])
