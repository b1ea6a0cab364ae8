"""Journals and lines as the API shows them."""

from __future__ import annotations

from typing import Any

import asyncpg

from credit_service.adjustments import store
from holdfast.web.money import money


def shown_journal(row: asyncpg.Record) -> dict[str, Any]:
    """A journal with the number of its lines."""
    return {name: row[name] for name in store.JOURNAL} | {"lines": row["lines"]}


def shown_line(row: asyncpg.Record, currency: str) -> dict[str, Any]:
    """A line; amounts in company currency, those of groups in group currency."""
    own = row["currency"] or currency
    return {name: row[name] for name in store.LINE} | {
        "current_limit": money(row["current_limit"], own), "new_limit": money(row["new_limit"], own),
        "replaces": str(row["replaces"]) if row["replaces"] else None,
    }  # fmt: skip
