"""Review date passed: the customer's credit should have been reviewed."""

from __future__ import annotations

from hold_service.rules.facts import Facts
from hold_service.rules.model import Rule, RuleKind, register
from holdfast.contracts.holds import HoldReason


@register
class ReviewDatePassed(RuleKind):
    """Blocks when the next review date passed more than `value` days ago; a customer without one never."""

    name = "review_date_passed"
    reason = HoldReason.REVIEW_DATE_PASSED
    summary = "the next review date passed more than so many days ago"

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return facts.days_after_review is not None and facts.days_after_review > rule.value

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        return facts.days_after_review is None or facts.days_after_review < rule.value

    def words(self, rule: Rule, facts: Facts) -> str:
        if facts.next_review_date is None:
            return "The customer has no review date."
        return (
            f"The customer's review is due on {facts.next_review_date}; the rule allows {rule.value:f} days after that."
        )

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        return "Review the customer's credit and set the next review date."
