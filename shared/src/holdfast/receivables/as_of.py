"""Balances, overdue totals and days late at the end of a past date, by the dates of what was posted.

A document counts from its date until the day it is cancelled or returned; a settlement from its date until the
day it is reversed, and not while a document of it does not count any more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from holdfast.database.work import Work

ITEMS = """
WITH items AS (
    SELECT d.company, d.document, d.customer, d.kind, d.currency, d.is_debit, d.document_date, d.due_date,
           CASE WHEN d.is_debit THEN d.amount ELSE -d.amount END AS amount
    FROM document d
    WHERE d.company = $1 AND d.version IS NOT NULL AND ($3::text[] IS NULL OR d.customer = ANY ($3))
      AND d.document_date <= $2 AND (d.gone_date IS NULL OR d.gone_date > $2)
), legs AS (
    SELECT company, debit_document AS document, -debit_amount AS amount, credit_document AS other,
           settlement_date, reversal_date FROM effective_settlement
    UNION ALL
    SELECT company, credit_document, credit_amount, debit_document, settlement_date, reversal_date
    FROM effective_settlement
), settled AS (
    SELECT i.document, sum(l.amount) AS amount, max(l.settlement_date) AS last_date
    FROM items i
    JOIN legs l ON l.company = i.company AND l.document = i.document
    LEFT JOIN document o ON o.company = l.company AND o.document = l.other
    WHERE l.settlement_date <= $2 AND (l.reversal_date IS NULL OR l.reversal_date > $2)
      AND (o.gone_date IS NULL OR o.gone_date > $2)
    GROUP BY i.document
), open AS (
    SELECT i.*, round(i.amount + coalesce(s.amount, 0), minor_units(i.currency)) AS open_amount, s.last_date
    FROM items i LEFT JOIN settled s ON s.document = i.document
)
"""
OPEN_ITEMS = f"""{ITEMS}
SELECT customer, document, kind, currency, document_date, due_date, open_amount,
       CASE WHEN is_debit AND open_amount > 0 THEN greatest(0, $2 - due_date) ELSE 0 END AS days_overdue
FROM open WHERE open_amount <> 0 ORDER BY customer, due_date NULLS LAST, document COLLATE "C"
"""
BALANCES = f"""{ITEMS}
SELECT customer, currency, sum(open_amount) AS balance,
       count(*)::integer AS open_items,
       coalesce(sum(open_amount) FILTER (WHERE is_debit AND open_amount > 0 AND due_date < $2), 0) AS overdue,
       coalesce(max($2 - due_date) FILTER (WHERE is_debit AND open_amount > 0 AND due_date < $2), 0)
           AS days_overdue
FROM open WHERE open_amount <> 0 GROUP BY customer, currency ORDER BY customer, currency
"""
LATENESS = f"""{ITEMS}
SELECT customer, count(*)::integer AS paid, sum(greatest(0, last_date - due_date))::integer AS days_late,
       max(greatest(0, last_date - due_date)) AS worst
FROM open WHERE is_debit AND open_amount = 0 AND last_date IS NOT NULL
GROUP BY customer ORDER BY customer
"""


CUSTOMERS = """
SELECT DISTINCT customer FROM document
WHERE company = $1 AND version IS NOT NULL AND document_date <= $2 AND ($3::text IS NULL OR customer > $3)
ORDER BY customer LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class OpenItem:
    """A document that was open; `open_amount` in its currency, negative for a credit."""

    customer: str
    document: str
    kind: str
    currency: str
    document_date: date
    due_date: date | None
    open_amount: Decimal
    days_overdue: int


@dataclass(frozen=True, slots=True)
class BalanceAsOf:
    """What a customer owed in one currency, and how much of it was past due for how long at most."""

    customer: str
    currency: str
    balance: Decimal
    open_items: int
    overdue: Decimal
    days_overdue: int


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late a customer's paid debits were: a debit is paid on the date of its last settlement.

    `days_late` is the sum over the `paid` documents, 0 for those paid in time; `worst` the highest of them.
    """

    customer: str
    paid: int
    days_late: int
    worst: int


async def read_customers_as_of(work: Work, company: str, as_of: date, after: str | None, limit: int) -> list[str]:
    """The next customers behind `after` who had any document by the end of `as_of`."""
    return [row["customer"] for row in await work.conn.fetch(CUSTOMERS, company, as_of, after, limit)]


async def read_open_items_as_of(
    work: Work, company: str, as_of: date, customers: Collection[str] | None = None
) -> list[OpenItem]:
    """Every document of the company (or of these customers) that was open at the end of `as_of`."""
    rows = await work.conn.fetch(OPEN_ITEMS, company, as_of, _list(customers))
    return [OpenItem(*row.values()) for row in rows]


async def read_balances_as_of(
    work: Work, company: str, as_of: date, customers: Collection[str] | None = None
) -> list[BalanceAsOf]:
    """Balance and overdue total per customer and currency; customers without open items are absent."""
    rows = await work.conn.fetch(BALANCES, company, as_of, _list(customers))
    return [BalanceAsOf(*row.values()) for row in rows]


async def read_lateness_as_of(
    work: Work, company: str, as_of: date, customers: Collection[str] | None = None
) -> list[Lateness]:
    """Days late per customer, of what was fully settled at the end of `as_of`."""
    rows = await work.conn.fetch(LATENESS, company, as_of, _list(customers))
    return [Lateness(*row.values()) for row in rows]


def _list(customers: Collection[str] | None) -> Sequence[str] | None:
    return None if customers is None else sorted(customers)
