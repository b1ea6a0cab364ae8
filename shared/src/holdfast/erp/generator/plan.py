"""How big a simulated year is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

EVENTS_OF_A_YEAR = 25_000
EVENTS_PER_CUSTOMER = 190
"""A customer that orders every other week makes about as many in a year."""
FEW_EVENTS, DAILY_RATES_OF_A_YEAR = 10_000, 1_300


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
        rates = DAILY_RATES_OF_A_YEAR if self.daily_rates else 0
        return max(4, (yearly - rates) // EVENTS_PER_CUSTOMER)

    @property
    def daily_rates(self) -> bool:
        """Whether exchange rates come every day; in a small year they would be most of the events."""
        return self.events * 365 // self.days > FEW_EVENTS

    @property
    def end(self) -> date:
        """The last day."""
        return self.start + timedelta(days=self.days - 1)

    def dates(self) -> Iterator[date]:
        """Every day of the year."""
        return (self.start + timedelta(days=n) for n in range(self.days))
