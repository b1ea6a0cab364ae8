"""The SQL of the hold list: every column as filter and sort (spec 1.16, 5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import asyncpg

from hold_service.holds.store import COMPANY_TOTAL, OF_DECISION, OF_PROFILE, SHOWN, TERMS
from holdfast.database.work import Work

PRIMARY = """(SELECT CASE count(*) WHEN 0 THEN 'none' WHEN 1 THEN min(r.reason) ELSE 'multiple' END
              FROM hold_reason r WHERE r.hold_id = h.id AND r.active AND h.active)"""
WORKFLOW = "(CASE WHEN h.active OR h.workflow_status <> 'draft' THEN h.workflow_status ELSE '' END)"
FLAGS = {"active": "h.active", "proforma": "h.proforma", "amount_changed": "h.amount_changed",
         "forced": "(h.forced_reason IS NOT NULL)", "escalated": "(h.escalations > 0)"}  # fmt: skip
OVERDUE = "SELECT string_agg(a, ' ' ORDER BY a) FROM json_array_elements_text(q.answer -> 'overdue_accounts') a"
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
    "workflow_status": (WORKFLOW, "text", str),
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
    "sales_total": (f"coalesce({COMPANY_TOTAL}, 0)", "numeric", Decimal),
    "credit_management_group": ("coalesce(f.credit_management_group, '')", "text", str),
    "sales_deadline": ("coalesce(d.sales_deadline, 'infinity')", "date", date),
    "overdue_accounts": (f"coalesce(({OVERDUE}), '')", "text", str),
    "previous_hold": ("coalesce(h.previous_hold, 0)", "bigint", int),
    "notes": ("h.notes", "text", str),
    "hold_type": ("'credit'", "text", str),
    **{name: (sql, "boolean", bool) for name, sql in FLAGS.items()},
}
"""Column of the list -> what it is in SQL, the type there, and that of a value in Python."""
SPANNED = {
    "review_date": "h.review_date", "delivery_date": "d.delivery_date", "sales_deadline": "d.sales_deadline",
    "closed_at": "h.closed_at", "sales_total": COMPANY_TOTAL,
}  # fmt: skip
"""What may be missing, and then is sorted as if it was very late or nothing; it lies in no range."""
JOINS = {
    "d": "LEFT JOIN order_detail d ON d.order_no = h.order_no AND d.company = h.company ",
    "o": "LEFT JOIN sales_order o ON o.order_no = h.order_no AND o.company = h.company ",
    "f": OF_PROFILE,
    "q": OF_DECISION,
}
"""What columns are read from beside the holds, for those that are filtered or sorted by."""
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

    def contains(self, column: str, text: str) -> None:
        """Only rows in which a text occurs, in small or large letters."""
        self.where.append(f"strpos(lower({COLUMNS[column][0]}), lower({self.put(text)})) > 0")

    def span(self, column: str, least: Any, most: Any) -> None:
        """Only rows between two values, both included; None is open. What is missing lies nowhere."""
        sql, kind, _ = COLUMNS[column]
        sql = SPANNED.get(column, sql)
        for sign, value in ((">=", least), ("<=", most)):
            if value is not None:
                self.where.append(f"{sql} {sign} {self.put(value)}::{kind}")


async def page_of_holds(
    work: Work,
    *,
    companies: list[str] | None,
    equal: Mapping[str, Any],
    contains: Mapping[str, str],
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
    for column, text in contains.items():
        query.contains(column, text)
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
    where = " AND ".join(query.where) or "true"
    joins = "".join(join for alias, join in JOINS.items() if re.search(rf"\b{alias}\.", f"{sql} {where}"))
    return list(await work.conn.fetch(
        f"SELECT l.*, p.sort_value FROM (SELECT h.id, {sql} AS place, ({sql})::text AS sort_value FROM hold h {joins} "
        f"WHERE {where} ORDER BY place {way}, h.id {way} LIMIT {query.put(limit)}) p "
        f"CROSS JOIN LATERAL ({SHOWN} WHERE h.id = p.id OFFSET 0) l ORDER BY p.place {way}, p.id {way}",
        *query.values,
    ))  # fmt: skip
