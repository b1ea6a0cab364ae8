"""Draws from a seeded source of chance."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from math import ceil
from random import Random
from typing import TypeVar

from holdfast.contracts.currencies import QUANTA

T = TypeVar("T")

LATE_DAYS = ((0.0, 0.0), (0.25, 4.0), (0.5, 8.0), (0.75, 14.0), (0.9, 20.0), (0.985, 31.0), (1.0, 45.0))
"""Days late of those that are late, at each share of them: quartiles 4, 8, 14, then 20, the longest 45."""


def pick(rng: Random, options: Sequence[T]) -> T:
    """One of `options`."""
    return options[rng.randrange(len(options))]


def days_late(rng: Random) -> int:
    """How many days late a late payment is, 1 to 45."""
    share = rng.random()
    for (low, at_low), (high, at_high) in pairwise(LATE_DAYS):
        if share <= high:
            return max(1, ceil(at_low + (at_high - at_low) * (share - low) / (high - low)))
    return 45


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Half away from zero to the currency's minor unit."""
    return amount.quantize(QUANTA[currency], ROUND_HALF_UP)


def share_of(amount: Decimal, percent: int, currency: str) -> Decimal:
    """A share of an amount, at least one minor unit and never more than the amount."""
    part = rounded(amount * percent / 100, currency)
    return min(amount, max(part, QUANTA[currency]))
