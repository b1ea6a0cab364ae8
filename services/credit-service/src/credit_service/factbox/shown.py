"""The fact box as the API shows it (spec 5)."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any

import asyncpg

from credit_service.exposure.aging import BUCKETS
from credit_service.exposure.model import View
from holdfast.receivables.limits import Policy
from holdfast.web.money import money

AMOUNTS = ("average_balance_1", "average_balance_2", "average_balance_12", "highest_balance")
FIGURES = ("dso_1", "dso_2", "dso_12", "average_payment_days", "average_days_late", "average_credit_limit_pct",
           "average_exposure_pct")  # fmt: skip
DATES = ("as_of", "highest_balance_date", "calculated_at")


def shown_box(view: View, row: asyncpg.Record) -> dict[str, Any]:
    """What stands beside the exposure: amounts of statistics are in company currency."""
    code = view.exposure.parts.currency or ""
    return {
        "statistics": _statistics(row["statistics"], code), "risk": row["risk"],
        "aging": [_aging(*item) for item in _by_currency(row["aging"] or ())],
        "last_payment": _payment(row["payment"]),
        "held_orders": [
            {"orders": orders, "amount": money(Decimal(amount), currency)}
            for currency, orders, amount in row["held"] or ()
        ],
        "policies": [_policy(policy) for policy in view.known.policies],
        "temporary_limits": [
            asdict(limit) | {"amount": money(limit.amount, code) if code else None} for limit in view.known.temporary
        ],
    }  # fmt: skip


def _policy(policy: Policy) -> dict[str, Any]:
    found = asdict(policy) | {"value": money(policy.value, policy.currency)}
    return {name: value for name, value in found.items() if name != "currency"}


def _statistics(found: dict[str, Any] | None, code: str) -> dict[str, Any] | None:
    if found is None:
        return None
    figures = {name: found[name] for name in FIGURES}
    amounts = {name: None if found[name] is None or not code else money(Decimal(found[name]), code) for name in AMOUNTS}
    return figures | amounts | {name: found[name] for name in DATES}


def _by_currency(rows: Any) -> list[tuple[str, dict[int, tuple[str, int]]]]:
    found: dict[str, dict[int, tuple[str, int]]] = {}
    for currency, bucket, amount, items in rows:
        found.setdefault(currency, {})[bucket] = amount, items
    return sorted(found.items())


def _aging(currency: str, buckets: dict[int, tuple[str, int]]) -> dict[str, Any]:
    amounts = {name: money(Decimal(buckets.get(n, ("0", 0))[0]), currency) for n, name in enumerate(BUCKETS)}
    return {"currency": currency, "items": sum(items for _, items in buckets.values()), **amounts}


def _payment(found: list[Any] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    document, amount, currency, day = found
    return {"document": document, "amount": money(Decimal(amount), currency), "document_date": day}
