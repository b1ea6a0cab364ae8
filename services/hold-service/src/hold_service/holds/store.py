"""The SQL of the hold list."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import asyncpg

from hold_service.checks.known import Said
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

TERMS = """CASE WHEN o.version > h.order_version THEN o.payment_terms
                ELSE coalesce(h.payment_terms, o.payment_terms) END"""
LIST = f"""
SELECT h.*, d.sold_to, d.sales_taker, d.sales_responsible, d.sales_pool, d.freight_zone, d.load, d.delivery_date,
       o.version AS state_version, o.currency AS state_currency, o.total AS state_total,
       o.customer AS state_customer, {TERMS} AS shown_terms,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
           'reason', r.reason, 'active', r.active, 'explanation', r.explanation,
           'first_seen', r.first_seen, 'cleared_at', r.cleared_at) ORDER BY r.first_seen, r.reason), '[]')
        FROM hold_reason r WHERE r.hold_id = h.id) AS reasons
FROM hold h
LEFT JOIN order_detail d ON d.order_no = h.order_no AND d.company = h.company
LEFT JOIN sales_order o ON o.order_no = h.order_no AND o.company = h.company
"""


COMPANY_TOTAL = """CASE WHEN q.picture ->> 'currency' = h.order_currency THEN h.order_total
                        ELSE (q.picture #>> '{facts,order_total}')::numeric END"""
"""In company currency, as the newest decision converted it; null where a rate lacked."""
OF_RELEASE = """
LEFT JOIN LATERAL (SELECT r.grace_until, r.order_version FROM order_release r WHERE r.hold_id = h.id OFFSET 0) r
ON (o.cancel_version >= r.order_version) IS NOT TRUE
"""
OF_PROFILE = "LEFT JOIN profile f ON f.customer = h.customer AND f.company = h.company"
OF_DECISION = """
LEFT JOIN LATERAL (SELECT q.picture, q.answer FROM decision q WHERE q.id = h.decision OFFSET 0) q ON true
"""
SHOWN = (
    LIST.replace(
        "FROM hold h\n",
        f"""
       , d.sales_deadline, d.lines AS state_lines, r.grace_until, f.credit_management_group,
       {COMPANY_TOTAL} AS company_total,
       q.picture ->> 'currency' AS company_currency, q.answer -> 'overdue_accounts' AS overdue_accounts
FROM hold h
""",
    )
    + OF_RELEASE
    + OF_PROFILE
    + OF_DECISION
)
"""With what only people look at."""


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
    said: Said
    forced_reason: str | None = None


async def insert(work: Work, holds: Sequence[NewHold]) -> dict[tuple[str, str], tuple[int, int | None]]:
    """Write holds; answers by (company, order) their ids and those of the holds of the order before, which are
    linked."""
    if not holds:
        return {}
    rows = [
        (
            h.company, h.customer, h.order, h.order_version, h.order_currency, h.order_total, h.order_created_at,
            h.checkpoint, h.attempt, h.proforma, h.decision, h.posting_request, *astuple(h.said), h.forced_reason,
        )
        for h in holds
    ]  # fmt: skip
    found = await work.conn.fetch(
        """INSERT INTO hold (company, customer, order_no, order_version, order_currency, order_total,
                             order_created_at, checkpoint, attempt, proforma, decision, posting_request,
                             payment_terms, cash_discount, order_excluded, is_project, reserved_total, forced_reason,
                             held_at, attempted_at, previous_hold, lines)
           SELECT n.*, $19, CASE WHEN n.forced_reason IS NULL THEN $19::timestamptz END,
                  (SELECT max(p.id) FROM hold p WHERE p.company = n.company AND p.order_no = n.order_no),
                  coalesce((SELECT d.lines FROM order_detail d
                            WHERE d.order_no = n.order_no AND d.company = n.company), '[]')
           FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::numeric[],
                       $7::timestamptz[], $8::text[], $9::text[], $10::boolean[], $11::uuid[], $12::jsonb[],
                       $13::text[], $14::text[], $15::boolean[], $16::boolean[], $17::numeric[], $18::text[])
                AS n (company, customer, order_no, order_version, order_currency, order_total, order_created_at,
                      checkpoint, attempt, proforma, decision, posting_request, payment_terms, cash_discount,
                      order_excluded, is_project, reserved_total, forced_reason)
           RETURNING id, company, order_no, previous_hold""",
        *columns(rows),
        work.business_now,
    )
    return {(row["company"], row["order_no"]): (row["id"], row["previous_hold"]) for row in found}


async def renew_decisions(work: Work, renewed: Sequence[tuple[int, UUID]]) -> None:
    """Holds stand on newer decisions; who has read them has their new reasons by another version already."""
    if renewed:
        await work.conn.execute(
            """UPDATE hold h SET decision = n.decision FROM unnest($1::bigint[], $2::uuid[]) AS n (id, decision)
               WHERE h.id = n.id""",
            *columns(renewed),
        )


async def note_changed_amounts(work: Work, hold_ids: Sequence[int]) -> None:
    """The order's value was edited while it was held."""
    if hold_ids:
        await work.conn.execute(
            """UPDATE hold SET amount_changed = true, version = version + 1
               WHERE id = ANY($1::bigint[]) AND NOT amount_changed""",
            hold_ids,
        )


async def hand_over(work: Work, rows: Sequence[asyncpg.Record]) -> None:
    """Holds of orders that have another invoice account by now are that customer's from now on."""
    await work.conn.execute(
        """UPDATE hold h SET customer = n.customer, version = h.version + 1
           FROM unnest($1::bigint[], $2::text[]) AS n (id, customer) WHERE h.id = n.id AND h.active""",
        *columns([(row["id"], row["state_customer"]) for row in rows], 2),
    )


async def note_workflow(work: Work, hold_id: int, status: str, approved: UUID | None) -> None:
    """Where the approval of a release or rejection stands; `approved` is the one that lets a person do it."""
    await work.conn.execute(
        "UPDATE hold SET workflow_status = $2, approved = $3, version = version + 1 WHERE id = $1",
        hold_id,
        status,
        approved,
    )


async def edit(work: Work, hold_id: int, review_date: date | None, notes: str) -> None:
    """What a person writes on a hold."""
    await work.conn.execute(
        "UPDATE hold SET review_date = $2, notes = $3, version = version + 1 WHERE id = $1",
        hold_id,
        review_date,
        notes,
    )


Place = tuple[datetime, int]
"""Since when an order is held, and the number of its hold: which of two is older."""


async def active_of(
    work: Work, parties: Collection[Party], only: Collection[int] | None = None, *,
    after: Mapping[Party, Place] = MappingProxyType({}), most: int | None = None,
) -> list[asyncpg.Record]:  # fmt: skip
    """Active holds of customers, or `only` some of them, the oldest first, whosever it is: members of a group share
    their room (spec 2.1). `after`: only those that are younger, by customer; at most `most`."""
    wanted = [(*party, *after.get(party, (None, None))) for party in sorted(parties)]
    return list(
        await work.conn.fetch(
            f"""{LIST} JOIN unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[])
                     AS w (company, customer, after_held_at, after_id)
                ON h.company = w.company AND h.customer = w.customer
                WHERE h.active AND ($5::bigint[] IS NULL OR h.id = ANY($5))
                  AND (w.after_id IS NULL OR (h.held_at, h.id) > (w.after_held_at, w.after_id))
                ORDER BY h.held_at, h.id LIMIT $6""",
            *columns(wanted, 4),
            None if only is None else list(only),
            most,
        )
    )


async def read_hold(work: Work, hold_id: int) -> asyncpg.Record | None:
    """One hold with its reasons."""
    return await work.conn.fetchrow(f"{SHOWN} WHERE h.id = $1", hold_id)


async def read_holds(work: Work, hold_ids: Sequence[int]) -> list[asyncpg.Record]:
    """These holds with their reasons, in the order of their numbers."""
    return list(await work.conn.fetch(f"{LIST} WHERE h.id = ANY($1::bigint[]) ORDER BY h.id", hold_ids))
