"""Which reasons the rules of a company find, in the order of spec 3.4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hold_service.rules import kinds as _kinds
from hold_service.rules.facts import Facts, MissingRate
from hold_service.rules.model import ALL, EXCLUSION, GROUP, KINDS, TABLE, Finding, Rule, RuleKind
from holdfast.contracts.holds import HoldReason
from holdfast.values import quick

KINDS_ARE_REGISTERED = _kinds
Place = tuple[str, str]
"""Level, and the customer or group that it is for; empty for all."""


@quick
@dataclass(frozen=True, slots=True)
class Outcome:
    """What rules found: held with findings, else passed. `released_by`: an exclusion that skipped every other rule.

    `is_complete`: False when a rate lacks that a rule needs, so that the others were not asked.
    """

    findings: Sequence[Finding] = ()
    warnings: Sequence[Finding] = ()
    released_by: Rule | None = None
    is_complete: bool = True


class RuleBook:
    """The enabled rules of a company by kind, level and whom they are for."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = [rule for rule in rules if rule.enabled]
        self.currencies = frozenset(rule.currency for rule in self.rules if rule.currency)
        self._placed: dict[str, dict[Place, list[Rule]]] = {}
        self._releasing: dict[Place, list[Rule]] = {}
        for rule in self.rules:
            place = (rule.valid_for, rule.account_or_group or "")
            self._placed.setdefault(rule.kind, {}).setdefault(place, []).append(rule)
            if rule.release_sales_order:
                self._releasing.setdefault(place, []).append(rule)

        self.kinds = [kind for name, kind in KINDS.items() if name in self._placed or kind.switched_by is not None]
        """The kinds to ask, in the order in which reasons are listed."""

    def releasing(self, facts: Facts) -> Iterator[Rule]:
        """Exclusions with the release flag that apply."""
        for place in _places(facts) if self._releasing else ():
            yield from (rule for rule in self._releasing.get(place, ()) if rule.applies(facts))

    def by_level(self, kind: str, facts: Facts) -> Iterator[list[Rule]]:
        """The rules of a kind that apply, level by level."""
        placed = self._placed.get(kind, {})
        for place in _places(facts) if placed else ():
            if found := [rule for rule in placed.get(place, ()) if rule.applies(facts)]:
                yield found


def _places(facts: Facts) -> tuple[Place, ...]:
    return (TABLE, facts.customer), (GROUP, facts.credit_management_group or "\n"), (ALL, "")


def evaluate(book: RuleBook, facts: Facts) -> Outcome:
    """All reasons, one per kind. A rule whose amount cannot be converted holds the order with that reason."""
    try:
        for rule in book.releasing(facts):
            if KINDS[rule.kind].excludes(rule, facts):
                return Outcome(released_by=rule)
        return _examine(book, facts)
    except MissingRate as missing:
        return Outcome([missing_rate({missing.currency}, facts)], is_complete=False)


def _examine(book: RuleBook, facts: Facts) -> Outcome:
    findings: list[Finding] = []
    warnings: list[Finding] = []
    for kind in book.kinds:
        if kind.switched_by is not None:
            findings += _switched(kind, facts)
            continue
        found, warned = _of_kind(kind, book, facts)
        findings += [found] if found else []
        warnings += [warned] if warned and not found else []
    return Outcome(findings, warnings)


def _switched(kind: RuleKind, facts: Facts) -> list[Finding]:
    """The finding of a kind without rules (phase 2)."""
    rule = Rule("", "", kind.name)
    return [kind.finding([rule], facts)] if kind.blocks(rule, facts) else []


def _of_kind(kind: RuleKind, book: RuleBook, facts: Facts) -> tuple[Finding | None, Finding | None]:
    """What blocks of a kind, and what warns: level by level, blocking before exclusion. A level after the first that
    blocks adds no reason, but what it takes to pass it."""
    cancelled: set[str] = set()
    blocking: list[Rule] = []
    warning: list[Rule] = []
    try:
        for rules in book.by_level(kind.name, facts):
            for rule in rules:
                if rule.rule_type != EXCLUSION and rule.measure not in cancelled and kind.blocks(rule, facts):
                    (blocking if rule.outcome == "block" else warning).append(rule)
            cancelled |= {r.measure for r in rules if r.rule_type == EXCLUSION and kind.excludes(r, facts)}
    except MissingRate:
        if not blocking:
            raise
    if blocking:
        return kind.finding(blocking, facts), None
    return None, kind.finding(warning, facts) if warning else None


def missing_rate(currencies: Iterable[str], facts: Facts) -> Finding:
    """The finding when a rate lacks: never a guess (spec 2.7)."""
    text = f"No exchange rate converts {', '.join(sorted(currencies))} on {facts.check_date}."
    remedy = "Let the ERP send the rate; the order is checked again by itself."
    return Finding(HoldReason.TECHNICAL_ERROR, None, text, remedy)
