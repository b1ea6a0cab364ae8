"""Which releases a document goes through on: the fewest that it needs, and each once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hold_service.checks.admitting import FEW, admitting
from hold_service.checks.known import Admission

D, NONE = Decimal, Decimal(0)


def released(*values: str, currency: str = "EUR", **fields: date) -> list[Admission]:
    """Releases of lines of these values, numbered from 1."""
    return [Admission(currency, D(value), number, 1, **fields) for number, value in enumerate(values, 1)]


def used(value: str, admissions: list[Admission], tolerance: str = "0", currency: str = "EUR") -> list[int]:
    """The numbers of the releases that a document of this value uses."""
    return sorted(a.hold_id for a in admitting([(D(value), currency)], admissions, D(tolerance)))


@pytest.mark.parametrize(("value", "numbers"), [
    ("700", [1]), ("800", [1]), ("801", [2]), ("1200", [2]), ("1300", [1, 3]), ("1201", [1, 3]), ("1700", [2, 3]),
    ("2000", [1, 2]), ("2500", [1, 2, 3]), ("2503", []), ("400", [3]),
])  # fmt: skip
def test_the_smallest_value_that_covers_it_is_used(value: str, numbers: list[int]) -> None:
    assert used(value, released("800", "1200", "500")) == numbers


def test_of_several_of_one_value_the_fewest_are_used_and_those_that_end_first() -> None:
    assert used("1000", released("600", "400", "1000")) == [3]
    last, first = date(2026, 4, 1), date(2026, 3, 1)
    ending = [Admission("EUR", D(5), 1, 1), Admission("EUR", D(5), 2, 1, last), Admission("EUR", D(5), 3, 1, first)]
    assert used("5", ending) == [3]
    assert used("10", ending) == [2, 3]


def test_the_tolerance_counts_on_what_was_released_together() -> None:
    assert used("2200", released("800", "1200"), "10") == [1, 2]
    assert used("2200.02", released("800", "1200"), "10") == []


def test_a_document_of_lines_that_were_rounded_one_by_one_goes_through() -> None:
    """Charges of 100 on three equal lines: 33.33 each, and 100.00 on all of them."""
    assert used("400.00", released("133.33", "133.33", "133.33")) == [1, 2, 3]
    assert used("133.34", released("133.33")) == []


def test_lines_in_another_currency_do_not_count() -> None:
    assert used("900", released("800") + released("800", currency="USD")) == []
    both = [(D(700), "EUR"), (D(700), "USD")]
    assert admitting(both, released("800"), NONE) == ()


def test_of_very_many_lines_all_together_still_go_through() -> None:
    many = released(*["10"] * (3 * FEW))
    assert len(used(str(10 * len(many)), many)) == len(many)
    assert len(used("10", many)) == 1
    assert used("10000", many) == []


def test_of_very_many_lines_a_document_of_two_leaves_enough_for_the_others() -> None:
    values = range(10, 130, 10)
    many = released(*map(str, values))
    gone = used(str(110 + 120), many)
    rest = [each for each in many if each.hold_id not in gone]
    assert admitting([(D(sum(values) - 110 - 120), "EUR")], rest, NONE) == tuple(rest)


@given(st.lists(st.integers(1, 30), min_size=FEW + 1, max_size=2 * FEW), st.data())
def test_of_very_many_lines_none_is_used_that_could_be_left(values: list[int], data: st.DataObject) -> None:
    wanted = data.draw(st.integers(1, sum(values)))
    chosen = admitting([(D(wanted), "EUR")], released(*map(str, values)), NONE)
    total = sum(a.total for a in chosen)
    assert total >= wanted
    assert all(total - a.total < wanted for a in chosen)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(1, 100))
def test_nothing_smaller_would_have_done(values: list[int], wanted: int) -> None:
    admissions = released(*map(str, values))
    chosen = admitting([(D(wanted), "EUR")], admissions, NONE)
    sums = [sum(found) for size in range(1, len(values) + 1) for found in combinations(values, size)]
    enough = [found for found in sums if found >= wanted]
    assert sum(a.total for a in chosen) == min(enough, default=0)
