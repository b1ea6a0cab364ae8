"""A stored decision told in plain sentences: what was compared with what, and what it would take to pass."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

from hold_service.rules.evaluation import RuleBook, evaluate
from hold_service.rules.facts import Facts, MissingRate
from hold_service.rules.model import EXCLUSION, KINDS, Rule, amount, number_of
from holdfast.receivables.limits import Level, LimitTest


def sentences(answer: Mapping[str, Any], picture: Mapping[str, Any], facts: Facts | None, book: RuleBook) -> list[str]:
    """The decision from its first word to its last."""
    told = [_headline(answer)]
    if (why := answer.get("not_checked_because")) is not None:
        told.append(f"No rule was asked: {why}.")
    told += _figures(picture.get("figures") or {}, picture)
    if facts is not None:
        told += [_limit(test) for test in facts.tests] or ["No credit limit was tested."]
        told += [f"{line['compared']} {line['result']}" for line in rules_told(facts, book)]
    else:
        told += [finding["text"] for finding in picture.get("findings", ())]
    return [*told, *_ending(answer, facts)]


def _headline(answer: Mapping[str, Any]) -> str:
    what = {"cleared": "may pass", "held": "must wait at", "released": "was released at"}[answer["outcome"]]
    return (
        f"Order {answer['order']} of customer {answer['customer']} {what} the checkpoint {answer['checkpoint']} "
        f"on {answer['check_date']}."
    )


PARTS = {
    "balance": "open balance", "delivered_not_invoiced": "delivered but not invoiced", "open_orders": "open orders",
    "reserved": "reserved for other orders", "this_order": "this order",
}  # fmt: skip


def _figures(figures: Mapping[str, Any], picture: Mapping[str, Any]) -> Iterator[str]:
    if not figures:
        return
    currency = figures["currency"]
    parts = ", ".join(
        f"{words} {_written(figures[name], currency)}" for name, words in PARTS.items() if name in figures
    )
    yield f"In {currency}: {parts}; limit type {picture['limit_type']}."
    profile = picture.get("profile") or {}
    if profile.get("unlimited"):
        yield "The customer's credit is unlimited."
    elif temporary := profile.get("temporary"):
        until = temporary["to_date"]
        instead = f"replaces the permanent {_written(profile['limit'], currency)} until {until}"
        yield f"A temporary limit of {_written(temporary['amount'], currency)} {instead}."
    if "own_limit" in figures and (policies := profile.get("policies")):
        number = "one policy" if len(policies) == 1 else f"{len(policies)} policies"
        yield f"With {number} the total limit is {_written(figures['own_limit'], currency)}."


def _written(value: Any, currency: str) -> str:
    return number_of(Decimal(str(value)), currency)


def _limit(test: LimitTest) -> str:
    whose = "The credit group's" if test.level is Level.GROUP else "The customer's own"
    used = f"{test.used_percent:f} %" if test.used_percent is not None else "more than it has"
    return (
        f"{whose} limit is {amount(test.limit, test.currency)}, "
        f"its exposure {number_of(test.exposure, test.currency)}: "
        f"{used} used, {number_of(test.available, test.currency)} available."
    )


def rules_told(facts: Facts, book: RuleBook) -> list[dict[str, Any]]:
    """The rules that applied: what each compared, and what came of it."""
    released_by = evaluate(book, facts).released_by
    told: list[dict[str, Any]] = []
    for kind in KINDS.values():
        if kind.switched_by is not None:
            rule = Rule("", "", kind.name)
            told += [_told(rule, facts, set(), released_by)] if kind.blocks(rule, facts) else []
            continue
        cancelled: set[str] = set()
        for rules in book.by_level(kind.name, facts):
            lines = [_told(rule, facts, cancelled, released_by) for rule in rules]
            cancelled |= {r.measure for r, line in zip(rules, lines, strict=True) if _excludes(r, line)}
            told += lines
    return told


def _excludes(rule: Rule, line: Mapping[str, Any]) -> bool:
    return rule.rule_type == EXCLUSION and bool(line["true"])


def _told(rule: Rule, facts: Facts, cancelled: Collection[str], released_by: Rule | None) -> dict[str, Any]:
    kind = KINDS[rule.kind]
    try:
        true = kind.excludes(rule, facts) if rule.rule_type == EXCLUSION else kind.blocks(rule, facts)
        words, result = kind.words(rule, facts), _result(rule, true, cancelled, released_by)
    except MissingRate as missing:
        true, words, result = True, f"No exchange rate converts {missing.currency}.", "That holds the order."
    return {
        "rule": rule.id or None, "kind": rule.kind, "rule_type": rule.rule_type, "valid_for": rule.valid_for,
        "compared": words, "true": true, "result": result,
    }  # fmt: skip


def _result(rule: Rule, true: bool, cancelled: Collection[str], released_by: Rule | None) -> str:
    if rule.rule_type == EXCLUSION:
        if not true:
            return "The exclusion does not match."
        releases = released_by is not None and released_by.id == rule.id
        what = "releases the order" if releases else "keeps rules of later levels from holding it"
        return f"The exclusion matches and {what}."
    if not true:
        return "That passes."
    if released_by is not None:
        return "That does not hold the order, since an exclusion releases it."
    if rule.measure in cancelled:
        return "That does not hold the order, since an exclusion of an earlier level matches."
    return "That is a warning." if rule.outcome == "warn" else "That holds the order."


def _ending(answer: Mapping[str, Any], facts: Facts | None) -> Iterator[str]:
    for warning in answer.get("warnings", ()):
        yield f"Warning: {warning}"
    if answer["outcome"] == "held":
        yield f"Held for: {', '.join(answer.get('reasons', ()))}."
        for remedy in answer.get("to_pass", ()):
            yield f"To pass: {remedy}"
    elif answer["outcome"] == "cleared" and facts is not None:
        yield "No rule holds the order."
