"""Risk group (spec 3.3, kind 10): the customer is in a certain risk group."""

from __future__ import annotations

from hold_service.rules.facts import Facts
from hold_service.rules.model import NUMBER, Rule, RuleKind, register
from holdfast.contracts.holds import HoldReason


@register
class RiskGroup(RuleKind):
    """Blocks or excludes customers of `risk_group`."""

    name = "risk_group"
    reason = HoldReason.RISK_GROUP
    summary = "the customer is in the risk group that the rule names"
    value_types = (NUMBER,)
    names = "risk_group"

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return facts.risk_group == rule.risk_group

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        return self.blocks(rule, facts)

    def words(self, rule: Rule, facts: Facts) -> str:
        return f"The customer's risk group is {facts.risk_group or 'none'}; the rule names {rule.risk_group}."

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        return f"Review the customer's risk: it leaves {rule.risk_group} when its score does."
