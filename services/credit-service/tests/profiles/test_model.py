"""Credit profiles as plain values."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from credit_service.profiles.model import Change, Profile, above_eligible, changed, needs_identification
from holdfast.receivables.rates import Rate

TODAY = date(2026, 3, 2)
PROFILE = Profile("DE01", "C-1", "EUR", 1, Decimal(100), credit_limit_date=date(2026, 1, 1))


def test_the_limit_date_is_that_of_the_last_change_of_the_limit() -> None:
    same = changed(PROFILE, Change({"credit_limit": Decimal(100), "unlimited_credit": True}), TODAY)
    assert (same.version, same.credit_limit_date) == (2, date(2026, 1, 1))
    assert changed(PROFILE, Change({"credit_limit": Decimal(101)}), TODAY).credit_limit_date == TODAY


def test_the_date_of_the_eligible_limit_is_that_of_the_last_change_of_its_amount_or_currency() -> None:
    there = replace(PROFILE, eligible_credit_limit=Decimal(50), eligible_credit_limit_currency="EUR")
    for currency, day in (("EUR", None), ("USD", TODAY)):
        wanted = {"eligible_credit_limit": Decimal(50), "eligible_credit_limit_currency": currency}
        assert changed(there, Change(wanted), TODAY).eligible_credit_limit_date == day
    unsaid = replace(there, eligible_credit_limit_currency=None)
    assert changed(unsaid, Change({"eligible_credit_limit_currency": "EUR"}), TODAY).eligible_credit_limit_date is None


@pytest.mark.parametrize(
    ("former", "limit", "eligible", "currency", "above"),
    [
        (100, 120, 110, "USD", True),
        (100, 90, 110, "USD", False),
        (7, 100, 110, "USD", False),
        (100, 101, 100, "EUR", True),
        (100, 120, 110, "GBP", None),
        (100, 120, 0, "GBP", False),
        (100, 100, 1, "EUR", False),
        (100, 100, 1, "GBP", False),
    ],
)
def test_a_new_limit_is_compared_with_the_eligible_one_in_its_own_currency(
    former: int, limit: int, eligible: int, currency: str, above: bool | None
) -> None:
    after = replace(
        PROFILE, credit_limit=Decimal(limit), eligible_credit_limit=Decimal(eligible),
        eligible_credit_limit_currency=currency,
    )  # fmt: skip
    before = replace(after, credit_limit=Decimal(former))
    assert above_eligible(before, after, {"USD": Rate(Decimal("1.1"), inverse=True)}) is above


@pytest.mark.parametrize(
    ("limit", "require", "least", "needed"),
    [(1, "no", None, False), (0, "yes", None, False), (1, "yes", None, True), (99, "from_limit", 100, False),
     (100, "from_limit", 100, True), (1, "from_limit", None, True)],
)  # fmt: skip
def test_a_government_id_is_needed_as_the_company_says(limit: int, require: str, least: Any, needed: bool) -> None:
    least = None if least is None else Decimal(least)
    assert needs_identification(Decimal(limit), require, least) is needed
