"""What a changed rule set would have decided about a stored decision. Plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hold_service.rules.evaluation import RuleBook, evaluate
from hold_service.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that would have been another: `held` with these reasons, or `freed`."""

    decision: str
    became: str
    reasons: Sequence[str]
    explanation: Sequence[str]


def difference(decision: str, outcome: str, facts: Facts, book: RuleBook) -> Difference | None:
    """What would have been different, or None."""
    found = evaluate(book, facts).findings
    if bool(found) == (outcome == "held"):
        return None
    became = "held" if found else "freed"
    return Difference(decision, became, sorted({f.reason for f in found}), [f.text for f in found])
