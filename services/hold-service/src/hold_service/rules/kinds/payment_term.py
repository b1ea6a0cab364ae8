"""Terms of payment (spec 3.3, kind 3): the order has a certain term, such as cash in advance."""

from __future__ import annotations

from hold_service.rules.facts import Facts
from hold_service.rules.model import ALL, NUMBER, Rule, RuleKind, register
from holdfast.contracts.holds import HoldReason


@register
class PaymentTerm(RuleKind):
    """Blocks or excludes orders of `payment_term`; it has no levels. The company's term for cash on delivery has a
    reason of its own."""

    name = "payment_term"
    reason = HoldReason.PAYMENT_TERM
    summary = "the order has the terms of payment that the rule names"
    value_types = (NUMBER,)
    levels = (ALL,)
    names = "payment_term"

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return facts.payment_term == rule.payment_term

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        return self.blocks(rule, facts)

    def reason_of(self, rule: Rule, facts: Facts) -> str:
        is_cash = facts.payment_term == facts.cod_payment_term
        return HoldReason.COD_PAYMENT if is_cash else HoldReason.PAYMENT_TERM

    def words(self, rule: Rule, facts: Facts) -> str:
        return f"The order's terms of payment are {facts.payment_term or 'none'}; the rule names {rule.payment_term}."

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        return f"Give the order other terms of payment than {rule.payment_term}, or release it once it is paid."
