"""A credit check: request, what is known, and the decision (spec 2.4, 3.1). Plain values; no database, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from hold_service.checks import running
from hold_service.checks.exceeded import exceeded
from hold_service.checks.figures import facts_of
from hold_service.checks.figures import figures as _figures
from hold_service.checks.known import Admission, Asked, Known
from hold_service.checks.limits import Limits, limits_of, parts_of
from hold_service.checks.stops import block, stops
from hold_service.rules.evaluation import evaluate
from hold_service.rules.facts import Facts
from hold_service.rules.model import Finding, Rule
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.receivables.model import Parts, Reservation, open_value
from holdfast.values import quick


@quick
@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: cleared without findings, else held. `not_checked` says why no rule ran.

    `uses`: what releases have admitted once, and this document takes. `is_complete`: False when figures cannot be
    trusted, so that not every rule could be asked.
    """

    findings: Sequence[Finding]
    not_checked: str | None = None
    facts: Facts | None = None
    parts: Parts | None = None
    limits: Limits | None = None
    warnings: Sequence[Finding] = ()
    released_by: Rule | None = None
    uses: Sequence[Admission] = ()
    is_complete: bool = True

    @property
    def passes(self) -> bool:
        """Whether the order may go on."""
        return not self.findings


def judge(asked: Asked, known: Known) -> Verdict:
    """Whether the order may pass the checkpoint. A blocked customer's may not, whatever grants it grace."""
    return _unless(running.not_checked(asked, known), asked, known)


def rejudge(asked: Asked, known: Known) -> Verdict:
    """A held order once more, on today's figures: grace does not count (spec 3.10)."""
    verdict = _unless(running.outside(asked, known), asked, known)
    return replace(verdict, parts=parts_of(asked, known)) if verdict.not_checked else verdict


def _unless(why_not: str | None, asked: Asked, known: Known) -> Verdict:
    """The customer's block, and what rules find unless there is a reason not to ask them."""
    blocked = None if running.off(asked, known) else block(known)
    if why_not is None:
        return examine(asked, known, [blocked] if blocked else [])
    if blocked is not None:
        return Verdict([blocked], parts=parts_of(asked, known))
    posts = asked.change == "post" and not asked.proforma
    return Verdict((), why_not, uses=running.admitted(asked, known) if posts and why_not == running.RELEASED else ())


def examine(asked: Asked, known: Known, blocked: Sequence[Finding] = ()) -> Verdict:
    """Stops first, then the rules on today's figures. Those of a blocked customer are asked too, so that every reason
    is listed (spec 3.4)."""
    found = parts_of(asked, known)
    limits = limits_of(asked.order, known, found)
    if stopped := stops(known, found.missing_rates | limits.missing_rates):
        trusted = None if limits.missing_rates else limits
        return Verdict([*blocked, *stopped], parts=found, limits=trusted, is_complete=False)
    facts, missing_rates = facts_of(asked, known, found, limits)
    if missing_rates:
        return Verdict([*blocked, *stops(known, missing_rates)], parts=found, limits=limits, is_complete=False)
    outcome = evaluate(known.setup.book, facts)
    return Verdict(
        [*blocked, *outcome.findings], None, facts, found, limits, [*outcome.warnings, *exceeded(facts, outcome)],
        outcome.released_by, is_complete=outcome.is_complete,
    )  # fmt: skip


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
