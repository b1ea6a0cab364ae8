"""Credit profiles as plain values."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from credit_service.profiles.model import Change, Profile, changed

TODAY = date(2026, 3, 2)
PROFILE = Profile("DE01", "C-1", "EUR", 1, Decimal(100), credit_limit_date=date(2026, 1, 1))


def test_the_limit_date_is_that_of_the_last_change_of_the_limit() -> None:
    same = changed(PROFILE, Change({"credit_limit": Decimal(100), "unlimited_credit": True}), TODAY)
    assert (same.version, same.credit_limit_date) == (2, date(2026, 1, 1))
    assert changed(PROFILE, Change({"credit_limit": Decimal(101)}), TODAY).credit_limit_date == TODAY
