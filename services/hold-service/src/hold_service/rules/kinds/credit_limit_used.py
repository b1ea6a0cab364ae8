"""Credit limit used (spec 3.3, kind 7): the exposure with this order is above a share of the limit."""

from __future__ import annotations

from decimal import Decimal

from hold_service.rules.facts import Facts
from hold_service.rules.model import PERCENT, Rule, RuleKind, amount, at_least, more_than, register
from holdfast.contracts.holds import HoldReason
from holdfast.receivables.limits import Comparison, Level, LimitTest
from holdfast.receivables.money import ZERO


@register
class CreditLimitUsed(RuleKind):
    """Blocks when the used percentage of the group's or of the own limit is above `value`. Limit 0 means no credit.

    A customer who owes nothing, the order included, passes any limit (spec 2.4). The parameter
    check_limit_on_sales_order switches the kind off. Where no limit is tested nothing is used of one, so that an
    exclusion does not match either.
    """

    name = "credit_limit_used"
    reason = HoldReason.CREDIT_EXCEEDED
    summary = "the exposure with this order is above so many percent of the credit limit"
    value_types = (PERCENT,)

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return facts.check_limit and bool(self._failing(rule, facts))

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        below = (test.exposure * 100 < test.limit * rule.value for test in facts.tests)
        return facts.check_limit and bool(facts.tests) and all(below)

    @staticmethod
    def _failing(rule: Rule, facts: Facts) -> list[LimitTest]:
        return [test for test in facts.tests if test.is_above(rule.value, facts.comparison)]

    def words(self, rule: Rule, facts: Facts) -> str:
        if not facts.check_limit or not facts.tests:
            return "No credit limit is tested."
        return " ".join(self._said(test, rule) for test in (self._failing(rule, facts) or facts.tests))

    @staticmethod
    def _said(test: LimitTest, rule: Rule) -> str:
        exposure, limit = amount(test.exposure, test.currency), amount(test.limit, test.currency)
        used = test.used_percent
        share = f"{used:f} % of the limit" if used is not None else "above the limit"
        whose = " of the credit group" if test.level is Level.GROUP else ""
        return f"The exposure{whose} with this order is {exposure}, {share} {limit}; the rule allows {rule.value:f} %."

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        failing = self._failing(rule, facts)
        if not failing:
            return "Nothing: it fits."
        due: dict[str, Decimal] = {}
        for test in failing:
            due[test.currency] = max(due.get(test.currency, ZERO), self._due(test, rule, facts))
        amounts = " or ".join(amount(value, currency) for currency, value in due.items())
        what = f"{amounts}, whichever is more" if len(due) > 1 else amounts
        limits = " and ".join("the group's limit" if t.level is Level.GROUP else "the limit" for t in failing)
        return f"{self._remedy(what, failing, facts, max(due.values()))}, or raise {limits} so that the exposure fits."

    @staticmethod
    def _remedy(what: str, failing: list[LimitTest], facts: Facts, due: Decimal) -> str:
        """Who owes nothing has nothing to pay but this order; in a group another member may owe."""
        if facts.owed is None or facts.owed > 0 or any(test.level is Level.GROUP for test in failing):
            return f"Pay {what}"
        return f"Lower the order by {what}" if due < facts.this_order else f"Pay {what} in advance"

    @staticmethod
    def _due(test: LimitTest, rule: Rule, facts: Facts) -> Decimal:
        """What is to be paid until the exposure fits, or until nothing is owed where there is no limit."""
        if test.limit <= 0:
            return test.exposure
        excess = test.exposure - test.limit * rule.value / 100
        most = at_least(test.exposure, test.currency)
        rounding = at_least if facts.comparison is Comparison.STRICT else more_than
        return min(most, rounding(excess, test.currency))
