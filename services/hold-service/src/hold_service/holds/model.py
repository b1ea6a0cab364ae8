"""Holds as people see them, and what a hold reserves. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from holdfast.receivables.model import Reservation


class Row(Protocol):
    """A stored hold."""

    def __getitem__(self, name: str) -> Any: ...


def reservation_of(row: Row, status: str, amount: Decimal, now: datetime) -> Reservation:
    """What the order of a hold reserves, in its currency."""
    return Reservation(
        company=row["company"],
        order=row["order_no"],
        customer=row["customer"],
        currency=row["order_currency"],
        amount=amount,
        order_version=row["order_version"],
        status=status,
        created_at=row["order_created_at"],
        reserved_at=now,
    )


def primary_reason(reasons: list[Mapping[str, Any]]) -> str:
    """The single active reason, or `multiple` (spec 1.16)."""
    active = [reason["reason"] for reason in reasons if reason["active"]] or ["none"]
    return str(active[0]) if len(active) == 1 else "multiple"
