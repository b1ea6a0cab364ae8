"""Rules: what a rule is and what a kind of rule must say (spec 1.14, 3.2, 3.3).

A kind of rule is one class in `kinds/`, registered where it is written; validation, words and the API follow.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import ClassVar

from hold_service.rules.facts import Facts
from holdfast.receivables.money import ZERO, minor_unit
from holdfast.values import quick

TABLE, GROUP, ALL = "table", "group", "all"
LEVELS = {
    TABLE: "one customer, by number", GROUP: "the customers of one credit management group", ALL: "every customer",
}  # fmt: skip
"""For whom a rule is, in the order in which they are looked at (spec 3.4)."""
BLOCKING, EXCLUSION = "blocking", "exclusion"
DAYS, AMOUNT, PERCENT, NUMBER = "days", "amount", "percent", "number"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as set up; which fields count is said by its kind. `version` grows with each change."""

    id: str
    company: str
    kind: str
    value: Decimal = ZERO
    rule_type: str = BLOCKING
    valid_for: str = ALL
    account_or_group: str | None = None
    risk_group: str | None = None
    value_type: str | None = None
    currency: str | None = None
    threshold_percent: Decimal | None = None
    account_status: str | None = None
    payment_term: str | None = None
    release_sales_order: bool = False
    outcome: str = "block"
    checkpoints: tuple[str, ...] = ()
    active_from: date | None = None
    active_to: date | None = None
    enabled: bool = True
    version: int = 1

    def is_active(self, on: date) -> bool:
        """Whether the rule counts on a check date; both ends are included."""
        begun = self.active_from is None or self.active_from <= on
        return self.enabled and begun and (self.active_to is None or on <= self.active_to)

    def applies(self, facts: Facts) -> bool:
        """Whether the rule is asked at all; its level has been matched already (spec 3.2)."""
        here = not self.checkpoints or facts.checkpoint in self.checkpoints
        return here and self.risk_group in (None, facts.risk_group) and self.is_active(facts.check_date)

    @property
    def measure(self) -> str:
        """The type of its value: exclusions cancel blocking rules of the same one (spec 3.4)."""
        return self.value_type or KINDS[self.kind].value_types[0]


@quick
@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that blocks: the reason, what was compared with what, and what it would take to pass."""

    reason: str
    rule: str | None
    text: str
    to_pass: str
    accounts: tuple[str, ...] = ()
    """The other members of the credit group that it found, by company/customer."""


class RuleKind:
    """A kind of rule. Equality never blocks and never excludes (spec 3.3), unless the kind says otherwise."""

    name: ClassVar[str]
    reason: ClassVar[str]
    """A code of `HoldReason`, or one that the kind brings: readers of `holds.v1` take any."""
    summary: ClassVar[str]
    """What a blocking rule of this kind blocks on."""
    value_types: ClassVar[tuple[str, ...]] = (DAYS,)
    exclusion_types: ClassVar[tuple[str, ...]] = ()
    """Value types that exclusions may have besides."""
    levels: ClassVar[tuple[str, ...]] = tuple(LEVELS)
    names: ClassVar[str | None] = None
    """The field that a rule of this kind names instead of a value."""
    thresholds: ClassVar[bool] = False
    """Whether `threshold_percent` counts."""
    switched_by: ClassVar[str | None] = None
    """The parameter that switches this kind on; such a kind has no rules of its own (spec 3.3, 8 and 9)."""

    def wrong_value(self, value: Decimal, measure: str) -> str | None:
        """What is wrong with the value of a rule of this kind, with the remedy; None when nothing is."""
        return WRONG[measure](value)

    def blocks(self, rule: Rule, facts: Facts) -> bool:
        """Whether a blocking rule is true."""
        raise NotImplementedError

    def excludes(self, rule: Rule, facts: Facts) -> bool:
        """Whether an exclusion matches."""
        raise NotImplementedError

    def words(self, rule: Rule, facts: Facts) -> str:
        """What was compared with what, in a sentence."""
        raise NotImplementedError

    def to_pass(self, rule: Rule, facts: Facts) -> str:
        """What it would take for a rule that blocks not to."""
        raise NotImplementedError

    def reason_of(self, rule: Rule, facts: Facts) -> str:
        """The reason of a hold."""
        return self.reason

    def accounts_of(self, rule: Rule, facts: Facts) -> tuple[str, ...]:
        """The other members of the credit group that the rule found, by company/customer."""
        return ()

    def late_days(self, rule: Rule) -> Decimal | None:
        """The rule is about invoices that are overdue for more than so many days; None: it is about something else."""
        return None

    def strictest(self, rules: Sequence[Rule], facts: Facts) -> Rule:
        """Of rules that are true the one that asks most: whoever passes it passes the others."""
        return min(rules, key=lambda rule: facts.in_company(rule.value, rule.currency))

    def finding(self, rules: Sequence[Rule], facts: Facts) -> Finding:
        """The finding of rules that are true, told of the strictest (spec 3.4)."""
        rule = self.strictest(rules, facts)
        return Finding(
            self.reason_of(rule, facts), rule.id or None, self.words(rule, facts), self.to_pass(rule, facts),
            self.accounts_of(rule, facts),
        )  # fmt: skip


KINDS: dict[str, RuleKind] = {}


def register(kind: type[RuleKind]) -> type[RuleKind]:
    """Make a kind known."""
    KINDS[kind.name] = kind()
    return kind


def with_rules() -> Collection[str]:
    """The kinds that rules can be made of."""
    return [name for name, kind in KINDS.items() if kind.switched_by is None]


def _wrong_days(value: Decimal) -> str | None:
    whole = value == value.to_integral_value() and 0 <= value <= 3650
    return None if whole else "Send whole days from 0 to 3650."


def _wrong_number(value: Decimal) -> str | None:
    whole = value == value.to_integral_value() and 0 <= value <= 999
    return None if whole else "Send a whole number from 0 to 999."


def _wrong_percent(value: Decimal) -> str | None:
    return None if 0 <= value <= 1000 else "Send a percentage from 0 to 1000."


def _wrong_amount(value: Decimal) -> str | None:
    return None if value >= 0 else "Send an amount that is not negative."


WRONG = {DAYS: _wrong_days, NUMBER: _wrong_number, PERCENT: _wrong_percent, AMOUNT: _wrong_amount}


def amount(value: Decimal, currency: str) -> str:
    """An amount in a sentence."""
    return f"{number_of(value, currency)} {currency}"


def number_of(value: Decimal, currency: str) -> str:
    """An amount in a sentence that has named its currency."""
    digits = max(0, -int(minor_unit(currency).as_tuple().exponent))
    return f"{value:,.{digits}f}"


def many(count: Decimal | int, one: str, more: str) -> str:
    """A number of things in a sentence."""
    return f"{Decimal(count):f} {one if count == 1 else more}"


def at_least(value: Decimal, currency: str) -> Decimal:
    """The smallest amount that can be paid and is not less."""
    return (value / minor_unit(currency)).to_integral_value(ROUND_CEILING) * minor_unit(currency)


def more_than(value: Decimal, currency: str) -> Decimal:
    """The smallest amount that can be paid and is more."""
    return ((value / minor_unit(currency)).to_integral_value(ROUND_FLOOR) + 1) * minor_unit(currency)


def share_to_pay(part: Decimal, whole: Decimal, percent: Decimal, currency: str) -> Decimal:
    """What is to be paid of a part until it is not more than so many percent of the whole, which gets less with it."""
    if percent >= 100:
        return ZERO
    return at_least(max(ZERO, part - whole * percent / 100) / (1 - percent / 100), currency)
