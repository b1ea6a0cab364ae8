"""A credit check: request, what is known, and the decision (spec 2.4, 3.1). Plain values; no database, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from hold_service.checks import running
from hold_service.checks.figures import facts_of
from hold_service.checks.figures import figures as _figures
from hold_service.checks.known import Asked, Known
from hold_service.checks.limits import Limits, limits_of, parts_of
from hold_service.checks.stops import block, stops
from hold_service.rules.evaluation import evaluate
from hold_service.rules.facts import Facts
from hold_service.rules.model import Finding, Rule
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.receivables.model import Parts, Reservation, open_value
from holdfast.values import quick

LET_THROUGH = {"confirmation": "allow_confirmation", "picking_list": "allow_picking"}
"""Documents that a company may let through although the order is held, and the parameter."""


@quick
@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: cleared without findings, else held. `not_checked` says why no rule ran."""

    findings: Sequence[Finding]
    not_checked: str | None = None
    facts: Facts | None = None
    parts: Parts | None = None
    limits: Limits | None = None
    warnings: Sequence[Finding] = ()
    released_by: Rule | None = None
    uses_admission: bool = False

    @property
    def passes(self) -> bool:
        """Whether the order may go on."""
        return not self.findings


def judge(asked: Asked, known: Known) -> Verdict:
    """Whether the order may pass the checkpoint. A blocked customer's may not, whatever grants it grace."""
    off = running.off(asked, known)
    if off is None and (stop := block(known)) is not None:
        return Verdict([stop], parts=parts_of(asked, known))
    why_not = off or running.not_checked(asked, known)
    if why_not is not None:
        return Verdict((), why_not, uses_admission=why_not == running.RELEASED)
    return examine(asked, known)


def rejudge(asked: Asked, known: Known) -> Verdict:
    """A held order once more, on today's figures: grace does not count (spec 3.10)."""
    off = running.off(asked, known)
    if off is None and (stop := block(known)) is not None:
        return Verdict([stop], parts=parts_of(asked, known))
    why_not = off or running.outside(asked, known)
    return examine(asked, known) if why_not is None else Verdict((), why_not, parts=parts_of(asked, known))


def examine(asked: Asked, known: Known) -> Verdict:
    """Stops first, then the rules on today's figures."""
    found = parts_of(asked, known)
    limits = limits_of(asked.order, known, found)
    stopped = stops(known, found.missing_rates | limits.missing_rates)
    if stopped:
        return Verdict(stopped, parts=found, limits=limits if not limits.missing_rates else None)
    facts = facts_of(asked, known, found, limits)
    outcome = evaluate(known.setup.book, facts)
    return Verdict(outcome.findings, None, facts, found, limits, outcome.warnings, outcome.released_by)


def is_let_through(known: Known) -> bool:
    """Whether the company lets this document through although the order is held."""
    name = LET_THROUGH.get(known.checkpoint)
    return name is not None and bool(getattr(known.setup.parameters, name))


def open_amount(asked: Asked, known: Known) -> Decimal:
    """What the order still comes to, in its currency; its value when a rate lacks that would tell what is invoiced."""
    amount = open_value(known.position, asked.order)
    return asked.order.total if amount is None else amount


def reservation_for(request: CheckpointRequested, asked: Asked, status: str, now: datetime) -> Reservation:
    """What the check promises until the order's state arrives (spec 2.1, R)."""
    return Reservation(
        company=request.company,
        order=request.order,
        customer=request.customer,
        currency=request.currency,
        amount=request.total,
        order_version=request.order_version,
        status=status,
        created_at=asked.order.created_at or now,
        reserved_at=now,
    )


def figures(verdict: Verdict) -> dict[str, Any] | None:
    """The numbers of a decision as `CreditFigures` of the contract, in company currency."""
    return _figures(verdict.parts, verdict.limits, verdict.facts)


__all__ = ["Known", "Verdict", "examine", "figures", "judge", "rejudge"]
