"""Broken promise: the customer promised payments and did not keep them."""

from __future__ import annotations

from hold_service.rules.facts import Facts
from hold_service.rules.model import NUMBER, Rule, RuleKind, many, register
from holdfast.contracts.holds import HoldReason


@register
class BrokenPromise(RuleKind):
    """Blocks when more than `value` promises to pay are broken and not made good since."""

    name = "broken_promise"
    reason = HoldReason.BROKEN_PROMISE
    summary = "more than so many promises to pay are broken"
    value_types = (NUMBER,)

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return facts.broken_promises > rule.value

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        return facts.broken_promises < rule.value

    def words(self, rule: Rule, facts: Facts) -> str:
        broken = many(facts.broken_promises, "promise to pay is", "promises to pay are")
        return f"{broken} broken; the rule allows {rule.value:f}."

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        return "Pay what was promised."
