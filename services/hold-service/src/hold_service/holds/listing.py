"""The SQL of the hold list: every column as filter and sort (spec 1.16, 5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import asyncpg

from hold_service.holds.store import LIST, TERMS
from holdfast.database.work import Work

PRIMARY = """(SELECT CASE count(*) WHEN 0 THEN 'none' WHEN 1 THEN min(r.reason) ELSE 'multiple' END
              FROM hold_reason r WHERE r.hold_id = h.id AND r.active)"""
COLUMNS: dict[str, tuple[str, str, type]] = {
    "hold": ("h.id", "bigint", int),
    "company": ("h.company", "text", str),
    "customer": ("h.customer", "text", str),
    "order": ("h.order_no", "text", str),
    "held_at": ("h.held_at", "timestamptz", datetime),
    "order_created_at": ("h.order_created_at", "timestamptz", datetime),
    "order_total": ("h.order_total", "numeric", Decimal),
    "currency": ("h.order_currency", "text", str),
    "checkpoint": ("h.checkpoint", "text", str),
    "primary_reason": (PRIMARY, "text", str),
    "forced_reason": ("coalesce(h.forced_reason, '')", "text", str),
    "review_date": ("coalesce(h.review_date, 'infinity')", "date", date),
    "workflow_status": ("h.workflow_status", "text", str),
    "escalations": ("h.escalations", "integer", int),
    "sold_to": ("coalesce(d.sold_to, '')", "text", str),
    "sales_taker": ("coalesce(d.sales_taker, '')", "text", str),
    "sales_responsible": ("coalesce(d.sales_responsible, '')", "text", str),
    "sales_pool": ("coalesce(d.sales_pool, '')", "text", str),
    "freight_zone": ("coalesce(d.freight_zone, '')", "text", str),
    "load": ("coalesce(d.load, '')", "text", str),
    "payment_terms": (f"coalesce({TERMS}, '')", "text", str),
    "delivery_date": ("coalesce(d.delivery_date, 'infinity')", "date", date),
    "closed_at": ("coalesce(h.closed_at, 'infinity')", "timestamptz", datetime),
    "closed_as": ("coalesce(h.closed_as, '')", "text", str),
    "closed_by": ("coalesce(h.closed_by, '')", "text", str),
    "release_reason": ("coalesce(h.release_reason, '')", "text", str),
    "release_mode": ("coalesce(h.release_mode, '')", "text", str),
    "version": ("h.version", "bigint", int),
}
"""Column of the list -> what it is in SQL, the type there, and that of a value in Python."""
FLAGS = {"active": "h.active", "proforma": "h.proforma", "amount_changed": "h.amount_changed",
         "forced": "(h.forced_reason IS NOT NULL)", "escalated": "(h.escalations > 0)"}  # fmt: skip
REASON = (
    """EXISTS (SELECT FROM hold_reason r WHERE r.hold_id = h.id AND r.reason = {} AND (r.active OR NOT h.active))"""
)


class Query:
    """A query that grows, with its parameters."""

    def __init__(self) -> None:
        self.where: list[str] = []
        self.values: list[Any] = []

    def put(self, value: Any) -> str:
        """Take a value; answers its place."""
        self.values.append(value)
        return f"${len(self.values)}"

    def equal(self, column: str, value: Any) -> None:
        """Only rows with this value."""
        sql, kind, _ = COLUMNS[column]
        self.where.append(f"{sql} = {self.put(value)}::{kind}")

    def span(self, column: str, least: Any, most: Any) -> None:
        """Only rows between two values, both included; None is open."""
        sql, kind, _ = COLUMNS[column]
        for sign, value in ((">=", least), ("<=", most)):
            if value is not None:
                self.where.append(f"{sql} {sign} {self.put(value)}::{kind}")


async def page_of_holds(
    work: Work,
    *,
    companies: list[str] | None,
    equal: Mapping[str, Any],
    spans: Mapping[str, tuple[Any, Any]],
    flags: Mapping[str, bool],
    reason: str | None,
    sort: str,
    after: tuple[str, int] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """The hold list in the order of `sort` (with a minus: downwards); `companies` None stands for all.

    Rows carry `sort_value`, the text of what they are sorted by.
    """
    query, name = Query(), sort.removeprefix("-")
    if companies is not None:
        query.where.append(f"h.company = ANY({query.put(companies)}::text[])")
    for column, value in equal.items():
        query.equal(column, value)
    for column, (least, most) in spans.items():
        query.span(column, least, most)
    for flag, value in flags.items():
        query.where.append(f"{FLAGS[flag]} = {query.put(value)}::boolean")
    if reason is not None:
        query.where.append(REASON.format(query.put(reason)))
    sql, kind, _ = COLUMNS[name]
    sign, way = ("<", "DESC") if sort.startswith("-") else (">", "ASC")
    if after is not None:
        at, hold_id = query.put(after[0]), query.put(after[1])
        query.where.append(f"({sql}, h.id) {sign} ({at}::text::{kind}, {hold_id}::bigint)")
    return list(await work.conn.fetch(
        f"SELECT l.*, ({sql})::text AS sort_value FROM ({LIST}) l JOIN hold h ON h.id = l.id "
        "LEFT JOIN order_detail d ON d.order_no = h.order_no AND d.company = h.company "
        "LEFT JOIN sales_order o ON o.order_no = h.order_no AND o.company = h.company "
        f"WHERE {' AND '.join(query.where) or 'true'} ORDER BY {sql} {way}, h.id {way} LIMIT {query.put(limit)}",
        *query.values,
    ))  # fmt: skip
