"""Account status (spec 3.3, kind 2): the customer's credit standing is a certain one."""

from __future__ import annotations

from hold_service.rules.facts import Facts
from hold_service.rules.model import ALL, NUMBER, Rule, RuleKind, register
from holdfast.contracts.holds import HoldReason


@register
class AccountStatus(RuleKind):
    """Blocks or excludes customers of `account_status`; it has no levels."""

    name = "account_status"
    reason = HoldReason.ACCOUNT_STATUS
    summary = "the customer has the account status that the rule names"
    value_types = (NUMBER,)
    levels = (ALL,)
    names = "account_status"

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        return facts.account_status == rule.account_status

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        return self.blocks(rule, facts)

    def words(self, rule: Rule, facts: Facts) -> str:
        return (
            f"The customer's account status is {facts.account_status or 'none'}; the rule names {rule.account_status}."
        )

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        return f"Give the customer another account status than {rule.account_status}."
