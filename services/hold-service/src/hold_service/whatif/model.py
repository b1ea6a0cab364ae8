"""What a changed rule set would have decided about stored decisions. Plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from hold_service.rules.evaluation import RuleBook, evaluate
from hold_service.rules.facts import Facts
from holdfast.receivables.rates import Need, Rate


@dataclass(frozen=True, slots=True)
class Stored:
    """A decision as it was made: `outcome` is held or cleared."""

    decision: str
    outcome: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that would have been another: `held` with these reasons, or `freed`."""

    decision: str
    became: str
    reasons: Sequence[str]
    explanation: Sequence[str]


def needed(stored: Sequence[Stored], book: RuleBook, rate_type: str) -> set[Need]:
    """The rates that amounts of the rules need and that the decisions did not."""
    return {
        (rate_type, currency, one.facts.currency, one.facts.check_date)
        for currency in book.currencies
        for one in stored
        if currency != one.facts.currency and currency not in one.facts.rates
    }


def differences(stored: Sequence[Stored], book: RuleBook, rates: Mapping[Need, Rate]) -> list[Difference]:
    """What would have been different."""
    by_day = {(source, target, on): rate for (_, source, target, on), rate in rates.items()}
    found = []
    for one in stored:
        facts = _with_rates(one.facts, book, by_day)
        findings = evaluate(book, facts).findings
        if bool(findings) != (one.outcome == "held"):
            became = "held" if findings else "freed"
            reasons = sorted({finding.reason for finding in findings})
            found.append(Difference(one.decision, became, reasons, [finding.text for finding in findings]))
    return found


def _with_rates(facts: Facts, book: RuleBook, by_day: Mapping[tuple[str, str, date], Rate]) -> Facts:
    more = {
        currency: rate
        for currency in book.currencies
        if (rate := by_day.get((currency, facts.currency, facts.check_date))) is not None
    }
    return replace(facts, rates={**more, **facts.rates}) if more else facts
