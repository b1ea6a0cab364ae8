"""Rows of the test catalogue on rules (6.4), on plain values."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from hold_service.rules.evaluation import RuleBook, evaluate
from hold_service.rules.facts import Facts
from hold_service.rules.model import KINDS, Rule, with_rules
from hold_service.rules.validation import problems_of
from holdfast.receivables.limits import Level, LimitTest
from holdfast.receivables.rates import Rate

TODAY = date(2026, 3, 11)


def rule(kind: str, value: str = "0", **fields: Any) -> Rule:
    """A rule for all, unless it names an account or a group."""
    return Rule(f"{kind}-{value}-{fields}", "DE01", kind, Decimal(value), **fields)


def exclude(kind: str, value: str = "0", **fields: Any) -> Rule:
    return rule(kind, value, rule_type="exclusion", **fields)


def table(**fields: Any) -> dict[str, Any]:
    return {"valid_for": "table", "account_or_group": "C-1", **fields}


def group(**fields: Any) -> dict[str, Any]:
    return {"valid_for": "group", "account_or_group": "KEY", **fields}


def facts(**changes: Any) -> Facts:
    """Customer C-1 of credit management group KEY."""
    given = {"check_date": TODAY, "checkpoint": "invoice", "customer": "C-1", "currency": "EUR"}
    return Facts(**(given | {"credit_management_group": "KEY"} | changes))


def used(exposure: str, limit: str = "10000", level: Level = Level.OWN) -> LimitTest:
    return LimitTest(level, Decimal(limit), Decimal(exposure), "EUR")


def reasons(given: Facts, *rules: Rule) -> list[str]:
    """The reasons that rules find."""
    return [str(finding.reason) for finding in evaluate(RuleBook(rules), given).findings]


LATE = "open_transactions_overdue"


def test_row_42_exactly_as_many_days_pass() -> None:
    assert reasons(facts(days_overdue=61), rule("days_overdue", "61")) == []
    assert reasons(facts(days_overdue=62), rule("days_overdue", "61")) == [LATE]


@pytest.mark.parametrize(("days", "wanted"), [(80, []), (100, [LATE]), (101, [LATE])])
def test_rows_43_and_44_an_exclusion_of_one_customer(days: int, wanted: list[str]) -> None:
    rules = rule("days_overdue", "61"), exclude("days_overdue", "100", **table())
    assert reasons(facts(days_overdue=days), *rules) == wanted


@pytest.mark.parametrize(("overdue", "wanted"), [("900", []), ("1000", [LATE, "credit_exceeded"])])
def test_rows_46_and_47_an_exclusion_that_releases(overdue: str, wanted: list[str]) -> None:
    free = exclude(
        "days_overdue", "1000", value_type="amount", currency="EUR", release_sales_order=True, **table()
    )  # fmt: skip
    given = facts(days_overdue=70, overdue_amount=Decimal(overdue), tests=(used("20000"),))
    assert reasons(given, rule("days_overdue", "61"), free, rule("credit_limit_used", "100")) == wanted


def test_an_amount_exclusion_without_the_flag_does_not_cancel_days() -> None:
    other = exclude("days_overdue", "1000", value_type="amount", currency="EUR", **table())
    assert reasons(facts(days_overdue=70), rule("days_overdue", "61"), other) == [LATE]


def test_row_49_a_block_of_one_customer_comes_before_a_groups_exclusion() -> None:
    rules = rule("days_overdue", "30", **table()), exclude("days_overdue", "60", **group())
    assert reasons(facts(days_overdue=45), *rules) == [LATE]


def test_row_50_an_exclusion_of_one_customer_comes_before_a_groups_block() -> None:
    rules = exclude("days_overdue", "60", **table()), rule("days_overdue", "30", **group())
    assert reasons(facts(days_overdue=45), *rules) == []


INTERACTION: list[tuple[list[Rule], list[str]]] = [
    ([rule("days_overdue", "30")], [LATE]),
    ([exclude("days_overdue", "60", **group()), rule("days_overdue", "30")], []),
    ([exclude("days_overdue", "60", **table()), rule("days_overdue", "30", **group())], []),
    ([exclude("days_overdue", "60", **group()), rule("days_overdue", "30", **group())], [LATE]),
    ([rule("days_overdue", "30", **table()), exclude("days_overdue", "60", **group())], [LATE]),
    (
        [exclude("days_overdue", "60", **group()), rule("days_overdue", "30"), rule("credit_limit_used", "100")],
        ["credit_exceeded"],
    ),
    (
        [exclude("days_overdue", "60", release_sales_order=True, **group()), rule("days_overdue", "30"),
         rule("credit_limit_used", "100")],
        [],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "wanted"), INTERACTION)
def test_the_interaction_table_of_3_4(rules: list[Rule], wanted: list[str]) -> None:
    assert reasons(facts(days_overdue=45, tests=(used("20000"),)), *rules) == wanted


def test_row_51_an_exclusion_acts_inside_its_own_kind() -> None:
    rules = exclude("payment_term", payment_term="N30"), rule("credit_limit_expired", "0")
    given = facts(payment_term="N30", expiry_date=date(2026, 3, 1))
    assert reasons(given, *rules) == ["credit_limit_expired"]


@pytest.mark.parametrize(("risk", "wanted"), [("Low", []), ("High", [LATE]), (None, [])])
def test_row_52_a_rule_for_a_risk_group(risk: str | None, wanted: list[str]) -> None:
    assert reasons(facts(days_overdue=45, risk_group=risk), rule("days_overdue", "30", risk_group="High")) == wanted


def test_row_54_account_status() -> None:
    stop = rule("account_status", account_status="STOP")
    assert reasons(facts(account_status="STOP", tests=(used("1"),)), stop) == ["account_status"]
    assert reasons(facts(account_status="GOOD"), stop) == []


@pytest.mark.parametrize(("day", "wanted"), [(11, []), (12, ["credit_limit_expired"])])
def test_row_56_days_after_the_expiry(day: int, wanted: list[str]) -> None:
    given = facts(check_date=date(2026, 3, day), expiry_date=date(2026, 3, 1))
    assert reasons(given, rule("credit_limit_expired", "10")) == wanted


@pytest.mark.parametrize(("ignored", "wanted"), [(True, []), (False, ["credit_limit_expired"])])
def test_row_57_a_blank_expiry(ignored: bool, wanted: list[str]) -> None:
    assert reasons(facts(ignore_blank_expiry=ignored), rule("credit_limit_expired", "0")) == wanted


def test_row_58_an_expired_limit_alone_holds_nothing() -> None:
    given = facts(expiry_date=date(2025, 1, 1), tests=(used("5000"),))
    assert reasons(given, rule("credit_limit_used", "100")) == []


OVERDUE = rule("overdue_amount", "3000", currency="EUR", threshold_percent=Decimal(70))


@pytest.mark.parametrize(
    ("overdue", "exposure", "wanted"),
    [("4000", "6000", []), ("4000", "8000", ["overdue_amount"]), ("2999", "9500", [])],
)
def test_rows_59_to_61_overdue_amount_and_used_percentage(overdue: str, exposure: str, wanted: list[str]) -> None:
    assert reasons(facts(overdue_amount=Decimal(overdue), tests=(used(exposure),)), OVERDUE) == wanted


def test_either_percentage_meets_the_threshold_of_the_overdue_amount() -> None:
    given = facts(overdue_amount=Decimal(4000), tests=(used("9000", "10000", Level.GROUP), used("1", "10000")))
    assert reasons(given, OVERDUE) == ["overdue_amount"]


@pytest.mark.parametrize(("total", "wanted"), [("50000.01", ["sales_order"]), ("50000.00", [])])
def test_row_62_sales_order(total: str, wanted: list[str]) -> None:
    assert reasons(facts(order_total=Decimal(total)), rule("sales_order", "50000", currency="EUR")) == wanted


def test_row_63_small_orders_are_released() -> None:
    free = exclude("sales_order", "500", currency="EUR", release_sales_order=True)
    assert reasons(facts(order_total=Decimal(400), days_overdue=200), free, rule("days_overdue", "30")) == []
    assert reasons(facts(order_total=Decimal(500), days_overdue=200), free, rule("days_overdue", "30")) == [LATE]


@pytest.mark.parametrize(
    ("order", "base", "on", "wanted"),
    [(1, 1, True, []), (2, 1, False, []), (2, 1, True, ["payment_term_increased"]), (None, 1, True, [])],
)
def test_rows_65_66_and_68_payment_terms(order: int | None, base: int, on: bool, wanted: list[str]) -> None:
    assert reasons(facts(check_terms=on, term_rank=order, term_base_rank=base)) == wanted


def test_row_67_a_higher_cash_discount() -> None:
    given = facts(check_discounts=True, discount_rank=2, discount_base_rank=1)
    assert reasons(given) == ["cash_discount_increased"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (rule("days_overdue", "30", release_sales_order=True), "release_sales_order"),
        (rule("days_overdue", "30", value_type="amount", currency="EUR"), "value_type"),
        (rule("days_overdue", "1.5"), "value"),
        (rule("days_overdue", "30", valid_for="table"), "account_or_group"),
        (rule("days_overdue", "30", account_or_group="C-1"), "account_or_group"),
        (rule("days_overdue", "30", risk_group="High", **table()), "risk_group"),
        (rule("account_status", account_status="STOP", **table()), "valid_for"),
        (rule("account_status"), "account_status"),
        (rule("sales_order", "100"), "currency"),
        (rule("payment_term_increase"), "kind"),
        (rule("risk_group"), "risk_group"),
        (rule("risk_group", **table()), "risk_group"),
        (exclude("days_overdue", "30", outcome="warn"), "outcome"),
        (rule("days_overdue", "30", threshold_percent=Decimal(5)), "threshold_percent"),
        (rule("unheard_of"), "kind"),
    ],
)
def test_rows_69_and_70_what_cannot_be_set_up(wrong: Rule, field: str) -> None:
    problems = problems_of(wrong)
    assert problems[0].field == field
    assert all(problem.problem and problem.remedy.endswith(".") for problem in problems)


MORE = [
    (rule("risk_group", risk_group="High"), {"risk_group": "High"}, {"risk_group": "Low"}),
    (rule("dunning_level", "3"), {"dunning_level": 3}, {"dunning_level": 2}),
    (rule("review_date_passed", "5"), {"next_review_date": date(2026, 3, 5)}, {"next_review_date": date(2026, 3, 6)}),
    (rule("average_days_late", "10"), {"average_days_late": Decimal("10.1")}, {"average_days_late": Decimal(10)}),
    (rule("broken_promise", "0"), {"broken_promises": 1}, {"broken_promises": 0}),
    (rule("disputed_share", "20"), {"open_debits": Decimal(100), "disputed_amount": Decimal(21)},
     {"open_debits": Decimal(100), "disputed_amount": Decimal(20)}),
]  # fmt: skip


@pytest.mark.parametrize(("given", "holds", "passes"), MORE)
def test_the_kinds_that_others_have(given: Rule, holds: dict[str, Any], passes: dict[str, Any]) -> None:
    assert problems_of(given) == []
    assert reasons(facts(**holds), given) == [KINDS[given.kind].reason]
    assert reasons(facts(**passes), given) == []


def test_a_rule_may_warn_and_a_block_of_its_kind_takes_its_place() -> None:
    warn = rule("days_overdue", "10", outcome="warn")
    found = evaluate(RuleBook([warn]), facts(days_overdue=45))
    assert (found.findings, len(found.warnings)) == ([], 1)
    found = evaluate(RuleBook([warn, rule("days_overdue", "30")]), facts(days_overdue=45))
    assert (len(found.findings), found.warnings) == (1, [])


def test_a_rule_may_be_for_some_checkpoints() -> None:
    only = rule("days_overdue", "10", checkpoints=("confirmation",))
    assert reasons(facts(days_overdue=45), only) == []
    assert reasons(facts(days_overdue=45, checkpoint="confirmation"), only) == [LATE]


def test_an_amount_in_another_currency_is_converted_or_holds() -> None:
    big = rule("sales_order", "1000", currency="USD")
    assert reasons(facts(order_total=Decimal(600), rates={"USD": Rate(Decimal("0.5"))}), big) == ["sales_order"]
    assert reasons(facts(order_total=Decimal(600)), big) == ["technical_error"]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_kind_has_words_of_its_own(name: str) -> None:
    kind, given = KINDS[name], rule(name, "1", account_status="A", payment_term="N30", risk_group="High")
    assert kind.summary
    assert kind.words(given, facts(tests=(used("5"),))).endswith(".")
    assert kind.to_pass(given, facts()).endswith(".")
    assert (name in with_rules()) == (kind.switched_by is None)
