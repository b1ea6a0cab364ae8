"""What checks have decided and promised: the credit status of orders, and reservations (spec 2.1, R)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from holdfast.database.bulk import columns, columns_of
from holdfast.database.work import Work
from holdfast.receivables.model import Reservation

STATUS = """
INSERT INTO sales_order AS o (company, order_no, credit_status)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
ON CONFLICT (company, order_no) DO UPDATE SET credit_status = excluded.credit_status
WHERE o.credit_status <> excluded.credit_status
"""
RESERVE = """
INSERT INTO reservation AS r (company, order_no, customer, currency, amount, order_version, status,
                              created_at, reserved_at)
SELECT n.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::bigint[],
                       $7::text[], $8::timestamptz[], $9::timestamptz[])
     AS n(company, order_no, customer, currency, amount, order_version, status, created_at, reserved_at)
WHERE NOT coalesce((
    SELECT greatest(o.version, o.cancel_version) >= n.order_version FROM sales_order o
    WHERE o.company = n.company AND o.order_no = n.order_no), false)
ON CONFLICT (company, order_no) DO UPDATE
SET customer = excluded.customer, currency = excluded.currency, amount = excluded.amount,
    order_version = excluded.order_version, status = excluded.status, created_at = excluded.created_at,
    reserved_at = excluded.reserved_at
WHERE excluded.order_version >= r.order_version
"""
END = """
DELETE FROM reservation WHERE ctid = ANY (ARRAY(
    SELECT r.ctid FROM unnest($1::text[], $2::text[]) AS n(company, order_no)
    CROSS JOIN LATERAL (
        SELECT ctid FROM reservation WHERE company = n.company AND order_no = n.order_no OFFSET 0) r))
"""
ENDED = """
DELETE FROM reservation WHERE ctid = ANY (ARRAY(
    SELECT r.ctid FROM unnest($1::text[], $2::text[]) AS n(company, order_no)
    CROSS JOIN LATERAL (
        SELECT ctid FROM reservation
        WHERE company = n.company AND order_no = n.order_no AND order_version <= (
            SELECT greatest(o.version, o.cancel_version) FROM sales_order o
            WHERE o.company = n.company AND o.order_no = n.order_no) OFFSET 0) r))
"""
EXPIRE = """
DELETE FROM reservation r USING (
    SELECT company, order_no FROM reservation
    WHERE (company, customer) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND reserved_at < $3) old
WHERE r.company = old.company AND r.order_no = old.order_no RETURNING r.*
"""
OLD = """
SELECT DISTINCT company, customer FROM reservation WHERE reserved_at < $1 ORDER BY company, customer LIMIT $2
"""


async def set_credit_status(work: Work, statuses: Collection[tuple[str, str, str]]) -> None:
    """Note (company, order, status) of decisions: passed, held, released or rejected. The last one wins.

    The order's customer must be locked; an order whose state has not come keeps the status for when it does.
    """
    if statuses:
        await work.conn.execute(STATUS, *status_values(statuses))


def status_values(statuses: Collection[tuple[str, str, str]]) -> list[list[str]]:
    """The parameters of `STATUS`: the last status of each order."""
    latest = {(company, order): status for company, order, status in statuses}
    return columns([(*key, latest[key]) for key in sorted(latest)], 3)


async def reserve(work: Work, reservations: Sequence[Reservation]) -> None:
    """Keep what checks promised, one per order, for the highest order version; the customers must be locked.

    Nothing is reserved for an order whose state (or cancellation) of that version has already come.
    """
    if reservations:
        await work.conn.execute(RESERVE, *reserve_values(reservations))


def reserve_values(reservations: Sequence[Reservation]) -> list[list[Any]]:
    """The parameters of `RESERVE`: one reservation for each order."""
    newest: dict[tuple[str, str], Reservation] = {}
    for r in reservations:
        known = newest.get((r.company, r.order))
        if known is None or known.order_version <= r.order_version:
            newest[r.company, r.order] = r
    names = ("company", "order", "customer", "currency", "amount", "order_version", "status",
             "created_at", "reserved_at")  # fmt: skip
    return columns_of([newest[key] for key in sorted(newest)], *names)


async def end_reservations(work: Work, orders: Collection[tuple[str, str]]) -> None:
    """End the reservations of (company, order) whatever is known of the order."""
    if orders:
        await work.conn.execute(END, *columns(sorted(set(orders))))


async def end_superseded(work: Work, orders: Collection[tuple[str, str]]) -> None:
    """End the reservations of (company, order) whose state or cancellation, at least as new, has come."""
    if orders:
        await work.conn.execute(ENDED, *columns(sorted(set(orders))))


async def parties_with_old_reservations(work: Work, before: datetime, limit: int = 500) -> list[tuple[str, str]]:
    """Customers with reservations made before that instant: lock them, then `expire_reservations`."""
    return [(row[0], row[1]) for row in await work.conn.fetch(OLD, before, limit)]


async def expire_reservations(work: Work, parties: Collection[tuple[str, str]], before: datetime) -> list[Reservation]:
    """End and return the reservations of these locked customers made before that instant, to be reported."""
    if not parties:
        return []
    rows = await work.conn.fetch(EXPIRE, *columns(sorted(set(parties))), before)
    return [
        Reservation(
            row["company"], row["order_no"], row["customer"], row["currency"], row["amount"],
            row["order_version"], row["status"], row["created_at"], row["reserved_at"],
        )
        for row in rows
    ]  # fmt: skip
