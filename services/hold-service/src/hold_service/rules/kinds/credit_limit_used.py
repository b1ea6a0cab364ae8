"""Credit limit used (spec 3.3, kind 7): the exposure with this order is above a share of the limit."""

from __future__ import annotations

from hold_service.rules.facts import Facts
from hold_service.rules.model import PERCENT, Rule, RuleKind, amount, register
from holdfast.contracts.holds import HoldReason
from holdfast.receivables.limits import Level, LimitTest


@register
class CreditLimitUsed(RuleKind):
    """Blocks when the used percentage of the group's or of the own limit is above `value`. Limit 0 means no credit.

    A customer who owes nothing, the order included, passes any limit (spec 2.4). The parameter
    check_limit_on_sales_order switches the kind off.
    """

    name = "credit_limit_used"
    reason = HoldReason.CREDIT_EXCEEDED
    summary = "the exposure with this order is above so many percent of the credit limit"
    value_types = (PERCENT,)

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return facts.check_limit and self._failing(rule, facts) is not None

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        return facts.check_limit and all(test.exposure * 100 < test.limit * rule.value for test in facts.tests)

    @staticmethod
    def _failing(rule: Rule, facts: Facts) -> LimitTest | None:
        return next((test for test in facts.tests if test.is_above(rule.value, facts.comparison)), None)

    def words(self, rule: Rule, facts: Facts) -> str:
        if not facts.check_limit or not facts.tests:
            return "No credit limit is tested."
        failing = self._failing(rule, facts)
        return " ".join(self._said(test, rule) for test in ([failing] if failing else facts.tests))

    @staticmethod
    def _said(test: LimitTest, rule: Rule) -> str:
        exposure, limit = amount(test.exposure, test.currency), amount(test.limit, test.currency)
        used = test.used_percent
        share = f"{used:f} % of the limit" if used is not None else "above the limit"
        whose = " of the credit group" if test.level is Level.GROUP else ""
        return f"The exposure{whose} with this order is {exposure}, {share} {limit}; the rule allows {rule.value:f} %."

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        test = self._failing(rule, facts)
        if test is None:
            return "Nothing: it fits."
        excess = amount(test.exposure - test.limit * rule.value / 100, test.currency)
        limit = "the group's limit" if test.level is Level.GROUP else "the limit"
        return f"Pay {excess}, or raise {limit} so that the exposure fits."
