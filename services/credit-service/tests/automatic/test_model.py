"""Which line of a rule is for a customer, and which limit comes of it (spec 2.10; rows 138 to 141)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_service.automatic.model import (
    Candidate,
    Choice,
    Operator,
    Outcome,
    Proposal,
    Rule,
    RuleLine,
    Value,
    chosen,
    matches,
    proposal,
)

ORDER = ("A1", "A2", "B1", "B2")
ORDERS = {"DNB": ORDER}
OPERATORS: tuple[Operator, ...] = ("=", "<>", "<", "<=", ">", ">=")


def number(value: str) -> Value:
    return Value(value, Decimal(value))


def rated(operator: Operator, value: str, limit: int) -> RuleLine:
    return RuleLine("DNB", operator, Value(value), Decimal(limit))


def years(operator: Operator, value: str, limit: int) -> RuleLine:
    return RuleLine("YEARS", operator, number(value), Decimal(limit))


RATED = Rule("LOW", "EUR", None, "highest",
             (rated("=", "A1", 400_000), rated("=", "A2", 300_000), rated(">", "A2", 10_000)))  # fmt: skip
LOYAL = Rule("LOW", "EUR", Decimal(2_000_000), "highest", (years(">=", "5", 100_000), years(">=", "10", 200_000)))
A2 = Candidate("EUR", "LOW", {"DNB": Value("A2"), "YEARS": number("12")})


def same(amount: Decimal, source: str, target: str) -> Decimal | None:
    return amount if source == target else None


def proposed(candidate: Candidate, *rules: Rule) -> Proposal:
    return proposal(candidate, {(rule.risk_group, rule.currency): rule for rule in rules}, ORDERS, same, "EUR")


@pytest.mark.parametrize(
    ("rating", "limit"), [("A1", 400_000), ("A2", 300_000), ("B1", 10_000), ("B2", 10_000), ("C", None)]
)
def test_row_138_the_line_of_the_rating(rating: str, limit: int | None) -> None:
    found = proposed(replace(A2, values={"DNB": Value(rating)}), RATED)
    assert found.new_limit == limit
    assert found.outcome is (Outcome.PROPOSED if limit else Outcome.NO_MATCH)


@pytest.mark.parametrize(
    ("choice", "age", "limit"),
    [("highest", "12", 200_000), ("lowest", "12", 100_000), ("first", "12", 100_000), ("highest", "9.99", 100_000),
     ("highest", "4", None)],
)  # fmt: skip
def test_row_139_of_several_lines(choice: Choice, age: str, limit: int | None) -> None:
    found = proposed(replace(A2, values={"YEARS": number(age)}), replace(LOYAL, choice=choice))
    assert found.new_limit == limit


@pytest.mark.parametrize(
    ("revenue", "outcome"),
    [
        ((Decimal(5_000_000), "EUR"), Outcome.REVENUE_ABOVE_MAXIMUM),
        ((Decimal(2_000_000), "EUR"), Outcome.PROPOSED),
        ((Decimal(1), "USD"), Outcome.RATE_MISSING),
        (None, Outcome.PROPOSED),
    ],
)
def test_row_140_the_newest_revenue(revenue: tuple[Decimal, str] | None, outcome: Outcome) -> None:
    assert proposed(replace(A2, revenue=revenue), LOYAL).outcome is outcome
    assert proposed(replace(A2, revenue=revenue), replace(LOYAL, max_revenue=Decimal(0))).outcome is Outcome.PROPOSED


def test_row_141_the_rule_of_another_currency() -> None:
    assert proposed(A2, replace(RATED, currency="USD")).outcome is Outcome.NO_RULE
    assert proposed(replace(A2, currency="USD"), replace(RATED, currency="USD")).outcome is Outcome.RATE_MISSING


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"excluded": True}, Outcome.EXCLUDED),
        ({"unlimited": True}, Outcome.UNLIMITED),
        ({"currency": None}, Outcome.NO_MASTER_DATA),
        ({"risk_group": None}, Outcome.UNCLASSIFIED),
        ({"risk_group": "HIGH"}, Outcome.NO_RULE),
        ({"values": {}}, Outcome.NO_MATCH),
    ],
)
def test_who_gets_no_line(change: dict[str, object], outcome: Outcome) -> None:
    assert proposed(replace(A2, **change), RATED) == Proposal(outcome)  # type: ignore[arg-type]


@given(st.sampled_from([*ORDER, "C"]), st.sampled_from([*ORDER, "C"]))
def test_texts_are_ordered_by_their_list(value: str, compared: str) -> None:
    held = {op: matches(rated(op, compared, 1), Value(value), ORDER) for op in OPERATORS}
    assert held["="] is (value == compared)
    assert held["<>"] is (value != compared)
    if value == compared or {value, compared} <= {*ORDER}:
        assert [held["<"], held["="], held[">"]].count(True) == 1
        assert (held["<="], held[">="]) == (not held[">"], not held["<"])
    else:
        assert [held[operator] for operator in ("<", "<=", ">", ">=")] == [False] * 4


@given(st.decimals(-100, 100, places=2), st.decimals(-100, 100, places=2))
def test_numbers_are_compared_as_they_are(value: Decimal, compared: Decimal) -> None:
    held = {op: matches(RuleLine("YEARS", op, Value(str(compared), compared), Decimal(1)), Value(str(value), value), ())
            for op in OPERATORS}  # fmt: skip
    assert held == {"=": value == compared, "<>": value != compared, "<": value < compared, "<=": value <= compared,
                    ">": value > compared, ">=": value >= compared}  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(OPERATORS), st.sampled_from(ORDER), st.integers(0, 5)), max_size=6))
def test_a_choice_is_among_the_lines_that_match(lines: list[tuple[Operator, str, int]]) -> None:
    rule = replace(RATED, lines=tuple(rated(*line) for line in lines))
    values = {"DNB": Value("A2")}
    among = [n for n, line in enumerate(rule.lines, 1) if matches(line, Value("A2"), ORDER)]
    places = {choice: chosen(replace(rule, choice=choice), values, ORDERS) for choice in ("highest", "lowest", "first")}
    assert places["first"] == (among[0] if among else None)
    if not among:
        assert set(places.values()) == {None}
        return
    limits = {n: rule.lines[n - 1].credit_limit for n in among}
    assert limits[places["highest"] or 0] == max(limits.values())
    assert limits[places["lowest"] or 0] == min(limits.values())
