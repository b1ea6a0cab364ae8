"""Which rules can be set up (spec 1.14, 3.2, 3.3)."""

from __future__ import annotations

from collections.abc import Iterator

from hold_service.rules.model import ALL, AMOUNT, BLOCKING, EXCLUSION, KINDS, TABLE, Rule, RuleKind, with_rules

Wrong = tuple[str, str]
"""Field, and what is wrong with it."""


def first_problem(rule: Rule) -> Wrong | None:
    """What is wrong with a rule, or None."""
    kind = KINDS.get(rule.kind)
    if kind is None:
        return "kind", f"there is no rule kind {rule.kind!r}; choose one of {', '.join(sorted(with_rules()))}"
    if kind.switched_by is not None:
        return "kind", f"{rule.kind} has no rules: the company's parameter {kind.switched_by} switches it on"
    found = (*_type(rule, kind), *_level(rule, kind), *_value(rule, kind), *_named(rule, kind), *_dates(rule))
    return next(iter(found), None)


def _type(rule: Rule, kind: RuleKind) -> Iterator[Wrong]:
    if rule.release_sales_order and rule.rule_type == BLOCKING:
        yield "release_sales_order", "only an exclusion can release the order; make it an exclusion or leave it out"
    if rule.outcome == "warn" and rule.rule_type == EXCLUSION:
        yield "outcome", "an exclusion neither blocks nor warns; leave it out"
    allowed = kind.value_types + (kind.exclusion_types if rule.rule_type == EXCLUSION else ())
    if rule.value_type is not None and rule.value_type not in allowed:
        only = " (amount is for exclusions only)" if rule.value_type in kind.exclusion_types else ""
        yield "value_type", f"a {rule.rule_type} rule of kind {rule.kind} takes {' or '.join(allowed)}{only}"


def _level(rule: Rule, kind: RuleKind) -> Iterator[Wrong]:
    if rule.valid_for not in kind.levels:
        yield "valid_for", f"the kind {rule.kind} has no levels; it is for all"
    if rule.valid_for == ALL and rule.account_or_group is not None:
        yield "account_or_group", "a rule for all names no account and no group"
    if rule.valid_for != ALL and rule.account_or_group is None:
        yield "account_or_group", f"name the {'customer' if rule.valid_for == TABLE else 'credit management group'}"
    narrows = rule.risk_group is not None and kind.names != "risk_group"
    if narrows and (rule.valid_for == TABLE or kind.levels == (ALL,)):
        yield "risk_group", "a risk group narrows a group or all, not one customer or a kind without levels"


def _value(rule: Rule, kind: RuleKind) -> Iterator[Wrong]:
    if kind.names is None and (remedy := kind.wrong_value(rule.value, rule.measure)) is not None:
        yield "value", f"{rule.value} does not fit the kind {rule.kind}. {remedy}"
    if kind.names is not None and rule.value:
        yield "value", f"the kind {rule.kind} takes no value"
    needs = kind.names is None and rule.measure == AMOUNT
    if needs and rule.currency is None:
        yield "currency", "say in which currency the amount is"
    if not needs and rule.currency is not None:
        yield "currency", "there is no amount; leave it out"
    if rule.threshold_percent is not None and not kind.thresholds:
        yield "threshold_percent", f"the kind {rule.kind} takes no threshold"


def _named(rule: Rule, kind: RuleKind) -> Iterator[Wrong]:
    for field in ("account_status", "payment_term"):
        if kind.names == field and getattr(rule, field) is None:
            yield field, f"a rule of kind {rule.kind} names one"
        if kind.names != field and getattr(rule, field) is not None:
            yield field, f"a rule of kind {rule.kind} names none"
    if kind.names == "risk_group" and rule.risk_group is None:
        yield "risk_group", f"a rule of kind {rule.kind} names one"


def _dates(rule: Rule) -> Iterator[Wrong]:
    if rule.active_from and rule.active_to and rule.active_to < rule.active_from:
        yield "active_to", "lies before active_from; swap them or leave one out"
