"""Dunning level: the customer has been reminded up to a certain level."""

from __future__ import annotations

from hold_service.rules.facts import Facts
from hold_service.rules.model import NUMBER, Rule, RuleKind, register
from holdfast.contracts.holds import HoldReason


@register
class DunningLevel(RuleKind):
    """Blocks when the customer's reminder level has reached `value`; excludes below it."""

    name = "dunning_level"
    reason = HoldReason.DUNNING_LEVEL
    summary = "the customer's reminders have reached the level"
    value_types = (NUMBER,)

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return facts.dunning_level >= rule.value

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        return facts.dunning_level < rule.value

    def words(self, rule: Rule, facts: Facts) -> str:
        return f"The customer's reminder level is {facts.dunning_level}; the rule names {rule.value:f}."

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        return f"Pay the invoices that were reminded at level {rule.value:f} or above."
