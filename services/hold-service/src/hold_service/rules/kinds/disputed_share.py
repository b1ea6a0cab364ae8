"""Disputed share: much of what the customer owes is disputed."""

from __future__ import annotations

from hold_service.rules.facts import Facts
from hold_service.rules.model import PERCENT, Rule, RuleKind, amount, register, share_to_pay
from holdfast.contracts.holds import HoldReason


@register
class DisputedShare(RuleKind):
    """Blocks when more than `value` percent of the open invoices are disputed."""

    name = "disputed_share"
    reason = HoldReason.DISPUTED_SHARE
    summary = "more than so many percent of the open invoices are disputed"
    value_types = (PERCENT,)

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return facts.disputed_percent > rule.value

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        return facts.disputed_percent < rule.value

    def words(self, rule: Rule, facts: Facts) -> str:
        disputed = amount(facts.disputed_amount, facts.currency)
        return (
            f"{disputed} or {facts.disputed_percent:.2f} % of the open invoices are disputed; "
            f"the rule names {rule.value:f} %."
        )

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        due = share_to_pay(facts.disputed_amount, facts.open_debits, rule.value, facts.currency)
        return f"Settle the disputes, or pay {amount(due, facts.currency)} of what is disputed."
