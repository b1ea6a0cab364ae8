"""Worked numbers of spec 2.2-2.5 and 6.1-6.2."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from holdfast.receivables.limits import (
    Comparison,
    Level,
    LimitTest,
    Policy,
    PolicyMode,
    Temporary,
    governing,
    is_tested,
    own_limit,
)  # fmt: skip
from holdfast.receivables.model import Converter, LimitType, Position
from holdfast.receivables.rates import Rate

TODAY = date(2026, 6, 15)


def policy(value: str, percent: str, currency: str = "EUR", *, flagged: bool = False, until: date = TODAY) -> Policy:
    return Policy(
        "P", "insurance", Decimal(value), currency, Decimal(percent), flagged, date(2026, 1, 1), until
    )  # fmt: skip


def limit(permanent: str, *policies: Policy, temporary: Temporary | None = None, on: date = TODAY):  # type: ignore[no-untyped-def]
    position = Position("DE01", "C-1", on, "EUR", rates={"USD": Rate(Decimal("1.10"), inverse=True)})
    return own_limit(Decimal(permanent), [temporary] if temporary else [], policies, on, Converter(position))


def test_rows_18_and_19_a_temporary_limit_replaces_the_permanent_one_on_both_its_ends() -> None:
    june = Temporary("T", Decimal(150_000), date(2026, 6, 1), date(2026, 6, 30))
    assert [limit("100000", temporary=june, on=on).base for on in (date(2026, 6, 1), date(2026, 6, 30))] == [
        150_000
    ] * 2
    assert [limit("100000", temporary=june, on=on).base for on in (date(2026, 5, 31), date(2026, 7, 1))] == [
        100_000
    ] * 2


def test_rows_21_and_22_a_policy_adds_its_share_and_a_flagged_one_lowers_the_exposure_value() -> None:
    plain, flagged = limit("100000", policy("50000", "50")), limit("100000", policy("50000", "50", flagged=True))
    assert (plain.total, flagged.total, flagged.exposure_value) == (125_000, 125_000, 75_000)
    assert flagged.tested(PolicyMode.EXPOSURE_ONLY) == 125_000
    assert flagged.tested(PolicyMode.REDUCE_LIMIT) == 75_000


def test_rows_23_24_and_28_temporary_expired_and_foreign_policies() -> None:
    june = Temporary("T", Decimal(150_000), date(2026, 6, 1), date(2026, 6, 30))
    assert limit("100000", policy("50000", "50"), temporary=june).total == 175_000
    assert limit("100000", policy("50000", "50", until=date(2026, 6, 14))).total == 100_000
    assert limit("0", policy("11000", "100", "USD")).total == 10_000


@pytest.mark.parametrize(
    ("own", "mandatory", "in_group", "levels"),
    [
        ("20000", False, True, [Level.GROUP, Level.OWN]),
        ("20000", True, False, [Level.OWN]),
        ("0", True, True, [Level.OWN]),
        ("0", False, True, [Level.GROUP]),
        ("0", False, False, [Level.OWN]),
    ],
)
def test_the_table_of_spec_2_4(own: str, mandatory: bool, in_group: bool, levels: list[Level]) -> None:
    mine = LimitTest(Level.OWN, Decimal(own), Decimal(1), "EUR")
    shared = LimitTest(Level.GROUP, Decimal(15_000), Decimal(1), "EUR") if in_group else None
    assert [test.level for test in governing(mine, shared, mandatory=mandatory)] == levels


def test_used_exactly_is_above_only_when_the_comparison_is_inclusive() -> None:
    test = LimitTest(Level.OWN, Decimal(10_000), Decimal(9_000), "EUR")
    assert (test.used_percent, test.available) == (90, 1_000)
    assert not test.is_above(Decimal(90))
    assert test.is_above(Decimal(90), Comparison.INCLUSIVE)


def test_the_used_percentage_is_rounded_half_away_from_zero() -> None:
    tests = [LimitTest(Level.OWN, Decimal(800), Decimal(owed), "EUR") for owed in (1, -1, 3)]
    assert [str(test.used_percent) for test in tests] == ["0.13", "-0.13", "0.38"]


def test_a_limit_of_nothing_is_exceeded_by_any_debt_and_by_no_credit() -> None:
    owes, owed = (LimitTest(Level.OWN, Decimal(0), Decimal(amount), "EUR") for amount in (1, -1))
    assert owes.is_above(Decimal(100))
    assert not owed.is_above(Decimal(100))
    assert owes.used_percent is None


def test_unlimited_and_type_none_test_nothing_unless_the_limit_is_mandatory() -> None:
    assert not is_tested(LimitType.BALANCE, unlimited=True, mandatory=True)
    assert not is_tested(LimitType.NONE, unlimited=False, mandatory=False)
    assert is_tested(LimitType.NONE, unlimited=False, mandatory=True)
