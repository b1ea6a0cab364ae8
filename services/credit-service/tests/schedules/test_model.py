"""The days of a rhythm (spec, section 4)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_service.schedules.model import Rhythm, plus_months

DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))


@pytest.mark.parametrize(
    ("first", "every", "unit", "day", "following"),
    [
        ("2026-03-31", 1, "months", "2026-03-30", "2026-03-31"),
        ("2026-03-31", 1, "months", "2026-03-31", "2026-04-30"),
        ("2026-03-31", 1, "months", "2026-04-30", "2026-05-31"),
        ("2026-01-31", 1, "months", "2026-02-27", "2026-02-28"),
        ("2024-02-29", 1, "years", "2024-02-29", "2025-02-28"),
        ("2024-02-29", 1, "years", "2027-06-01", "2028-02-29"),
        ("2026-03-02", 2, "weeks", "2026-03-15", "2026-03-16"),
        ("2026-03-02", 2, "weeks", "2026-03-16", "2026-03-30"),
        ("2026-03-02", 10, "days", "2027-03-02", "2027-03-07"),
        ("2026-11-15", 3, "months", "2027-02-14", "2027-02-15"),
        ("2026-11-15", 3, "months", "2027-02-15", "2027-05-15"),
        ("2026-03-02", None, "months", "2026-03-01", "2026-03-02"),
        ("2026-03-02", None, "months", "2026-03-02", None),
    ],
)
def test_the_following_day(first: str, every: int | None, unit: str, day: str, following: str | None) -> None:
    rhythm = Rhythm(date.fromisoformat(first), every, unit)  # type: ignore[arg-type]
    assert rhythm.after(date.fromisoformat(day)) == (date.fromisoformat(following) if following else None)


@given(DAYS, st.integers(1, 30), st.sampled_from(["days", "weeks", "months", "years"]), DAYS)
def test_no_day_of_a_rhythm_is_left_out(first: date, every: int, unit: str, day: date) -> None:
    steps = {
        "days": lambda n: first + timedelta(days=n * every),
        "weeks": lambda n: first + timedelta(weeks=n * every),
        "months": lambda n: plus_months(first, n * every),
        "years": lambda n: plus_months(first, 12 * n * every),
    }
    expected, n = first, 0
    while expected <= day:
        n += 1
        expected = steps[unit](n)
    assert Rhythm(first, every, unit).after(day) == expected  # type: ignore[arg-type]
