"""What a company has set up, as one value: rules, checkpoints, rankings, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from hold_service.parameters.model import CreditParameters, HoldParameters
from hold_service.rules.evaluation import RuleBook
from hold_service.rules.model import Rule

RULES = TypeAdapter(list[Rule])


@dataclass(frozen=True, slots=True)
class CheckpointSetup:
    """Whether a document is checked, and for how many days a release keeps it from being checked (spec 1.15)."""

    on_posting: bool
    on_proforma: bool
    grace_days: int = 0


@dataclass(frozen=True, slots=True)
class Setup:
    """The set-up of a company; `stamp` is new with every change of it."""

    stamp: str | None = None
    book: RuleBook = field(default_factory=RuleBook)
    checkpoints: Mapping[str, CheckpointSetup] = field(default_factory=dict)
    parameters: HoldParameters = field(default_factory=HoldParameters)
    credit: CreditParameters = field(default_factory=CreditParameters)
    term_ranks: Mapping[str, int] = field(default_factory=dict)
    discount_ranks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stamps:
    """What tells whether the set-ups of companies, or any exchange rates, are still those that were read."""

    setups: Mapping[str, str]
    rates: str


def setup_of(stamp: str, content: Mapping[str, Any]) -> Setup:
    """The set-up from its stored content."""
    ranks = content.get("rankings") or {}
    return Setup(
        stamp=stamp,
        book=RuleBook(RULES.validate_python(content.get("rules") or [])),
        checkpoints={
            document: CheckpointSetup(posting, proforma, grace)
            for document, posting, proforma, grace in content.get("checkpoints") or ()
        },
        parameters=HoldParameters.model_validate(content.get("parameters") or {}),
        credit=CreditParameters.model_validate(content.get("credit") or {}),
        term_ranks=ranks.get("payment_terms") or {},
        discount_ranks=ranks.get("cash_discounts") or {},
    )
