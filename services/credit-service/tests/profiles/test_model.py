"""Credit profiles as plain values."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from credit_service.profiles.model import Change, Profile, available, changed, used_percent

TODAY = date(2026, 3, 2)
PROFILE = Profile("DE01", "C-1", "EUR", 1, Decimal(100), credit_limit_date=date(2026, 1, 1))


def test_the_limit_date_is_that_of_the_last_change_of_the_limit() -> None:
    same = changed(PROFILE, Change({"credit_limit": Decimal(100), "unlimited_credit": True}), TODAY)
    assert (same.version, same.credit_limit_date) == (2, date(2026, 1, 1))
    assert changed(PROFILE, Change({"credit_limit": Decimal(101)}), TODAY).credit_limit_date == TODAY


def test_unlimited_has_no_limit_and_zero_is_no_credit() -> None:
    assert changed(PROFILE, Change({"credit_limit": Decimal(0), "unlimited_credit": True}), TODAY).limit is None
    assert changed(PROFILE, Change({"credit_limit": Decimal(0)}), TODAY).limit == 0


def test_used_percentage_and_available() -> None:
    assert used_percent(Decimal(9500), Decimal(10000)) == Decimal("95.00")
    assert used_percent(Decimal(1), Decimal(0)) is None
    assert available(Decimal(12000), Decimal(10000)) == Decimal(-2000)
