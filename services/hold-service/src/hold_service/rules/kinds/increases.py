"""Payment-term and cash-discount increase (spec 3.3, kinds 8 and 9), switched on by parameters.

The order's term or discount is compared with what it was at the last release, else with the customer's default;
what has no rank is not higher than anything.
"""

from __future__ import annotations

from hold_service.rules.facts import Facts
from hold_service.rules.model import ALL, NUMBER, Rule, RuleKind, register
from holdfast.contracts.holds import HoldReason


class Increase(RuleKind):
    """What the two have in common."""

    value_types = (NUMBER,)
    levels = (ALL,)

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        return False


def _is_higher(rank: int | None, base: int | None) -> bool:
    return rank is not None and base is not None and rank > base


@register
class PaymentTermIncrease(Increase):
    """Blocks when the order's term of payment ranks above the customer's."""

    name = "payment_term_increase"
    reason = HoldReason.PAYMENT_TERM_INCREASED
    summary = "the order's terms of payment rank above the customer's default"
    switched_by = "check_when_payment_terms_increase"

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return facts.check_terms and _is_higher(facts.term_rank, facts.term_base_rank)

    def words(self, rule: Rule, facts: Facts) -> str:
        return (
            f"The order's terms of payment {facts.payment_term} (rank {facts.term_rank}) are above "
            f"{facts.term_base} (rank {facts.term_base_rank})."
        )

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        return f"Give the order the terms of payment {facts.term_base}, or change the customer's default."


@register
class CashDiscountIncrease(Increase):
    """Blocks when the order's cash discount ranks above the customer's."""

    name = "cash_discount_increase"
    reason = HoldReason.CASH_DISCOUNT_INCREASED
    summary = "the order's cash discount ranks above the customer's default"
    switched_by = "check_when_cash_discount_increases"

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return facts.check_discounts and _is_higher(facts.discount_rank, facts.discount_base_rank)

    def words(self, rule: Rule, facts: Facts) -> str:
        return (
            f"The order's cash discount {facts.cash_discount} (rank {facts.discount_rank}) is above "
            f"{facts.discount_base} (rank {facts.discount_base_rank})."
        )

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        return f"Give the order the cash discount {facts.discount_base}, or change the customer's default."
