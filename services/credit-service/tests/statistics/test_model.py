"""Statistics by the worked numbers of the specification (2.2-2.4, 2.13)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from credit_service.profiles.model import Profile
from credit_service.statistics.model import (
    Day,
    Own,
    Paid,
    Shared,
    average_balance,
    average_days_late,
    average_exposure_percent,
    average_limit_percent,
    average_payment_days,
    dso,
    highest,
    limits_of,
    window_start,
)
from holdfast.receivables.limits import Policy, PolicyMode, Temporary
from holdfast.receivables.rates import Rate

TODAY = date(2026, 10, 11)

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


@pytest.mark.parametrize(
    ("months", "since", "days"),
    [(12, None, "121.67"), (6, None, "61.00"), (6, date(2026, 5, 1), "54.33"), (12, date(2026, 1, 2), "94.00")],
)
def test_rows_142_and_143_days_of_sales_outstanding(months: int, since: date | None, days: str) -> None:
    start = max(window_start(TODAY, months), since or date.min)
    assert dso(Decimal(50000), Decimal(150000), start, TODAY) == Decimal(days)


def test_row_144_without_sales_or_days_there_is_no_figure() -> None:
    assert dso(Decimal(50000), Decimal(0), FIRST, TODAY) is None
    assert dso(Decimal(50000), Decimal(1), TODAY, TODAY) is None


@pytest.mark.parametrize(("balance", "figure"), [("1", "0.13"), ("-1", "-0.13"), ("3", "0.38"), ("0", "0.00")])
def test_days_of_sales_are_rounded_half_away_from_zero(balance: str, figure: str) -> None:
    assert dso(Decimal(balance), Decimal(8), TODAY - timedelta(days=1), TODAY) == Decimal(figure)


def test_a_window_that_would_begin_on_a_day_that_is_not_begins_on_the_last_of_the_month() -> None:
    assert window_start(date(2026, 8, 31), 6) == date(2026, 2, 28)
    assert window_start(date(2024, 8, 31), 6) == date(2024, 2, 29)
    assert window_start(date(2026, 1, 31), 12) == date(2025, 1, 31)


def test_row_145_paid_the_same_day_or_before_counts_no_days() -> None:
    early, late = Paid(TODAY, TODAY, TODAY - timedelta(days=5)), Paid(FIRST, date(2026, 1, 8), date(2026, 1, 11))
    assert average_payment_days([Paid(TODAY, TODAY, TODAY)]) == 0
    assert average_payment_days([early, late]) == 5
    assert average_payment_days([]) is None


def test_days_late_are_those_after_the_due_date_and_early_ones_make_up_for_them() -> None:
    late = Paid(FIRST, date(2026, 1, 8), date(2026, 1, 28))
    assert average_days_late([late]) == 20
    assert average_days_late([late, Paid(FIRST, date(2026, 1, 31), date(2026, 1, 6))]) == Decimal("-2.5")
    assert average_days_late([]) is None


def test_averages_leave_out_days_before_the_window_and_those_without_a_limit() -> None:
    days = [
        Day(date(2026, 1, 1), Decimal(900), Decimal(1000), Decimal(1000)),
        Day(date(2026, 9, 1), Decimal(500), Decimal(1000), Decimal(800)),
        Day(date(2026, 9, 2), Decimal(300), Decimal(0), Decimal(300)),
        Day(date(2026, 9, 3), Decimal(200), None, None),
        Day(date(2026, 9, 4), Decimal(100), Decimal(300), None),
    ]
    start = date(2026, 9, 1)
    assert average_balance(days, start, "EUR") == Decimal(275)
    assert average_limit_percent(days, start) == Decimal("41.67")
    assert average_exposure_percent(days, start) == Decimal(80)
    assert average_limit_percent(days[2:4], start) is None
    assert highest(days) == (Decimal(900), date(2026, 1, 1))


def test_the_highest_balance_is_that_of_its_first_day() -> None:
    days = [Day(date(2026, 9, n), Decimal(amount), None, None) for n, amount in ((3, 7), (1, 5), (2, 7))]
    assert highest(days) == (Decimal(7), date(2026, 9, 2))
    assert highest([]) is None


def profile(limit: str, **fields: Any) -> Profile:
    return Profile("DE01", "C-1", "EUR", 1, Decimal(limit), **fields)


def policy(value: str = "50000", currency: str = "EUR", last: date = LAST) -> Policy:
    return Policy("P", "insurance", Decimal(value), currency, Decimal(50), True, FIRST, last)


@pytest.mark.parametrize(
    ("own", "more", "limit"),
    [("10000", {}, "10000"), ("20000", {}, "15000"), ("0", {"mandatory_credit_limit": True}, "0"), ("0", {}, "15000"),
     ("0", {"unlimited_credit": True}, None)],
)  # fmt: skip
def test_the_five_documented_limits(own: str, more: dict[str, Any], limit: str | None) -> None:
    """Own limit and a group's of 15,000 (spec 2.4)."""
    shared = Shared("EUR", Decimal(15000), ())
    found = limits_of(Own(profile(own, **more), (), ()), shared, PolicyMode.EXPOSURE_ONLY, "EUR", {}, TODAY)
    assert found.governing == (None if limit is None else Decimal(limit))


@pytest.mark.parametrize(
    ("mode", "day", "limit"),
    [
        (PolicyMode.EXPOSURE_ONLY, TODAY, "125000"), (PolicyMode.REDUCE_LIMIT, TODAY, "75000"),
        (PolicyMode.EXPOSURE_ONLY, date(2027, 1, 1), "100000"), (PolicyMode.EXPOSURE_ONLY, date(2026, 6, 30), "175000"),
    ],
)  # fmt: skip
def test_policies_and_temporary_limits_count_on_their_days(mode: PolicyMode, day: date, limit: str) -> None:
    """100,000 with a policy of 50,000 at 50 % (spec 2.3), and 150,000 in June."""
    june = Temporary("T", Decimal(150000), date(2026, 6, 1), date(2026, 6, 30))
    found = limits_of(Own(profile("100000"), [june], [policy()]), None, mode, "EUR", {}, day)
    assert found.governing == Decimal(limit)


def test_the_exposure_value_is_kept_beside_the_limit() -> None:
    found = limits_of(Own(profile("100000"), (), [policy()]), None, PolicyMode.EXPOSURE_ONLY, "EUR", {}, TODAY)
    assert (found.governing, found.exposure_value) == (Decimal(125000), Decimal(75000))


def test_without_a_rate_no_limit_is_made_up() -> None:
    own = Own(profile("100"), (), [policy(currency="GBP")])
    found = limits_of(own, Shared("USD", Decimal(11000), ()), PolicyMode.EXPOSURE_ONLY, "EUR", {}, TODAY)
    assert (found.governing, found.exposure_value, found.missing_rates) == (None, None, {"GBP", "USD"})
    rates = {"GBP": Rate(Decimal("1.2")), "USD": Rate(Decimal("1.1"), inverse=True)}
    assert limits_of(
        own, Shared("USD", Decimal(11000), ()), PolicyMode.EXPOSURE_ONLY, "EUR", rates, TODAY
    ).governing == (Decimal(10000))
