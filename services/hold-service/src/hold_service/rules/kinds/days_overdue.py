"""Days overdue (spec 3.3, kind 1): the oldest open invoice is later than so many days."""

from __future__ import annotations

from decimal import Decimal

from hold_service.rules.facts import Facts
from hold_service.rules.model import AMOUNT, Rule, RuleKind, amount, many, register
from holdfast.contracts.holds import HoldReason


@register
class DaysOverdue(RuleKind):
    """Blocks when the oldest open invoice, own or of a linked group member, is later than `value` days.

    An exclusion may also look at the customer's overdue amount.
    """

    name = "days_overdue"
    reason = HoldReason.OPEN_TRANSACTIONS_OVERDUE
    summary = "the oldest open invoice is more than so many days overdue"
    exclusion_types = (AMOUNT,)

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return facts.days_overdue > rule.value or bool(self.accounts_of(rule, facts))

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        if rule.measure == AMOUNT:
            return facts.overdue_amount < facts.in_company(rule.value, rule.currency)
        return max((facts.days_overdue, *facts.linked_days_overdue.values())) < rule.value

    def reason_of(self, rule: Rule, facts: Facts) -> str:
        own = facts.days_overdue > rule.value
        return HoldReason.OPEN_TRANSACTIONS_OVERDUE if own else HoldReason.OPEN_TRANSACTIONS_OVERDUE_LINKED

    def words(self, rule: Rule, facts: Facts) -> str:
        overdue = amount(facts.overdue_amount, facts.currency)
        if rule.measure == AMOUNT:
            limit = amount(facts.in_company(rule.value, rule.currency), facts.currency)
            return f"In all {overdue} are overdue; the rule excludes below {limit}."
        linked = "".join(
            f" {account} of the same credit group is {_days(facts.linked_days_overdue[account])} overdue."
            for account in self.accounts_of(rule, facts)
        )
        return (
            f"The oldest open invoice is {_days(facts.days_overdue)} overdue; the rule allows {rule.value:f}. "
            f"In all {overdue} are overdue.{linked}"
        )

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        linked = self.accounts_of(rule, facts)
        if facts.days_overdue <= rule.value:
            return f"Pay every invoice of {', '.join(linked)} that is more than {_days(rule.value)} overdue."
        others = f", and those of {', '.join(linked)}" if linked else ""
        overdue = amount(facts.overdue_amount, facts.currency)
        late = f"more than {_days(rule.value)} overdue"
        return f"Pay every invoice that is {late}{others}; in all {overdue} are overdue."

    def late_days(self, rule: Rule) -> Decimal | None:
        return rule.value

    def accounts_of(self, rule: Rule, facts: Facts) -> tuple[str, ...]:
        return tuple(sorted(account for account, days in facts.linked_days_overdue.items() if days > rule.value))


def _days(count: Decimal | int) -> str:
    return many(count, "day", "days")
