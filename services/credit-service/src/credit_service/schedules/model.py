"""When adjustments are generated again and again (spec, section 4). Plain values: business dates of the company."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Unit = Literal["days", "weeks", "months", "years"]
MONTHS = {"months": 1, "years": 12}
DAYS = {"days": 1, "weeks": 7}


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The first day, and how long after it the next ones come; `every` None: no next ones."""

    first_on: date
    every: int | None = None
    unit: Unit = "months"

    def after(self, day: date) -> date | None:
        """The first day of the rhythm that is later than `day`; None when there is none."""
        if self.first_on > day:
            return self.first_on
        if self.every is None:
            return None
        passed = self._passed(day)
        return next(found for n in (passed, passed + 1) if (found := self._nth(n)) > day)

    def _passed(self, day: date) -> int:
        """How many whole steps fit between the first day and `day`, or one more than that."""
        assert self.every is not None
        if self.unit in DAYS:
            return (day - self.first_on).days // (self.every * DAYS[self.unit])
        months = (day.year - self.first_on.year) * 12 + day.month - self.first_on.month
        return months // (self.every * MONTHS[self.unit])

    def _nth(self, n: int) -> date:
        assert self.every is not None
        if self.unit in DAYS:
            return self.first_on + timedelta(days=n * self.every * DAYS[self.unit])
        return plus_months(self.first_on, n * self.every * MONTHS[self.unit])


def plus_months(day: date, months: int) -> date:
    """The same day so many months later, or the last of a month that is too short for it."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
