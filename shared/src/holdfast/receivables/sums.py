"""Sums of orders by currency, and which of two orders came first. Plain values."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from holdfast.receivables.money import EXACT, ZERO

UNDATED = datetime.max.replace(tzinfo=UTC)
"""An order without a creation time counts as the newest."""
Place = tuple[datetime, str]
"""When an order was created, and its number: which of two came first."""
FIRST: Place = (datetime.min.replace(tzinfo=UTC), "")


@dataclass(frozen=True, slots=True)
class Sums:
    """Open (O) and delivered, not invoiced (D) amounts of orders, and what is reserved (R), in one currency."""

    open_orders: Decimal = ZERO
    uninvoiced: Decimal = ZERO
    reserved: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Waiting:
    """Sums of orders that wait, created after the order at `place` and before that of the next place."""

    place: Place
    currency: str
    sums: Sums


class ByCurrency(defaultdict[str, Decimal]):
    def __init__(self) -> None:
        super().__init__(Decimal)

    def put(self, currency: str, amount: Decimal) -> None:
        self[currency] = EXACT.add(self[currency], amount)

    def put_some(self, currency: str, amount: Decimal) -> None:
        if amount:
            self.put(currency, amount)
