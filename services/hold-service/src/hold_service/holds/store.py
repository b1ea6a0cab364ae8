"""The SQL of the hold list."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

Reasons = dict[str, str]
"""Reason -> its explanation."""

LIST = """
SELECT h.*, coalesce((SELECT jsonb_agg(jsonb_build_object(
           'reason', r.reason, 'active', r.active, 'explanation', r.explanation,
           'first_seen', r.first_seen, 'cleared_at', r.cleared_at) ORDER BY r.first_seen, r.reason)
       FROM hold_reason r WHERE r.hold_id = h.id), '[]') AS reasons
FROM hold h
"""


@dataclass(frozen=True, slots=True)
class NewHold:
    """An order that begins to wait; `order_total` in `order_currency`."""

    company: str
    customer: str
    order: str
    order_version: int
    order_currency: str
    order_total: Decimal
    order_created_at: datetime
    checkpoint: str
    attempt: str
    proforma: bool
    decision: UUID
    posting_request: dict[str, Any] | None
    payment_terms: str | None = None
    cash_discount: str | None = None
    excluded: bool = False


async def insert(work: Work, holds: Sequence[NewHold]) -> dict[tuple[str, str], int]:
    """Write holds; answers their ids by (company, order). The previous hold of the order is linked."""
    if not holds:
        return {}
    rows = [
        (
            h.company, h.customer, h.order, h.order_version, h.order_currency, h.order_total, h.order_created_at,
            h.checkpoint, h.attempt, h.proforma, h.decision, h.posting_request, h.payment_terms,
            h.cash_discount, h.excluded,
        )
        for h in holds
    ]  # fmt: skip
    found = await work.conn.fetch(
        """INSERT INTO hold (company, customer, order_no, order_version, order_currency, order_total,
                             order_created_at, checkpoint, attempt, proforma, decision, posting_request,
                             payment_terms, cash_discount, order_excluded, held_at, previous_hold)
           SELECT n.*, $16, (SELECT max(p.id) FROM hold p WHERE p.company = n.company AND p.order_no = n.order_no)
           FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::numeric[],
                       $7::timestamptz[], $8::text[], $9::text[], $10::boolean[], $11::uuid[], $12::jsonb[],
                       $13::text[], $14::text[], $15::boolean[])
                AS n (company, customer, order_no, order_version, order_currency, order_total, order_created_at,
                      checkpoint, attempt, proforma, decision, posting_request, payment_terms, cash_discount,
                      order_excluded)
           RETURNING id, company, order_no""",
        *columns(rows),
        work.business_now,
    )
    return {(row["company"], row["order_no"]): row["id"] for row in found}


async def see_reasons(work: Work, reasons: Sequence[tuple[int, Reasons]]) -> None:
    """Add reasons to holds, or see them again; those that had cleared are active once more."""
    rows = [(hold_id, reason, text) for hold_id, found in reasons for reason, text in found.items()]
    if rows:
        await work.conn.execute(
            """INSERT INTO hold_reason AS r (hold_id, reason, explanation, active, first_seen)
               SELECT n.*, true, $4 FROM unnest($1::bigint[], $2::text[], $3::text[]) AS n
               ON CONFLICT (hold_id, reason) DO UPDATE
               SET active = true, cleared_at = NULL, explanation = excluded.explanation""",
            *columns(rows),
            work.business_now,
        )


async def clear_reasons(work: Work, gone: Sequence[tuple[int, str]]) -> None:
    """Reasons that no longer hold."""
    if gone:
        await work.conn.execute(
            """UPDATE hold_reason r SET active = false, cleared_at = $3
               FROM unnest($1::bigint[], $2::text[]) AS n (hold_id, reason)
               WHERE r.hold_id = n.hold_id AND r.reason = n.reason AND r.active""",
            *columns(gone),
            work.business_now,
        )


@dataclass(frozen=True, slots=True)
class Closing:
    """How a hold ends."""

    hold_id: int
    closed_as: str
    by: str
    mode: str | None = None
    reason: str | None = None
    triggers: tuple[str, ...] = ()


async def close(work: Work, closings: Sequence[Closing]) -> None:
    """End holds; each ends once, since the customer is locked."""
    rows = [(c.hold_id, c.closed_as, c.by, c.mode, c.reason, "\n".join(c.triggers)) for c in closings]
    if rows:
        await work.conn.execute(
            """UPDATE hold h
               SET active = false, closed_at = $7, closed_as = n.closed_as, closed_by = n.closed_by,
                   release_mode = n.mode, release_reason = n.reason, triggers = string_to_array(n.triggers, E'\\n'),
                   version = version + 1
               FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
                    AS n (id, closed_as, closed_by, mode, reason, triggers)
               WHERE h.id = n.id AND h.active""",
            *columns(rows),
            work.business_now,
        )


async def admit(work: Work, holds: Collection[tuple[asyncpg.Record, Decimal]]) -> None:
    """Let the held document of released orders through once, up to the released value."""
    rows = [(h["company"], h["order_no"], h["checkpoint"], h["order_currency"], total, h["id"]) for h, total in holds]
    if rows:
        await work.conn.execute(
            """INSERT INTO admission (company, order_no, checkpoint, currency, total, hold_id)
               SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::bigint[])
               ON CONFLICT (company, order_no, checkpoint) DO UPDATE
               SET currency = excluded.currency, total = excluded.total, hold_id = excluded.hold_id""",
            *columns(rows),
        )


async def active_of(work: Work, parties: Collection[Party]) -> list[asyncpg.Record]:
    """Active holds of customers, the oldest first."""
    return list(
        await work.conn.fetch(
            f"""{LIST} JOIN unnest($1::text[], $2::text[]) AS w (company, customer)
                ON h.company = w.company AND h.customer = w.customer
                WHERE h.active ORDER BY h.company, h.customer, h.held_at, h.id""",
            *columns(sorted(parties), 2),
        )
    )


async def read_hold(work: Work, hold_id: int) -> asyncpg.Record | None:
    """One hold with its reasons."""
    return await work.conn.fetchrow(f"{LIST} WHERE h.id = $1", hold_id)


async def page_of_holds(
    work: Work,
    *,
    companies: list[str] | None,
    company: str | None,
    customer: str | None,
    active: bool | None,
    reason: str | None,
    after: tuple[datetime, int] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """The hold list, oldest hold first; `companies` None stands for all."""
    return list(
        await work.conn.fetch(
            f"""{LIST} WHERE ($1::text[] IS NULL OR h.company = ANY($1)) AND ($2::text IS NULL OR h.company = $2)
                AND ($3::text IS NULL OR h.customer = $3) AND ($4::boolean IS NULL OR h.active = $4)
                AND ($5::text IS NULL OR EXISTS (
                    SELECT FROM hold_reason r WHERE r.hold_id = h.id AND r.reason = $5 AND (r.active OR NOT h.active)))
                AND ($6::timestamptz IS NULL OR (h.held_at, h.id) > ($6, $7::bigint))
                ORDER BY h.held_at, h.id LIMIT $8""",
            companies, company, customer, active, reason, after[0] if after else None, after[1] if after else None,
            limit,
        )
    )  # fmt: skip


__all__ = ["Closing", "NewHold", "date"]
