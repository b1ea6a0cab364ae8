"""Automatic credit limits: which limit the rules of a company propose for a customer (spec 1.11, 2.10). Plain values.

Amounts of a rule are in its currency, which is that of the customers it is for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from holdfast.receivables.money import rounded

Choice = Literal["highest", "lowest", "first"]
Operator = Literal["=", "<>", "<", "<=", ">", ">="]
ORDERING = frozenset({"<", "<=", ">", ">="})
"""Operators that need an order of the values: that of numbers, or that of the lines of a scoring group."""


class Outcome(StrEnum):
    """What came of a customer; everything but `proposed` is why there is no line."""

    PROPOSED = "proposed"
    EXCLUDED = "excluded"
    UNLIMITED = "unlimited"
    NO_MASTER_DATA = "no_master_data"
    UNCLASSIFIED = "unclassified"
    NO_RULE = "no_rule"
    REVENUE_ABOVE_MAXIMUM = "revenue_above_maximum"
    NO_MATCH = "no_match"
    RATE_MISSING = "rate_missing"
    IN_JOURNAL = "in_journal"
    IN_OPEN_JOURNAL = "in_open_journal"
    UNCHANGED = "unchanged"
    SEVERAL_TEMPORARY_LIMITS = "several_temporary_limits"


@dataclass(frozen=True, slots=True)
class Value:
    """What a customer has in a scoring group; `number` where its values are numbers."""

    text: str
    number: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RuleLine:
    """`credit_limit` for customers whose value in `scoring_group` stands so to `compared`."""

    scoring_group: str
    operator: Operator
    compared: Value
    credit_limit: Decimal


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule for the customers of a risk group with a currency. `max_revenue` None or 0: no test."""

    risk_group: str
    currency: str
    max_revenue: Decimal | None
    choice: Choice
    lines: tuple[RuleLine, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a proposal reads of a customer; `revenue` is the newest figure, an amount and its currency."""

    currency: str | None
    risk_group: str | None
    values: Mapping[str, Value]
    unlimited: bool = False
    excluded: bool = False
    revenue: tuple[Decimal, str] | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """The limit in company currency and the place of the line that gave it, from 1; or why there is none."""

    outcome: Outcome
    new_limit: Decimal | None = None
    line: int | None = None


Convert = Callable[[Decimal, str, str], Decimal | None]
"""An amount from one currency into another, not rounded; None without a rate."""


def matches(line: RuleLine, value: Value | None, order: Sequence[str]) -> bool:
    """Whether a line is for a value; without a value none is.

    Numbers are compared as they are. Texts are equal or not, and less or greater by their place in `order`, the list of
    the scoring group: "worse than A2" is whatever stands below A2; what is not in the list is neither.
    """
    if value is None:
        return False
    side = _side(value, line.compared, order)
    if line.operator == "<>":
        return side != 0 if side is not None else value.text != line.compared.text
    if side is None:
        return False
    return {"=": side == 0, "<": side < 0, "<=": side <= 0, ">": side > 0, ">=": side >= 0}[line.operator]


def _side(value: Value, compared: Value, order: Sequence[str]) -> Decimal | int | None:
    if compared.number is not None:
        return None if value.number is None else value.number - compared.number
    if value.text == compared.text:
        return 0
    if value.text not in order or compared.text not in order:
        return None
    return order.index(value.text) - order.index(compared.text)


def chosen(rule: Rule, values: Mapping[str, Value], orders: Mapping[str, Sequence[str]]) -> int | None:
    """The place, from 1, of the line that wins: the highest limit, the lowest, or the first line (spec 2.10)."""
    found = [
        place for place, line in enumerate(rule.lines, 1)
        if matches(line, values.get(line.scoring_group), orders.get(line.scoring_group, ()))
    ]  # fmt: skip
    if not found or rule.choice == "first":
        return found[0] if found else None
    sign = -1 if rule.choice == "highest" else 1
    return min(found, key=lambda place: (sign * rule.lines[place - 1].credit_limit, place))


def proposal(
    candidate: Candidate,
    rules: Mapping[tuple[str, str], Rule],
    orders: Mapping[str, Sequence[str]],
    convert: Convert,
    currency: str,
) -> Proposal:
    """What the rules, by risk group and currency, propose in company `currency` (spec 2.10)."""
    if candidate.excluded:
        return Proposal(Outcome.EXCLUDED)
    if candidate.unlimited:
        return Proposal(Outcome.UNLIMITED)
    if candidate.currency is None:
        return Proposal(Outcome.NO_MASTER_DATA)
    if candidate.risk_group is None:
        return Proposal(Outcome.UNCLASSIFIED)
    rule = rules.get((candidate.risk_group, candidate.currency))
    if rule is None:
        return Proposal(Outcome.NO_RULE)
    if rule.max_revenue and candidate.revenue is not None:
        revenue = convert(*candidate.revenue, rule.currency)
        if revenue is None:
            return Proposal(Outcome.RATE_MISSING)
        if revenue > rule.max_revenue:
            return Proposal(Outcome.REVENUE_ABOVE_MAXIMUM)
    place = chosen(rule, candidate.values, orders)
    if place is None:
        return Proposal(Outcome.NO_MATCH)
    limit = convert(rule.lines[place - 1].credit_limit, rule.currency, currency)
    if limit is None:
        return Proposal(Outcome.RATE_MISSING)
    return Proposal(Outcome.PROPOSED, rounded(limit, currency), place)
