"""Average days late: the customer pays so much later than agreed."""

from __future__ import annotations

from hold_service.rules.facts import Facts
from hold_service.rules.model import Rule, RuleKind, register
from holdfast.contracts.holds import HoldReason


@register
class AverageDaysLate(RuleKind):
    """Blocks when payments come more than `value` days late on average; without payments never."""

    name = "average_days_late"
    reason = HoldReason.AVERAGE_DAYS_LATE
    summary = "the customer's payments come more than so many days late on average"

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return facts.average_days_late is not None and facts.average_days_late > rule.value

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        return facts.average_days_late is not None and facts.average_days_late < rule.value

    def words(self, rule: Rule, facts: Facts) -> str:
        if facts.average_days_late is None:
            return "How late the customer pays is not known."
        return f"Payments come {facts.average_days_late:.1f} days late on average; the rule names {rule.value:f}."

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        return "Release the order by hand: the average changes only with the customer's payments."
