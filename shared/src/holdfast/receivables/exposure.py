"""The exposure of many customers, as a new order would meet it (spec 1.21, 2.1, 2.8)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from holdfast.database.work import Work
from holdfast.receivables.model import (
    CheckedOrder,
    Counted,
    Parts,
    Party,
    Position,
    days_overdue,
    overdue_amount,
    parts,
)
from holdfast.receivables.money import ZERO
from holdfast.receivables.positions import read_positions

NEXT_ORDER = CheckedOrder("\U0010ffff", 0, "", ZERO)
"""An order that is made after all others."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Figures of one customer; `parts` and `overdue_amount` in company currency.

    `missing_rates` names currencies without a rate: the amounts are then incomplete.
    """

    position: Position
    parts: Parts
    days_overdue: int
    overdue_amount: Decimal
    missing_rates: frozenset[str]


def exposure_of(position: Position, counted: Counted = Counted.ALL) -> Exposure:
    """The exposure as the next order would meet it."""
    found = parts(position, NEXT_ORDER, counted, beside=True)
    amount, missing = overdue_amount(position)
    return Exposure(position, found, days_overdue(position), amount, found.missing_rates | missing)


async def read_exposures(
    work: Work, requests: Collection[Party], check_date: date | None = None
) -> dict[Party, Exposure]:
    """The exposure of each customer at `check_date` (the company's business date when absent)."""
    positions = await read_positions(work, requests, check_date=check_date)
    return {party: exposure_of(position) for party, position in positions.items()}
