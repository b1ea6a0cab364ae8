"""Journals and lines as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg

from credit_service.adjustments import store
from credit_service.adjustments.own_currency import in_own
from credit_service.automatic.bodies import shown_basis
from holdfast.receivables.rates import Rate
from holdfast.web.money import money


def shown_journal(row: asyncpg.Record) -> dict[str, Any]:
    """A journal with the number of its lines."""
    return {name: row[name] for name in store.JOURNAL} | {"lines": row["lines"]}


def shown_line(row: asyncpg.Record, currency: str, rates: Mapping[str, Rate]) -> dict[str, Any]:
    """A line; amounts in company currency, those of groups in group currency. `basis`: of an automatic limit. `rates`
    convert into customers' currencies."""
    own = row["currency"] or currency
    return {
        "line": row["line"], "customer": row["customer"], "credit_group": row["credit_group"],
        "current_limit": money(row["current_limit"], own), "current_from": row["current_from"],
        "current_to": row["current_to"], "new_limit": money(row["new_limit"], own),
        "new_limit_customer_currency": in_own(row["new_limit"], row["own_currency"], own, rates),
        "new_from_date": row["new_from"],
        "new_to_date": row["new_to"], "replaces_temporary_id": str(row["replaces"]) if row["replaces"] else None,
        "approval_status": row["approval_status"], "posted": row["posted"],
        "basis": shown_basis(row["basis"]),
    }  # fmt: skip
