"""Which rules can be set up (spec 1.14, 3.2, 3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hold_service.rules.model import ALL, AMOUNT, BLOCKING, EXCLUSION, KINDS, TABLE, Rule, RuleKind, with_rules

LEAVE_OUT = "Leave it out."


class Wrong(NamedTuple):
    """A field of a rule, what is wrong with it, and how to mend it."""

    field: str
    problem: str
    remedy: str


def problems_of(rule: Rule) -> list[Wrong]:
    """All that is wrong with a rule, as far as its kind is known."""
    kind = KINDS.get(rule.kind)
    if kind is None:
        return [
            Wrong("kind", f"there is no rule kind {rule.kind!r}", f"Choose one of {', '.join(sorted(with_rules()))}.")
        ]
    if kind.switched_by is not None:
        remedy = f"Switch it on by the company's parameter {kind.switched_by}."
        return [Wrong("kind", f"{rule.kind} has no rules", remedy)]
    measured = list(_measure(rule, kind))
    return [*_type(rule), *measured, *_level(rule, kind), *(() if measured else _value(rule, kind)),
            *_named(rule, kind), *_dates(rule)]  # fmt: skip


def _type(rule: Rule) -> Iterator[Wrong]:
    if rule.release_sales_order and rule.rule_type == BLOCKING:
        remedy = "Make it an exclusion or leave it out."
        yield Wrong("release_sales_order", "only an exclusion can release the order", remedy)
    if rule.outcome == "warn" and rule.rule_type == EXCLUSION:
        yield Wrong("outcome", "an exclusion neither blocks nor warns", LEAVE_OUT)


def _measure(rule: Rule, kind: RuleKind) -> Iterator[Wrong]:
    allowed = kind.value_types + (kind.exclusion_types if rule.rule_type == EXCLUSION else ())
    if rule.value_type is not None and rule.value_type not in allowed:
        only = " (amount is for exclusions only)" if rule.value_type in kind.exclusion_types else ""
        problem = f"a {rule.rule_type} rule of kind {rule.kind} is not measured so{only}"
        yield Wrong("value_type", problem, f"Send {' or '.join(allowed)}.")


def _level(rule: Rule, kind: RuleKind) -> Iterator[Wrong]:
    if rule.valid_for not in kind.levels:
        yield Wrong("valid_for", f"the kind {rule.kind} has no levels", "Send all.")
    if rule.valid_for == ALL and rule.account_or_group is not None:
        yield Wrong("account_or_group", "a rule for all names no account and no group", LEAVE_OUT)
    if rule.valid_for != ALL and rule.account_or_group is None:
        named = "customer" if rule.valid_for == TABLE else "credit management group"
        yield Wrong("account_or_group", f"a rule that is valid for a {rule.valid_for} names it", f"Name the {named}.")
    narrows = rule.risk_group is not None and kind.names != "risk_group"
    if narrows and (rule.valid_for == TABLE or kind.levels == (ALL,)):
        problem = "a risk group narrows a group or all, not one customer or a kind without levels"
        yield Wrong("risk_group", problem, LEAVE_OUT)


def _value(rule: Rule, kind: RuleKind) -> Iterator[Wrong]:
    if kind.names is None and (remedy := kind.wrong_value(rule.value, rule.measure)) is not None:
        yield Wrong("value", f"{rule.value} does not fit the kind {rule.kind}", remedy)
    if kind.names is not None and rule.value:
        yield Wrong("value", f"the kind {rule.kind} takes no value", LEAVE_OUT)
    needs = kind.names is None and rule.measure == AMOUNT
    if needs and rule.currency is None:
        yield Wrong("currency", "an amount has a currency", "Say in which currency the amount is.")
    if not needs and rule.currency is not None:
        yield Wrong("currency", "there is no amount", LEAVE_OUT)
    if rule.threshold_percent is not None and not kind.thresholds:
        yield Wrong("threshold_percent", f"the kind {rule.kind} takes no threshold", LEAVE_OUT)


def _named(rule: Rule, kind: RuleKind) -> Iterator[Wrong]:
    for field in ("account_status", "payment_term"):
        if kind.names == field and getattr(rule, field) is None:
            yield Wrong(field, f"a rule of kind {rule.kind} names one", "Name it.")
        if kind.names != field and getattr(rule, field) is not None:
            yield Wrong(field, f"a rule of kind {rule.kind} names none", LEAVE_OUT)
    if kind.names == "risk_group" and rule.risk_group is None:
        yield Wrong("risk_group", f"a rule of kind {rule.kind} names one", "Name it.")


def _dates(rule: Rule) -> Iterator[Wrong]:
    if rule.active_from and rule.active_to and rule.active_to < rule.active_from:
        yield Wrong("active_to", "lies before active_from", "Swap them or leave one out.")
