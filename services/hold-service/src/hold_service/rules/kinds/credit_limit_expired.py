"""Credit limit expired (spec 3.3, kind 4): the limit ended more than so many days ago."""

from __future__ import annotations

from hold_service.rules.facts import Facts
from hold_service.rules.model import Rule, RuleKind, register
from holdfast.contracts.holds import HoldReason


@register
class CreditLimitExpired(RuleKind):
    """Blocks when the limit expired more than `value` days ago. The parameter ignore_blank_expiry says whether a
    limit without an expiry date counts as expired."""

    name = "credit_limit_expired"
    reason = HoldReason.CREDIT_LIMIT_EXPIRED
    summary = "the credit limit expired more than so many days ago"

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        if facts.days_expired is None:
            return not facts.ignore_blank_expiry
        return facts.days_expired > rule.value

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        if facts.days_expired is None:
            return facts.ignore_blank_expiry
        return facts.days_expired < rule.value

    def words(self, rule: Rule, facts: Facts) -> str:
        if facts.days_expired is None:
            means = "is not looked at" if facts.ignore_blank_expiry else "counts as expired"
            return f"The credit limit has no expiry date, which {means}."
        ends = "expired" if facts.days_expired >= 0 else "expires"
        return f"The credit limit {ends} on {facts.expiry_date}; the rule allows {rule.value:f} days after that."

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        return "Review the customer's credit limit and move its expiry date out."
