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


@quick
@dataclass(frozen=True, slots=True)
class Share:
    """What a member uses of the shared limit, in the group's currency, whatever is checked; and its days overdue."""

    exposure: Decimal
    missing_rates: frozenset[str]
    days_overdue: int


@dataclass(slots=True)
class Members:
    """The members of a group as a batch is decided. `settled`: those whose share is known, and need not have a
    position any more."""

    positions: Mapping[Party, Position]
    setups: Mapping[str, Setup]
    parties: Sequence[Party]
    settled: dict[Party, Share] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admission:
    """A released document that goes through once, up to this value. `order_version`: the order as it was released."""

    currency: str
    total: Decimal
    hold_id: int
    order_version: int
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """The last release of an order, in the version it had, and until when it is not checked again (spec 3.6)."""

    released_on: date
    grace_until: date | None
    currency: str
    total: Decimal
    order_version: int
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
    is_project: bool = False
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
    admissions: Sequence[Admission] = ()
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
    document_total: Decimal | None = None


@quick
@dataclass(frozen=True, slots=True)
class Said:
    """What a request says of its order beside the figures; None where it says nothing. A hold keeps it as it was said,
    so that what the order's state says counts the same whichever comes first."""

    payment_terms: str | None = None
    cash_discount: str | None = None
    excluded: bool | None = None
    is_project: bool = False
    reserved_total: Decimal | None = None


def said_of(request: CheckpointRequested) -> Said:
    """What a request says; the origin tells of exclusion where nothing else does (spec 1.18)."""
    by_origin = True if request.origin in EXCLUDED_ORIGINS else None
    said = request.exclude_from_credit_management
    return Said(
        request.payment_terms, request.cash_discount, by_origin if said is None else said,
        request.origin == "project", request.reserved_total,
    )  # fmt: skip


def asked_of(request: CheckpointRequested, known: Known, now: datetime) -> Asked:
    """The order of a request; its creation time and terms from the request, else from its state."""
    state = known.position.orders.get(request.order)
    created = request.created_at or (state.created_at if state else None) or now
    order = CheckedOrder(request.order, request.order_version, request.currency, request.total, created)
    asked = with_state(order, said_of(request), known, proforma=request.proforma, change=request.change)
    return replace(asked, document_total=request.document_total) if request.document_total is not None else asked


def with_state(order: CheckedOrder, said: Said, known: Known, *, proforma: bool, change: str = "post") -> Asked:
    """An order with what was said of it; its state fills in what was not, and alone counts when it is newer."""
    terms = known.terms or NO_STATE
    if terms.version > order.version:
        said = Said()
    return Asked(
        order,
        said.payment_terms or terms.payment_terms,
        said.cash_discount or terms.cash_discount,
        terms.excluded if said.excluded is None else said.excluded,
        said.is_project or terms.is_project,
        proforma,
        change,
        said.reserved_total,
    )


NO_STATE = OrderTerms(0, None, None, excluded=False)


Worth = tuple[Decimal, str]
"""Amount and currency."""


def order_value(order: CheckedOrder, known: Known) -> Worth:
    """What an order is worth: a state of it that is not older counts."""
    return values_of(order, known)[-1]


def values_of(order: CheckedOrder, known: Known) -> list[Worth]:
    """What is said of an order's worth: by the request and by the state, the last word last. What is older than the
    other does not count."""
    state = known.position.orders.get(order.order)
    if state is None or state.currency is None or state.version < order.version:
        return [(order.total, order.currency)]
    of_state = state.total, state.currency
    return [of_state] if state.version > order.version else [(order.total, order.currency), of_state]
