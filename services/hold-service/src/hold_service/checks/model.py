"""A credit check: request, what is known, and the decision (spec 2.4, 3.1). Plain values; no database, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from hold_service.rules import kinds as _kinds
from hold_service.rules.model import Facts, Finding, Rule, evaluate
from holdfast.contracts.erp_orders import Checkpoint, CheckpointRequested
from holdfast.contracts.holds import HoldReason
from holdfast.receivables.model import (
    CheckedOrder,
    Parts,
    Position,
    Reservation,
    days_overdue,
    open_value,
    overdue_amount,
    parts,
)  # fmt: skip
from holdfast.receivables.money import ZERO

KINDS_ARE_REGISTERED = _kinds
EXCLUDED_ORIGINS = frozenset({"intercompany", "commerce"})
"""Orders of these origins are excluded unless they say otherwise (spec 1.18)."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Our copy of a credit profile; `limit` in company currency."""

    version: int
    currency: str
    limit: Decimal
    unlimited: bool
    excluded: bool


@dataclass(frozen=True, slots=True)
class CheckpointSetup:
    """Whether a document is checked (spec 1.15)."""

    on_posting: bool
    on_proforma: bool


@dataclass(frozen=True, slots=True)
class Setup:
    """What a company has set up."""

    rules: Sequence[Rule] = ()
    checkpoints: Mapping[str, CheckpointSetup] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admission:
    """A released document that goes through once, up to this value."""

    currency: str
    total: Decimal
    hold_id: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about the customer and order of a check when it is decided."""

    position: Position
    setup: Setup
    profile: Profile | None = None
    parked: bool = False
    facts_age: float | None = None
    most_facts_age: float | None = None
    admission: Admission | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: cleared without findings, else held. `not_checked` says why no rule ran."""

    findings: Sequence[Finding]
    not_checked: str | None = None
    facts: Facts | None = None
    parts: Parts | None = None
    uses_admission: bool = False

    @property
    def passes(self) -> bool:
        """Whether the order may go on."""
        return not self.findings


def checked_order(request: CheckpointRequested, position: Position, now: datetime) -> CheckedOrder:
    """The order of a request; its creation time from the request, else from its state, else now."""
    state = position.orders.get(request.order)
    created = request.created_at or (state.created_at if state else None) or now
    return CheckedOrder(request.order, request.order_version, request.currency, request.total, created)


def judge(request: CheckpointRequested, order: CheckedOrder, known: Known) -> Verdict:
    """Whether the order may pass the checkpoint."""
    why_not = not_checked(request, order, known)
    if why_not is not None:
        return Verdict((), why_not, uses_admission=why_not == RELEASED)
    return examine(order, known)


def examine(order: CheckedOrder, known: Known) -> Verdict:
    """Stops first, then the rules on today's figures; also what a re-check does."""
    found = parts(known.position, order)
    stops = _stops(known, found)
    if stops:
        return Verdict(stops, parts=found)
    facts = facts_of(known, found)
    return Verdict(evaluate(known.setup.rules, facts), facts=facts, parts=found)


RELEASED = "this document of the order was released from hold and goes through once"


def not_checked(request: CheckpointRequested, order: CheckedOrder, known: Known) -> str | None:
    """Why no rule runs (spec 3.1), or None."""
    setup = known.setup.checkpoints.get(request.checkpoint.value)
    if request.origin == "project":
        return "a project order is not a sales order"
    if setup is None or not (setup.on_proforma if request.proforma else setup.on_posting):
        kind = "pro forma " if request.proforma else ""
        return f"the checkpoint {kind}{request.checkpoint.value} is off for company {request.company}"
    if known.profile is not None and known.profile.excluded:
        return "the customer is excluded from credit management"
    if _is_excluded(request):
        return "the order is excluded from credit management"
    if known.admission is not None and _admits(known.admission, order):
        return RELEASED
    return None


def _is_excluded(request: CheckpointRequested) -> bool:
    said = request.exclude_from_credit_management
    return request.origin in EXCLUDED_ORIGINS if said is None else said


def _admits(admission: Admission, order: CheckedOrder) -> bool:
    return admission.currency == order.currency and order.total <= admission.total


def _stops(known: Known, found: Parts) -> list[Finding]:
    """Reasons that make figures untrustworthy or absent: no rule is asked then."""
    position, stops = known.position, []
    if not position.live:
        stops.append(_finding(
            HoldReason.COMPANY_NOT_LIVE, f"Company {position.company} has not been declared live.",
            "Complete the opening balances and declare the company live."))  # fmt: skip
    if not position.customer_known:
        stops.append(_finding(
            HoldReason.UNKNOWN_CUSTOMER, f"Customer {position.customer} of company {position.company} is not known.",
            "Let the ERP send the customer; the order is checked again by itself."))  # fmt: skip
    if found.missing_rates:
        codes = ", ".join(sorted(found.missing_rates))
        stops.append(_finding(
            HoldReason.TECHNICAL_ERROR, f"No exchange rate converts {codes} on {position.check_date}.",
            "Let the ERP send the rate; the order is checked again by itself."))  # fmt: skip
    if known.parked:
        stops.append(_finding(
            HoldReason.TECHNICAL_ERROR, "Events of this customer wait in the dead letters: its figures are incomplete.",
            "Replay or drop them; the order is checked again by itself."))  # fmt: skip
    if known.profile is not None and position.currency not in (None, known.profile.currency):
        stops.append(_finding(
            HoldReason.TECHNICAL_ERROR,
            f"The credit limit is in {known.profile.currency}, the company's currency is {position.currency}.",
            "Enter the limit anew in the company's currency."))  # fmt: skip
    if _too_old(known):
        stops.append(_finding(
            HoldReason.FACTS_TOO_OLD, f"The facts are older than the {known.most_facts_age:g} seconds allowed.",
            "Wait until the worker has caught up, and check again."))  # fmt: skip
    return list({stop.reason: stop for stop in reversed(stops)}.values())[::-1]


def _too_old(known: Known) -> bool:
    if known.most_facts_age is None:
        return False
    return known.facts_age is None or known.facts_age > known.most_facts_age


def _finding(reason: HoldReason, text: str, to_pass: str) -> Finding:
    return Finding(reason, None, text, to_pass)


def facts_of(known: Known, found: Parts) -> Facts:
    """What rules look at. A customer without a profile has no credit (spec 0: a limit of 0.00 means no credit)."""
    profile = known.profile
    limit = ZERO if profile is None else None if profile.unlimited else profile.limit
    overdue, _ = overdue_amount(known.position)
    return Facts(
        check_date=known.position.check_date,
        currency=found.currency,
        limit=limit,
        exposure=found.exposure(),
        days_overdue=days_overdue(known.position),
        overdue_amount=overdue,
    )


def reservation_for(
    request: CheckpointRequested, order: CheckedOrder, position: Position, status: str, now: datetime
) -> Reservation:
    """What the check promises until the order's state arrives (spec 2.1, R)."""
    amount = open_value(position, order)
    return Reservation(
        company=request.company,
        order=request.order,
        customer=request.customer,
        currency=request.currency,
        amount=request.total if amount is None else amount,
        order_version=request.order_version,
        status=status,
        created_at=order.created_at or now,
        reserved_at=now,
    )


def figures(verdict: Verdict) -> dict[str, Any] | None:
    """The numbers of a decision as `CreditFigures` of the contract, in company currency."""
    found, facts = verdict.parts, verdict.facts
    if found is None or not found.currency:
        return None
    shown: dict[str, Any] = {
        "currency": found.currency, "balance": found.balance, "open_orders": found.open_orders,
        "delivered_not_invoiced": found.delivered_not_invoiced, "reserved": found.reserved,
        "this_order": found.this_order, "exposure": found.exposure(),
    }  # fmt: skip
    if facts is not None:
        shown |= {
            "limit": facts.limit, "available": facts.available, "used_percent": facts.used_percent,
            "days_overdue": facts.days_overdue, "overdue_amount": facts.overdue_amount,
        }  # fmt: skip
    return {name: value for name, value in shown.items() if value is not None}


__all__ = ["Checkpoint", "CheckpointRequested", "Known", "Verdict", "judge"]
