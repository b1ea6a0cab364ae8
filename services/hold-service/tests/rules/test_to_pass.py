"""What it takes to pass: whoever does what a finding says passes."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hold_service.rules.evaluation import RuleBook, evaluate
from hold_service.rules.facts import Facts
from hold_service.rules.model import Rule
from hold_service.rules.validation import problems_of
from holdfast.receivables.limits import Comparison, Level, LimitTest

CENTS = st.integers(0, 5_000_000).map(lambda cents: Decimal(cents) / 100)
PERCENT = st.integers(0, 12_000).map(lambda part: Decimal(part) / 100)
PLACES = st.sampled_from([("table", "C-1"), ("group", "KEY"), ("all", None)])


def rules_of(kind: str, **fields: Any) -> st.SearchStrategy[list[Rule]]:
    """Some blocking rules of a kind, at any level."""
    one = st.builds(
        lambda place, value, number: Rule(
            f"{number}", "DE01", kind, value, valid_for=place[0], account_or_group=place[1], **fields
        ),
        PLACES, PERCENT, st.integers(),
    )  # fmt: skip
    return st.lists(one, min_size=1, max_size=4)


def facts(**changes: Any) -> Facts:
    """Customer C-1 of credit management group KEY."""
    return Facts(date(2026, 3, 11), "invoice", "C-1", "EUR", credit_management_group="KEY", **changes)


def paid(text: str) -> Decimal:
    """The amount that a finding wants to be paid."""
    found = re.search(r"([\d,]+\.\d+) EUR", text)
    assert found is not None, text
    return Decimal(found[1].replace(",", ""))


@given(rules_of("credit_limit_used"), CENTS, CENTS, CENTS, CENTS, st.sampled_from(Comparison))
def test_who_pays_what_is_told_is_within_every_limit(
    rules: list[Rule], own: Decimal, limit: Decimal, group: Decimal, shared: Decimal, comparison: Comparison
) -> None:
    tests = (LimitTest(Level.GROUP, shared, group, "EUR"), LimitTest(Level.OWN, limit, own, "EUR"))
    before = facts(tests=tests, comparison=comparison)
    for finding in evaluate(RuleBook(rules), before).findings:
        due = paid(finding.to_pass)
        after = tuple(replace(test, exposure=test.exposure - due) for test in tests)
        assert not evaluate(RuleBook(rules), replace(before, tests=after)).findings
        short = tuple(replace(test, exposure=test.exposure - due + Decimal("0.01")) for test in tests)
        assert evaluate(RuleBook(rules), replace(before, tests=short)).findings


@given(rules_of("overdue_amount", value_type="percent"), CENTS, CENTS)
def test_who_pays_what_is_told_is_within_the_share_that_may_be_overdue(
    rules: list[Rule], overdue: Decimal, others: Decimal
) -> None:
    before = facts(overdue_amount=overdue, open_debits=overdue + others)
    for finding in evaluate(RuleBook(rules), before).findings:
        due = paid(finding.to_pass)
        after = replace(before, overdue_amount=overdue - due, open_debits=overdue + others - due)
        assert not evaluate(RuleBook(rules), after).findings


@given(rules_of("disputed_share"), CENTS, CENTS)
def test_who_pays_what_is_told_is_within_the_share_that_may_be_disputed(
    rules: list[Rule], disputed: Decimal, others: Decimal
) -> None:
    before = facts(disputed_amount=disputed, open_debits=disputed + others)
    for finding in evaluate(RuleBook(rules), before).findings:
        due = paid(finding.to_pass)
        after = replace(before, disputed_amount=disputed - due, open_debits=disputed + others - due)
        assert not evaluate(RuleBook(rules), after).findings


@given(rules_of("overdue_amount", currency="EUR"), CENTS)
def test_who_pays_what_is_told_is_within_the_amount_that_may_be_overdue(rules: list[Rule], overdue: Decimal) -> None:
    before = facts(overdue_amount=overdue)
    for finding in evaluate(RuleBook(rules), before).findings:
        after = replace(before, overdue_amount=overdue - paid(finding.to_pass))
        assert not evaluate(RuleBook(rules), after).findings


def told(*rules: Rule, **changes: Any) -> str:
    """What the only finding says."""
    (finding,) = evaluate(RuleBook(rules), facts(**changes)).findings
    return finding.to_pass


def used(percent: str, number: str = "1") -> Rule:
    return Rule(number, "DE01", "credit_limit_used", Decimal(percent))


def test_the_strictest_of_several_rules_and_all_failing_levels_are_told() -> None:
    own = LimitTest(Level.OWN, Decimal(1000), Decimal(1450), "EUR")
    assert told(used("50", "1"), used("10", "2"), tests=(own,)).startswith("Pay 1,350.00 EUR, or raise the limit")
    group = LimitTest(Level.GROUP, Decimal(10000), Decimal(10010), "EUR")
    assert told(used("100"), tests=(group, replace(own, exposure=Decimal(6000)))) == (
        "Pay 5,000.00 EUR, or raise the group's limit and the limit so that the exposure fits."
    )
    dollars = replace(group, currency="USD")
    assert told(used("100"), tests=(dollars, own)).startswith("Pay 10.00 USD or 450.00 EUR, whichever is more, or")


def test_where_the_limit_itself_is_too_much_a_minor_unit_more_is_told() -> None:
    own = LimitTest(Level.OWN, Decimal(1000), Decimal(1900), "EUR")
    assert told(used("100"), tests=(own,), comparison=Comparison.INCLUSIVE).startswith("Pay 900.01 EUR")
    yen = LimitTest(Level.OWN, Decimal(1000), Decimal(1900), "JPY")
    assert told(used("100"), tests=(yen,), comparison=Comparison.INCLUSIVE).startswith("Pay 901 JPY")


@given(rules_of("credit_limit_used"), CENTS, CENTS, CENTS, st.sampled_from(Comparison))
def test_who_owes_nothing_passes_with_the_order_lowered_or_paid_in_advance(
    rules: list[Rule], order: Decimal, others: Decimal, limit: Decimal, comparison: Comparison
) -> None:
    test = LimitTest(Level.OWN, limit, order + others, "EUR")
    before = facts(tests=(test,), comparison=comparison, owed=Decimal(0), this_order=order, order_total=order)
    for finding in evaluate(RuleBook(rules), before).findings:
        due, lowers = paid(finding.to_pass), finding.to_pass.startswith("Lower the order by")
        assert (lowers, "in advance" in finding.to_pass) == (due < order, due >= order)
        after = replace(test, exposure=test.exposure - due)
        assert not evaluate(RuleBook(rules), replace(before, tests=(after,))).findings


def test_paying_is_told_only_where_something_is_owed() -> None:
    own = LimitTest(Level.OWN, Decimal(1000), Decimal(1500), "EUR")
    order: dict[str, Any] = {"tests": (own,), "this_order": Decimal(1500)}
    assert told(used("100"), owed=Decimal(0), **order) == (
        "Lower the order by 500.00 EUR, or raise the limit so that the exposure fits."
    )
    assert told(used("100"), owed=Decimal(300), **order).startswith("Pay 500.00 EUR, or raise")
    nothing = {**order, "tests": (replace(own, limit=Decimal(0)),)}
    assert told(used("100"), owed=Decimal(0), **nothing).startswith("Pay 1,500.00 EUR in advance, or raise")


def test_one_day_and_one_promise_are_told_in_the_singular() -> None:
    late, broken = (Rule("1", "DE01", kind, Decimal(0)) for kind in ("days_overdue", "broken_promise"))
    found = evaluate(RuleBook([late, broken]), facts(days_overdue=1, broken_promises=1)).findings
    days, promises = (finding.text for finding in found)
    assert ("is 1 day " in days, "1 promise to pay is broken" in promises) == (True, True), found


def test_days_overdue_names_the_amount_and_the_other_accounts_that_are_late() -> None:
    late = Rule("1", "DE01", "days_overdue", Decimal(30))
    linked = {"DE01/C-2": 31, "DE01/C-3": 30}
    (finding,) = evaluate(RuleBook([late]), facts(days_overdue=40, overdue_amount=Decimal(70),
                                                  linked_days_overdue=linked)).findings  # fmt: skip
    assert finding.to_pass == (
        "Pay every invoice that is more than 30 days overdue, and those of DE01/C-2; in all 70.00 EUR are overdue."
    )
    assert finding.accounts == ("DE01/C-2",)


@pytest.mark.parametrize("kind", ["credit_limit_used", "overdue_amount"])
def test_an_exclusion_by_a_percentage_does_not_match_where_no_limit_is_tested(kind: str) -> None:
    fields = {"currency": "EUR", "threshold_percent": Decimal(90)} if kind == "overdue_amount" else {}
    free = Rule("1", "DE01", kind, Decimal(90), "exclusion", release_sales_order=True, **fields)  # type: ignore[arg-type]
    late = Rule("2", "DE01", "days_overdue", Decimal(30))
    assert [f.reason for f in evaluate(RuleBook([free, late]), facts(days_overdue=45)).findings] == [
        "open_transactions_overdue"
    ]


def test_a_risk_group_may_be_excluded_for_one_customer() -> None:
    high: dict[str, Any] = {"risk_group": "High"}
    free = Rule("1", "DE01", "risk_group", rule_type="exclusion", valid_for="table", account_or_group="C-1", **high)
    assert problems_of(free) == []
    rules = RuleBook([Rule("2", "DE01", "risk_group", **high), free])
    assert evaluate(rules, facts(**high)).findings == []
    assert [f.reason for f in evaluate(rules, replace(facts(**high), customer="C-2")).findings] == ["risk_group"]


def test_a_rule_whose_amount_cannot_be_converted_does_not_hide_one_that_blocks() -> None:
    rules = [
        Rule("1", "DE01", "sales_order", Decimal(10), valid_for="table", account_or_group="C-1", currency="EUR"),
        Rule("2", "DE01", "sales_order", Decimal(10), currency="USD"),
    ]
    assert told(*rules, order_total=Decimal(30)) == "Lower the order by 20.00 EUR, or raise the rule's amount."
