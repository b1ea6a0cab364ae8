"""How big a simulated year is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

EVENTS_OF_A_YEAR = 25_000
EVENTS_PER_CUSTOMER = 218
"""A customer that orders every other week makes about as many in a year."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to draw: `events` is aimed at, not hit exactly."""

    seed: int = 1
    events: int = EVENTS_OF_A_YEAR
    start: date = date(2025, 1, 1)
    days: int = 365

    @property
    def customers(self) -> int:
        """Customers of all companies together."""
        yearly = self.events * 365 // self.days
        return max(12, yearly // EVENTS_PER_CUSTOMER)

    @property
    def end(self) -> date:
        """The last day."""
        return self.start + timedelta(days=self.days - 1)

    def dates(self) -> Iterator[date]:
        """Every day of the year."""
        return (self.start + timedelta(days=n) for n in range(self.days))
