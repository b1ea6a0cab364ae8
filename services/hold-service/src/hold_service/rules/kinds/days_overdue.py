"""Days overdue (spec 3.3, kind 1): the oldest open invoice is later than so many days."""

from __future__ import annotations

from decimal import Decimal

from hold_service.rules.model import Facts, Finding, Rule, RuleKind, amount, register
from holdfast.contracts.holds import HoldReason


@register
class DaysOverdue(RuleKind):
    """Blocks when the oldest open invoice is more than `value` days past its due date; equality never blocks."""

    name = "days_overdue"
    reason = HoldReason.OPEN_TRANSACTIONS_OVERDUE
    unit = "days"
    summary = "the oldest open invoice is more than so many days overdue"

    def wrong_value(self, value: Decimal) -> str | None:
        if value < 0 or value != value.to_integral_value() or value > 3650:
            return "Send whole days from 0 to 3650."
        return None

    def blocks(self, rule: Rule, facts: Facts) -> Finding | None:
        if facts.days_overdue <= rule.value:
            return None
        overdue = amount(facts.overdue_amount, facts.currency)
        text = (
            f"The oldest open invoice is {facts.days_overdue} days overdue; the rule allows {rule.value:f}. "
            f"In all {overdue} are overdue."
        )
        to_pass = f"Pay every invoice that is more than {rule.value:f} days overdue."
        return Finding(self.reason, rule.id, text, to_pass)
