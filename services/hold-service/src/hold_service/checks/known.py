"""What is known about the customer and the order of a check when it is decided. Plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from hold_service.setups.model import Setup
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.receivables.limits import Policy, Temporary
from holdfast.receivables.model import CheckedOrder, Party, Position
from holdfast.values import quick

EXCLUDED_ORIGINS = frozenset({"intercompany", "commerce"})
"""Orders of these origins are excluded unless they say otherwise (spec 1.18)."""


@quick
@dataclass(frozen=True, slots=True)
class Profile:
    """Our copy of a credit profile; `limit` in company currency."""

    version: int
    currency: str
    limit: Decimal
    mandatory: bool = False
    unlimited: bool = False
    excluded: bool = False
    expiry_date: date | None = None
    temporary: Sequence[Temporary] = ()
    policies: Sequence[Policy] = ()
    account_status: str | None = None
    hold_effect: str = "no"
    credit_management_group: str | None = None
    risk_group: str | None = None
    ignore_until_date: date | None = None
    next_review_date: date | None = None
    average_days_late: Decimal | None = None


@quick
@dataclass(frozen=True, slots=True)
class Standing:
    """Where a customer stands: with other services, and by the ERP's master data."""

    dunning_level: int = 0
    broken_promises: int = 0
    block_effect: str = "no"
    block_reason: str = ""
    payment_terms: str | None = None
    cash_discount: str | None = None
    disputed: Mapping[str, Decimal] = field(default_factory=dict)
    risk_group: str | None = None
    risk_told: bool = False


@dataclass(frozen=True, slots=True)
class CreditGroup:
    """Our copy of a credit group; amounts in its `currency`."""

    id: str
    currency: str
    limit: Decimal
    check_member_overdue: bool
    temporary: Sequence[Temporary] = ()


@dataclass(slots=True)
class Members:
    """The positions of a group's members as a batch is decided, and what is known of their exposure for good."""

    positions: Mapping[Party, Position]
    setups: Mapping[str, Setup]
    parties: Sequence[Party]
    settled: dict[Party, tuple[Decimal, frozenset[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admission:
    """A released document that goes through once, up to this value."""

    currency: str
    total: Decimal
    hold_id: int
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """The last release of an order, and until when it is not checked again (spec 3.6)."""

    released_on: date
    grace_until: date | None
    currency: str
    total: Decimal
    payment_terms: str | None = None
    cash_discount: str | None = None
    capped: bool = False
    valid_until: date | None = None


@quick
@dataclass(frozen=True, slots=True)
class OrderTerms:
    """What the order's state says beside its figures; `held_on_load`: the other orders on its load that are held."""

    version: int
    payment_terms: str | None
    cash_discount: str | None
    excluded: bool
    load: str | None = None
    held_on_load: Sequence[str] | None = None


@quick
@dataclass(frozen=True, slots=True)
class Known:
    """What is known about the customer and order of a check when it is decided."""

    position: Position
    setup: Setup
    checkpoint: str
    profile: Profile | None = None
    standing: Standing = Standing()
    group: CreditGroup | None = None
    members: Members | None = None
    terms: OrderTerms | None = None
    parked: bool = False
    facts_age: float | None = None
    most_facts_age: float | None = None
    admission: Admission | None = None
    release: Release | None = None


@quick
@dataclass(frozen=True, slots=True)
class Asked:
    """The order of a check, and what is wanted of it."""

    order: CheckedOrder
    payment_terms: str | None = None
    cash_discount: str | None = None
    excluded: bool = False
    is_project: bool = False
    proforma: bool = False
    change: str = "post"
    reserved_total: Decimal | None = None


def asked_of(request: CheckpointRequested, known: Known, now: datetime) -> Asked:
    """The order of a request; its creation time and terms from the request, else from its state."""
    state, terms = known.position.orders.get(request.order), known.terms
    created = request.created_at or (state.created_at if state else None) or now
    return Asked(
        CheckedOrder(request.order, request.order_version, request.currency, request.total, created),
        request.payment_terms or (terms.payment_terms if terms else None),
        request.cash_discount or (terms.cash_discount if terms else None),
        _is_excluded(request, terms),
        request.origin == "project",
        request.proforma,
        request.change,
        request.reserved_total,
    )


def _is_excluded(request: CheckpointRequested, terms: OrderTerms | None) -> bool:
    said = request.exclude_from_credit_management
    if said is None and request.origin not in EXCLUDED_ORIGINS:
        return terms is not None and terms.version > 0 and terms.excluded
    return request.origin in EXCLUDED_ORIGINS if said is None else said


def brought_up_to_date(asked: Asked, known: Known) -> Asked:
    """The order of a hold with what a newer state of it says."""
    terms = known.terms
    if terms is None or terms.version <= asked.order.version:
        return asked
    return replace(asked, payment_terms=terms.payment_terms, cash_discount=terms.cash_discount, excluded=terms.excluded)
