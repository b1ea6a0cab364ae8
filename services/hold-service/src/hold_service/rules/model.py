"""Blocking rules: what a rule is, and which reasons the rules of a company find (spec 3.2-3.4).

A kind of rule is one class in `kinds/`, registered where it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar

from holdfast.contracts.holds import HoldReason


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as set up. `value` is a percentage or days, as its kind says; `version` grows with each change."""

    id: str
    company: str
    kind: str
    value: Decimal
    rule_type: str = "blocking"
    valid_for: str = "all"
    active_from: date | None = None
    active_to: date | None = None
    enabled: bool = True
    version: int = 1

    def is_active(self, on: date) -> bool:
        """Whether the rule counts on a check date; both ends are included."""
        begun = self.active_from is None or self.active_from <= on
        return self.enabled and begun and (self.active_to is None or on <= self.active_to)


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules look at. Amounts are in the company's `currency`; `limit` None means unlimited."""

    check_date: date
    currency: str
    limit: Decimal | None
    exposure: Decimal
    days_overdue: int
    overdue_amount: Decimal

    @property
    def used_percent(self) -> Decimal | None:
        """100 x exposure / limit, two decimals; None when unlimited or without a limit (spec 2.5)."""
        if not self.limit:
            return None
        return (100 * self.exposure / self.limit).quantize(Decimal("0.01"))

    @property
    def available(self) -> Decimal | None:
        """Limit less exposure; None when unlimited."""
        return None if self.limit is None else self.limit - self.exposure


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that blocks: the reason, what was compared with what, and what it would take to pass."""

    reason: HoldReason
    rule: str | None
    text: str
    to_pass: str


class RuleKind:
    """A kind of rule."""

    name: ClassVar[str]
    reason: ClassVar[HoldReason]
    unit: ClassVar[str]
    summary: ClassVar[str]

    def wrong_value(self, value: Decimal) -> str | None:
        """What is wrong with the value of a rule of this kind, with the remedy; None when nothing is."""
        raise NotImplementedError

    def blocks(self, rule: Rule, facts: Facts) -> Finding | None:
        """The finding when the rule blocks."""
        raise NotImplementedError


KINDS: dict[str, RuleKind] = {}


def register(kind: type[RuleKind]) -> type[RuleKind]:
    """Make a kind known."""
    KINDS[kind.name] = kind()
    return kind


def evaluate(rules: Iterable[Rule], facts: Facts) -> list[Finding]:
    """All reasons, one per kind: any true rule of a kind blocks, so the most restrictive wins (spec 3.4)."""
    found: dict[str, Finding] = {}
    for rule in rules:
        kind = KINDS[rule.kind]
        if rule.kind not in found and rule.is_active(facts.check_date) and (finding := kind.blocks(rule, facts)):
            found[rule.kind] = finding
    return [found[name] for name in KINDS if name in found]


def looked_at(rules: Sequence[Rule], on: date) -> list[dict[str, object]]:
    """The rules that counted, for the stored picture."""
    return [
        {"rule": rule.id, "kind": rule.kind, "value": rule.value, "version": rule.version}
        for rule in rules
        if rule.is_active(on)
    ]


def amount(value: Decimal, currency: str) -> str:
    """An amount in a sentence."""
    return f"{value:,.2f} {currency}"
