"""The text that an order goes beyond the limit: no rule is needed for it, and it stops nothing (spec 1.20)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from hold_service.rules.evaluation import Outcome
from hold_service.rules.facts import Facts
from hold_service.rules.model import Finding, amount
from holdfast.contracts.holds import HoldReason
from holdfast.receivables.limits import Level

ALL_OF_IT = Decimal(100)
"""Percent."""


def exceeded(facts: Facts, outcome: Outcome) -> Iterator[Finding]:
    """A warning for each limit that the order goes beyond, unless a rule says so."""
    told = {finding.reason for finding in (*outcome.findings, *outcome.warnings)}
    if not facts.check_limit or HoldReason.CREDIT_EXCEEDED in told:
        return
    for test in facts.tests:
        if test.is_above(ALL_OF_IT, facts.comparison):
            exposure, limit = amount(test.exposure, test.currency), amount(test.limit, test.currency)
            whose = " of the credit group" if test.level is Level.GROUP else ""
            text = f"The exposure{whose} with this order is {exposure}, above the limit {limit}."
            yield Finding(HoldReason.CREDIT_EXCEEDED, None, text, "")
