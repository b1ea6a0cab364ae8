"""The arithmetic of generated limits, and what a line may be (spec 1.12, 2.11)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from credit_service.adjustments.model import JournalType, Line, duplicate, fault_of, generated, shifted

DAY = date(2026, 12, 31)
NO = None


def line(**fields: object) -> Line:
    given: dict[str, object] = {"customer": "C-1", "credit_group": None, "new_limit": Decimal(1), "new_from": None,
                                "new_to": DAY}  # fmt: skip
    return Line(**(given | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("current", "value", "kind", "off", "form", "wanted"),
    [
        pytest.param("100000", "10", "percentage", NO, "nearest", "110000", id="row 113"),
        pytest.param("100000", "-5000", "fixed", NO, "nearest", "95000", id="row 114"),
        pytest.param("123456", "0", "fixed", "10", "up", "123460", id="row 115 up"),
        pytest.param("123456", "0", "fixed", "10", "down", "123450", id="row 115 down"),
        pytest.param("123456", "0", "fixed", "10", "nearest", "123460", id="row 115 nearest"),
        pytest.param("3000", "-5000", "fixed", NO, "nearest", "0", id="row 116"),
        pytest.param("82345", "7.5", "percentage", "100", "up", "88600", id="the specification's example"),
        pytest.param("100", "0.333", "percentage", NO, "nearest", "100.33", id="minor units"),
        pytest.param("155", "0", "fixed", "10", "nearest", "160", id="half goes up"),
    ],
)
def test_rows_113_to_116_generated(
    current: str, value: str, kind: str, off: str | None, form: str, wanted: str
) -> None:
    made = generated(Decimal(current), Decimal(value), kind, Decimal(off) if off else None, form, "EUR")
    assert made == Decimal(wanted)


def test_row_118_a_line_names_a_customer_or_a_group() -> None:
    for wrong in (line(credit_group="G-1"), line(customer=None)):
        fault = fault_of(JournalType.PERMANENT, wrong, "EUR")
        assert fault is not None
        assert fault.field == "credit_group"
    assert fault_of(JournalType.PERMANENT, line(), "EUR") is None


def test_row_123_a_relative_date_needs_one_to_start_from() -> None:
    assert shifted(date(2025, 12, 31), 90) == date(2026, 3, 31)
    assert shifted(None, 90) is None


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        (JournalType.PERMANENT, {"new_limit": Decimal("-1")}, "new_limit.amount"),
        (JournalType.PERMANENT, {"new_limit": Decimal("1.005")}, "new_limit.amount"),
        (JournalType.PERMANENT, {"currency": "USD"}, "new_limit.currency"),
        (JournalType.PERMANENT, {"new_from": DAY}, "new_from_date"),
        (JournalType.TEMPORARY, {}, "new_from_date"),
        (JournalType.TEMPORARY, {"new_from": date(2027, 1, 1)}, "new_to_date"),
    ],
)
def test_what_a_line_may_not_be(kind: JournalType, fields: dict[str, object], field: str) -> None:
    fault = fault_of(kind, line(**fields), "EUR")
    assert fault is not None
    assert fault.field == field


def test_a_permanent_journal_names_nobody_twice() -> None:
    assert duplicate([line(), line(customer="C-2")], []) is None
    assert duplicate([line(), line()], []) == "customer C-1"
    assert duplicate([line()], ["customer C-1"]) == "customer C-1"
