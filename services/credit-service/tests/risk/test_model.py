"""Scores and classes: rows 135 to 137 of the specification, and laws of ranges."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_service.risk.model import (
    Band,
    GroupType,
    Line,
    RiskGroup,
    ScoreType,
    ScoringGroup,
    classified,
    decimals_of,
    full_years,
    gaps,
    overlaps,
    rounded_to,
    score,
    total_score,
)


def band(low: str, high: str) -> Band:
    return Band(Decimal(low), Decimal(high))


def ranges(*lines: tuple[str, str, int], kind: GroupType = GroupType.USER) -> ScoringGroup:
    return ScoringGroup(
        "G", kind, ScoreType.RANGE, tuple(Line(Decimal(points), band(low, high)) for low, high, points in lines)
    )


CLASSES = [
    RiskGroup("LOW", band("0", "35")),
    RiskGroup("MEDIUM", band("36", "60")),
    RiskGroup("HIGH", band("61", "100")),
]
GROWTH = ranges(("0", "9", 10), ("10", "99", 50))


@pytest.mark.parametrize(("account", "growth", "expected"), [(30, "10", "HIGH"), (10, "3", "LOW")])
def test_row_135_scores_are_added_and_the_class_holds_the_total(account: int, growth: str, expected: str) -> None:
    assert classified(total_score([Decimal(account), score(GROWTH, growth)]), CLASSES) == expected


def test_row_136_a_missing_value_scores_nothing() -> None:
    assert classified(total_score([Decimal(30), score(GROWTH, None)]), CLASSES) == "LOW"


def test_row_137_a_total_no_class_covers_is_unclassified() -> None:
    assert classified(Decimal(120), CLASSES) is None


@pytest.mark.parametrize(("points", "expected"), [("35.4", "LOW"), ("35.5", "MEDIUM"), ("60.49", "MEDIUM")])
def test_nothing_falls_between_whole_bounds(points: str, expected: str) -> None:
    assert classified(Decimal(points), CLASSES) == expected


def test_values_are_compared_with_the_decimals_of_the_bounds() -> None:
    assert decimals_of([band("0", "35.00"), band("36", "100")]) == 0
    assert decimals_of([band("0", "35.5"), band("35.51", "60")]) == 2
    assert rounded_to(Decimal("-2.5"), 0) == -3
    fine = ranges(("0", "1.5", 1), ("1.6", "3", 2))
    assert [score(fine, Decimal(v)) for v in ("1.54", "1.55")] == [1, 2]


def test_lists_go_by_equal_text() -> None:
    listed = ScoringGroup(
        "L", GroupType.COUNTRY, ScoreType.LIST, (Line(Decimal(5), value="DE"), Line(Decimal(7), value="US"))
    )
    assert [score(listed, v) for v in ("DE", "US", "de", None)] == [5, 7, 0, 0]
    years = ScoringGroup("Y", GroupType.CUSTOMER_SINCE, ScoreType.LIST, (Line(Decimal(5), value="10"),))
    assert score(years, 10) == 5


@pytest.mark.parametrize(
    ("since", "on", "years"),
    [("2024-02-29", "2025-02-28", 0), ("2024-02-29", "2025-03-01", 1), ("2026-01-02", "2026-01-01", None)],
)
def test_years_are_whole(since: str, on: str, years: int | None) -> None:
    assert full_years(date.fromisoformat(since), date.fromisoformat(on)) == years


def test_gaps_are_what_no_rounded_value_can_find() -> None:
    assert gaps([band("0", "35"), band("36", "60")]) == []
    assert gaps([band("0", "35"), band("40", "60")]) == [band("36", "39")]
    assert overlaps([band("0", "35"), band("35", "60")]) == [(band("0", "35"), band("35", "60"))]


bounds = st.decimals(-100, 100, places=1)
bands = st.lists(st.tuples(bounds, bounds).map(lambda b: Band(min(b), max(b))), min_size=1, max_size=6)


@given(bands, st.decimals(-110, 110, places=3))
def test_without_overlaps_and_gaps_every_value_between_the_ends_has_one_band(found: list[Band], value: Decimal) -> None:
    number = rounded_to(value, decimals_of(found))
    holding = [b for b in found if b.holds(number)]
    if not overlaps(found):
        assert len(holding) <= 1
        inside = min(b.low for b in found) <= number <= max(b.high for b in found)
        assert bool(holding) or not inside or any(gap.holds(number) for gap in gaps(found))
