"""Sales order (spec 3.3, kind 6): the order is worth more than an amount."""

from __future__ import annotations

from hold_service.rules.facts import Facts
from hold_service.rules.model import AMOUNT, Rule, RuleKind, amount, register
from holdfast.contracts.holds import HoldReason


@register
class SalesOrder(RuleKind):
    """Blocks when the order's total is above `value`."""

    name = "sales_order"
    reason = HoldReason.SALES_ORDER
    summary = "the order is worth more than an amount"
    value_types = (AMOUNT,)

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return facts.order_total > facts.in_company(rule.value, rule.currency)

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        return facts.order_total < facts.in_company(rule.value, rule.currency)

    def words(self, rule: Rule, facts: Facts) -> str:
        allowed = amount(facts.in_company(rule.value, rule.currency), facts.currency)
        return f"The order is worth {amount(facts.order_total, facts.currency)}; the rule names {allowed}."

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        allowed = facts.in_company(rule.value, rule.currency)
        return f"Lower the order by {amount(facts.order_total - allowed, facts.currency)}, or raise the rule's amount."
