"""Credit limit used (spec 3.3, kind 7): the exposure with this order is above a share of the limit."""

from __future__ import annotations

from decimal import Decimal

from hold_service.rules.model import Facts, Finding, Rule, RuleKind, amount, register
from holdfast.contracts.holds import HoldReason


@register
class CreditLimitUsed(RuleKind):
    """Blocks when the used percentage is above `value`; equality never blocks. Limit 0 means no credit (spec 2.5).

    A customer who owes nothing, the order included, passes any limit (spec 2.4).
    """

    name = "credit_limit_used"
    reason = HoldReason.CREDIT_EXCEEDED
    unit = "percent"
    summary = "the exposure with this order is above so many percent of the credit limit"

    def wrong_value(self, value: Decimal) -> str | None:
        return None if 0 <= value <= 1000 else "Send a percentage from 0 to 1000."

    def blocks(self, rule: Rule, facts: Facts) -> Finding | None:
        if facts.limit is None or facts.exposure <= 0:
            return None
        allowed = facts.limit * rule.value / 100
        if facts.exposure <= allowed:
            return None
        exposure, excess = amount(facts.exposure, facts.currency), amount(facts.exposure - allowed, facts.currency)
        used = facts.used_percent
        share = f"{used:f} % of the limit" if used is not None else "above the limit"
        text = (
            f"The exposure with this order is {exposure}, {share} {amount(facts.limit, facts.currency)}; "
            f"the rule allows {rule.value:f} %."
        )
        return Finding(self.reason, rule.id, text, f"Pay {excess}, or raise the limit so that the exposure fits.")
