"""Overdue figures where a company's parameters leave invoices out: small ones, disputed ones, or by another date.

One statement for all customers of a batch that need it; the others have their figures with their position.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg

from hold_service.parameters.model import HoldParameters
from hold_service.setups.model import Setup
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party, Position
from holdfast.receivables.money import ZERO
from holdfast.receivables.rates import IDENTITY, Rate

COUNTING = """
FROM unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::boolean[], $6::boolean[], $7::date[])
     AS w (company, customer, currency, least, by_date, no_disputes, check_date)
CROSS JOIN LATERAL (
    SELECT d.document, d.open_amount, d.due_date,
           CASE WHEN w.by_date THEN d.document_date ELSE d.due_date END AS late_from FROM document d
    WHERE d.customer = w.customer AND d.company = w.company AND d.currency = w.currency
      AND d.is_debit AND d.open_amount > 0 AND d.open_amount >= w.least
      AND NOT (w.no_disputes AND coalesce(d.disputed, false)) OFFSET 0) d
WHERE d.late_from < w.check_date
"""
LATE = f"""
SELECT w.company, w.customer, w.currency, sum(d.open_amount) AS amount, min(d.late_from) AS since
{COUNTING} GROUP BY w.company, w.customer, w.currency
"""
INVOICES = f"""
SELECT d.document, d.open_amount, w.currency, d.due_date, w.check_date - d.late_from AS days
{COUNTING} ORDER BY d.late_from, d.document LIMIT $8
"""
MOST_INVOICES = 100


async def relevant_overdue(work: Work, positions: dict[Party, Position], setups: Mapping[str, Setup]) -> None:
    """Put the overdue figures that count into the positions of customers whose company leaves invoices out."""
    wanted = {p: setups[p[0]].parameters for p in positions if p[0] in setups and _differs(setups[p[0]].parameters)}
    if not wanted:
        return
    rows = [row for party in sorted(wanted) for row in _rows(positions[party], wanted[party])]
    found = await work.conn.fetch(LATE, *columns(rows, 7))
    late = {(r["company"], r["customer"], r["currency"]): (r["amount"], r["since"]) for r in found}
    for party in wanted:
        positions[party] = _with(positions[party], {c: v for (*owner, c), v in late.items() if tuple(owner) == party})


async def late_invoices(work: Work, position: Position, given: HoldParameters) -> list[asyncpg.Record]:
    """The invoices of a customer that count as overdue, the latest first; no more than can be read."""
    return list(await work.conn.fetch(INVOICES, *columns(_rows(position, given), 7), MOST_INVOICES))


def _rows(position: Position, given: HoldParameters) -> list[tuple[Any, ...]]:
    """A customer's currencies, and which invoices of each count."""
    by_date, no_disputes = given.overdue_date_basis == "transaction_date", given.exclude_disputed_invoices
    return [
        (position.company, position.customer, code, _least(given, position, code), by_date, no_disputes,
         position.check_date)
        for code in position.balances
    ]  # fmt: skip


def _differs(given: HoldParameters) -> bool:
    by_date = given.overdue_date_basis != "due_date"
    return bool(given.exclude_overdue_invoice_below) or given.exclude_disputed_invoices or by_date


def _least(given: HoldParameters, position: Position, currency: str) -> Decimal:
    """The smallest invoice that counts, in its currency; without a rate every invoice counts."""
    rate = IDENTITY if currency == position.currency else position.rates.get(currency)
    if rate is None:
        return ZERO
    return Rate(rate.value, inverse=not rate.inverse).convert(given.exclude_overdue_invoice_below)


def _with(position: Position, late: Mapping[str, tuple[Decimal, date]]) -> Position:
    balances = {
        code: replace(balance, oldest_due_date=late[code][1] if code in late else None)
        for code, balance in position.balances.items()
    }
    return replace(position, balances=balances, overdue={code: amount for code, (amount, _) in late.items()})
