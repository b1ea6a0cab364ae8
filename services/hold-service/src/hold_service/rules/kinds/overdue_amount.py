"""Overdue amount (spec 3.3, kind 5): much is overdue, and much of the limit is used."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hold_service.rules.facts import Facts
from hold_service.rules.model import AMOUNT, PERCENT, Rule, RuleKind, amount, register, share_to_pay
from holdfast.contracts.holds import HoldReason
from holdfast.receivables.money import ZERO


@register
class OverdueAmount(RuleKind):
    """Blocks when more than `value` is overdue and more than `threshold_percent` of a limit, own or shared, is used.

    As a percentage `value` is a share of the open invoices. Without a threshold the overdue amount alone counts.
    """

    name = "overdue_amount"
    reason = HoldReason.OVERDUE_AMOUNT
    summary = (
        "more than an amount (or share of the open invoices) is overdue and more of the limit is used than allowed"
    )
    value_types = (AMOUNT, PERCENT)
    thresholds = True

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return self._overdue(rule, facts) > self._allowed(rule, facts) and self._above(rule, facts)

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        return self._overdue(rule, facts) < self._allowed(rule, facts) and self._below(rule, facts)

    @staticmethod
    def _overdue(rule: Rule, facts: Facts) -> Decimal:
        return facts.overdue_percent if rule.measure == PERCENT else facts.overdue_amount

    @staticmethod
    def _allowed(rule: Rule, facts: Facts) -> Decimal:
        return rule.value if rule.measure == PERCENT else facts.in_company(rule.value, rule.currency)

    @staticmethod
    def _above(rule: Rule, facts: Facts) -> bool:
        percent = rule.threshold_percent
        return percent is None or any(test.is_above(percent, facts.comparison) for test in facts.tests)

    @staticmethod
    def _below(rule: Rule, facts: Facts) -> bool:
        percent = rule.threshold_percent
        if percent is None:
            return True
        return bool(facts.tests) and all(test.exposure * 100 < test.limit * percent for test in facts.tests)

    def words(self, rule: Rule, facts: Facts) -> str:
        overdue = amount(facts.overdue_amount, facts.currency)
        if rule.measure == PERCENT:
            share = f"{facts.overdue_percent:.2f} % of the open invoices"
            said = f"{overdue} or {share} are overdue; the rule allows {rule.value:f} %"
        else:
            said = f"{overdue} are overdue; the rule allows {amount(self._allowed(rule, facts), facts.currency)}"
        if rule.threshold_percent is None:
            return f"{said}."
        used = (
            ", ".join(f"{t.level} {t.used_percent or 0:f} %" for t in facts.tests) or "nothing, as no limit is tested"
        )
        return f"{said} as long as at most {rule.threshold_percent:f} % of the limit are used. Used: {used}."

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        return f"Pay overdue invoices of {amount(self._due(rule, facts), facts.currency)}."

    def late_days(self, rule: Rule) -> Decimal | None:
        return ZERO

    def strictest(self, rules: Sequence[Rule], facts: Facts) -> Rule:
        return max(rules, key=lambda rule: self._due(rule, facts))

    def _due(self, rule: Rule, facts: Facts) -> Decimal:
        if rule.measure == PERCENT:
            return share_to_pay(facts.overdue_amount, facts.open_debits, rule.value, facts.currency)
        return facts.overdue_amount - self._allowed(rule, facts)
