"""Events of `holds.v1`: what hold-service decided. The ERP and credit-service read them."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from holdfast.contracts.base import (
    BusinessDate,
    Currency,
    CustomerPayload,
    FreeForm,
    Id,
    Instant,
    Number,
    Part,
    Positive,
    Text,
    Total,
    event,
)  # fmt: skip
from holdfast.contracts.erp_orders import Checkpoint
from holdfast.contracts.topics import HOLDS


class HoldReason(StrEnum):
    """Why an order is held (spec 1.16). Readers take other codes too: a kind of rule may bring its own."""

    CREDIT_EXCEEDED = "credit_exceeded"
    OPEN_TRANSACTIONS_OVERDUE = "open_transactions_overdue"
    READY_FOR_RELEASE = "ready_for_release"
    TECHNICAL_ERROR = "technical_error"
    UNKNOWN_CUSTOMER = "unknown_customer"
    COMPANY_NOT_LIVE = "company_not_live"
    FACTS_TOO_OLD = "facts_too_old"
    CUSTOMER_BLOCKED = "customer_blocked"
    FORCED_HOLD = "forced_hold"
    OPEN_TRANSACTIONS_OVERDUE_LINKED = "open_transactions_overdue_linked"
    OVERDUE_AMOUNT = "overdue_amount"
    ACCOUNT_STATUS = "account_status"
    PAYMENT_TERM = "payment_term"
    COD_PAYMENT = "cod_payment"
    CREDIT_LIMIT_EXPIRED = "credit_limit_expired"
    SALES_ORDER = "sales_order"
    PAYMENT_TERM_INCREASED = "payment_term_increased"
    CASH_DISCOUNT_INCREASED = "cash_discount_increased"
    RISK_GROUP = "risk_group"
    DUNNING_LEVEL = "dunning_level"
    REVIEW_DATE_PASSED = "review_date_passed"
    AVERAGE_DAYS_LATE = "average_days_late"
    BROKEN_PROMISE = "broken_promise"
    DISPUTED_SHARE = "disputed_share"


class CreditFigures(Part):
    """The numbers a decision was made from, in company currency."""

    currency: Currency = Field(description="company currency")
    limit: Total | None = Field(
        None, description="limit that governs; absent when unlimited, untested, or of a group in another currency"
    )
    exposure: Total | None = Field(None, description="what counts against the customer's limit, company currency")
    available: Total | None = Field(
        None, description="what is left of the limit that governs, company currency; negative when exceeded"
    )
    used_percent: Decimal | None = Field(None, description="so much of the limit that governs is used")
    balance: Total | None = Field(None, description="open debits less open credits, company currency")
    delivered_not_invoiced: Total | None = Field(None, description="company currency")
    open_orders: Total | None = Field(None, description="orders that count, company currency")
    reserved: Total | None = Field(None, description="passed checks whose order is not known, company currency")
    this_order: Total | None = Field(None, description="what this order adds, company currency")
    days_overdue: Number = Field(0, ge=0, description="days the oldest open debit is past its due date")
    overdue_amount: Total | None = Field(None, description="open debits past due, company currency")
    limit_level: Literal["own", "group"] | None = Field(None, description="whose limit governs: the one with less room")
    own_limit: Total | None = Field(None, description="the customer's total limit with policies, company currency")
    exposure_value: Total | None = Field(
        None, description="total limit less policies that are included in the exposure, company currency"
    )
    group: Id | None = Field(None, description="credit group whose shared limit is tested")
    group_limit: Total | None = Field(None, description="shared limit, in group_currency")
    group_exposure: Total | None = Field(None, description="exposure of all members, in group_currency")
    group_currency: Currency | None = None
    group_used_percent: Decimal | None = Field(None, description="100 x group_exposure / group_limit")


class OrderDecision(CustomerPayload):
    """What all decisions about an order carry."""

    sequence: Number = Field(ge=1, description="grows by one with each event of this key on this topic")
    order: Id
    order_version: Number = Field(ge=0)
    order_currency: Currency
    order_amount: Positive = Field(description="value of the order less what has been invoiced of it, order currency")
    order_total: Positive | None = Field(None, description="value of the order, invoiced or not, order currency")
    decision: Id = Field(description="id of the stored decision: GET /v1/credit-checks/{id}")
    decided_at: Instant
    check_date: BusinessDate
    order_created_at: Instant


CLEARED_EXAMPLE: dict[str, Any] = {
    "company": "DE01", "customer": "C-1001", "sequence": 12, "order": "SO-771", "order_version": 1,
    "order_currency": "EUR", "order_amount": "1190.00", "order_total": "1190.00",
    "decision": "0190f5c2-5d7c-7a44-a2d5-2b6f3c1f0001",
    "decided_at": "2026-02-20T09:15:01Z", "check_date": "2026-02-20",
    "order_created_at": "2026-02-20T09:15:00Z",
    "checkpoint": "confirmation", "attempt": "SO-771-conf-1", "checked": True, "figures": {"currency": "EUR",
    "limit": "10000.00", "exposure": "3190.00", "available": "6810.00", "used_percent": "31.90"},
}  # fmt: skip


def _cleared_without(*fields: str) -> dict[str, Any]:
    return {name: value for name, value in CLEARED_EXAMPLE.items() if name not in fields}


@event("hold.order.cleared.v1", HOLDS, example=CLEARED_EXAMPLE)
class OrderCleared(OrderDecision):
    """The order may pass the checkpoint. `checked` false: no rule ran, and `not_checked_because` says why."""

    checkpoint: Checkpoint
    attempt: Id
    proforma: bool = False
    checked: bool
    not_checked_because: Text | None = None
    still_held: bool = Field(False, description="the order stays on hold; the company lets this document through")
    warnings: tuple[Text, ...] = Field((), description="what rules that only warn have found")
    figures: CreditFigures | None = None
    load: Id | None = Field(None, description="the load that the order is on")
    load_waits_for: tuple[str, ...] = Field(
        (), description="held orders on the same load; the company lets the whole load wait for them"
    )


@event(
    "hold.order.held.v1",
    HOLDS,
    example={**_cleared_without("checked"), "hold": "H-000017", "reasons": ["credit_exceeded"],
             "explanation": ["Exposure 12,190.00 EUR is 121.90 % of the limit 10,000.00 EUR, above 100 %."]},
)  # fmt: skip
class OrderHeld(OrderDecision):
    """The order must wait. A repeated attempt on a held order is answered with the same `hold`."""

    checkpoint: Checkpoint
    attempt: Id
    proforma: bool = False
    hold: Id
    checked: bool = Field(
        True, description="false: the document is not checked, and waits since the order is held already"
    )
    not_checked_because: Text | None = None
    reasons: tuple[str, ...]
    explanation: tuple[Text, ...] = ()
    warnings: tuple[Text, ...] = Field((), description="what rules that only warn have found")
    overdue_accounts: tuple[str, ...] = Field((), description="other group members that are overdue, company/customer")
    figures: CreditFigures | None = None
    forced: bool = Field(False, description="a person has put the order on hold, whatever the rules say")
    forced_reason: Id | None = Field(None, description="the reason of type hold that was named")
    previous_hold: Id | None = Field(None, description="the hold of the order before this one, if it had one")
    load: Id | None = Field(None, description="the load that the order is on")
    remove_from_load: bool | None = Field(
        None, description="true: the order's lines leave the load, which may ship; false: the whole load waits"
    )


@event(
    "hold.order.released.v1",
    HOLDS,
    example={**_cleared_without("attempt", "checked"),
             "hold": "H-000017", "mode": "without_posting", "automatic": True, "released_by": "automatic",
             "triggers": ["PAY-9001"], "reasons_cleared": ["credit_exceeded"]},
)  # fmt: skip
class OrderReleased(OrderDecision):
    """A held order may go on: released by a person, or because a re-check found no reason left."""

    checkpoint: Checkpoint
    hold: Id
    mode: Literal["with_posting", "without_posting"]
    automatic: bool
    released_by: Text
    release_reason: Text | None = None
    triggers: tuple[str, ...] = Field((), description="documents whose arrival caused the re-check, 20 at most")
    reasons_cleared: tuple[str, ...] = ()
    posting_request: FreeForm | None = None
    figures: CreditFigures | None = None
    released_amount: Positive | None = Field(
        None, description="up to what order value the release counts, its currency"
    )
    released_lines: tuple[int, ...] = Field((), description="the order lines that are released; empty: all of them")
    partial: bool = Field(False, description="only a part of the order's value is released")
    valid_until: BusinessDate | None = Field(None, description="last day on which the release counts")
    grace_until: BusinessDate | None = Field(
        None, description="last day on which no checkpoint checks the order; absent: the next one does"
    )
    note: Text | None = None


@event(
    "hold.order.cancelled.v1",
    HOLDS,
    example={**_cleared_without("attempt", "checked", "checkpoint", "figures"),
             "hold": "H-000017"},
)  # fmt: skip
class HoldCancelled(OrderDecision):
    """The held order was cancelled in the ERP; its hold is closed."""

    hold: Id
    cancel_reason: Id | None = Field(None, description="the company's release reason for cancelled orders")


class HoldNotice(OrderDecision):
    """What events about a hold carry that do not decide about its order anew."""

    hold: Id


NOTICE_EXAMPLE: dict[str, Any] = {
    **_cleared_without("attempt", "checked", "checkpoint", "figures"), "hold": "H-000017",
}  # fmt: skip


@event(
    "hold.order.rejected.v1",
    HOLDS,
    example={**NOTICE_EXAMPLE, "rejected_by": "kim", "reject_reason": "insolvent", "note": "files on Monday"},
)
class OrderRejected(HoldNotice):
    """A person refused to let the order go on. A new attempt to post it runs the rules again."""

    rejected_by: Text
    reject_reason: Id | None = None
    note: Text | None = None


@event(
    "hold.order.ready.v1",
    HOLDS,
    example={**NOTICE_EXAMPLE, "reasons_cleared": ["credit_exceeded"], "triggers": ["PAY-9001"], "forced": False},
)
class OrderReady(HoldNotice):
    """No reason is left, and the release waits for a person: it is switched to that, or the hold is a forced one."""

    reasons_cleared: tuple[str, ...] = ()
    triggers: tuple[str, ...] = Field((), description="documents whose arrival caused the re-check, 20 at most")
    forced: bool = False


@event("hold.reason.cleared.v1", HOLDS, example={**NOTICE_EXAMPLE, "reason": "open_transactions_overdue",
                                                  "reasons_left": ["credit_exceeded"]})  # fmt: skip
class ReasonCleared(HoldNotice):
    """A reason of a hold no longer stands; the order is still held."""

    reason: Text
    reasons_left: tuple[str, ...] = ()
    triggers: tuple[str, ...] = Field((), description="documents whose arrival caused the re-check, 20 at most")


@event("hold.order.escalated.v1", HOLDS, example={**NOTICE_EXAMPLE, "held_days": 6, "level": 1})
class OrderEscalated(HoldNotice):
    """An order is held longer than its company allows before somebody higher up is told."""

    held_days: Number = Field(ge=0, description="business days are not counted apart: days since the order was held")
    level: Number = Field(
        ge=1, description="how often the company's number of days has passed; each level is told once"
    )


@event(
    "hold.reservation.expired.v1",
    HOLDS,
    example={"company": "DE01", "customer": "C-1001", "sequence": 14, "order": "SO-771", "order_version": 1,
             "order_currency": "EUR", "amount": "1190.00", "reserved_at": "2026-02-20T09:15:01Z",
             "expired_at": "2026-03-06T09:20:00Z"},
)  # fmt: skip
class ReservationExpired(CustomerPayload):
    """What a check had reserved for an order counts no longer: no state of the order has come (spec 2.1, R)."""

    sequence: int = Field(ge=1, description="grows by one with each event of this key on this topic")
    order: Id
    order_version: int = Field(ge=0)
    order_currency: Currency
    amount: Positive = Field(description="what was reserved, order currency")
    reserved_at: Instant
    expired_at: Instant


@event(
    "hold.temporary-limit.requested.v1",
    HOLDS,
    example={**NOTICE_EXAMPLE, "amount": "12000.00", "currency": "EUR", "from_date": "2026-02-20",
             "to_date": "2026-03-31", "requested_by": "kim", "note": "pays at the end of March"},
)  # fmt: skip
class TemporaryLimitRequested(HoldNotice):
    """Somebody asks for a temporary limit that would let a held order pass; credit-service drafts an adjustment."""

    request: Id | None = Field(None, description="identifies the request")
    amount: Positive = Field(description="the limit asked for, `currency`")
    currency: Currency = Field(description="company currency")
    from_date: BusinessDate
    to_date: BusinessDate
    requested_by: Text
    note: Text | None = None


@event("hold.call.requested.v1", HOLDS, example={**NOTICE_EXAMPLE, "requested_by": "kim", "note": "ask for payment"})
class CallRequested(HoldNotice):
    """Somebody asks collections to call the customer about a held order."""

    request: Id | None = Field(None, description="identifies the request")
    requested_by: Text
    due_date: BusinessDate | None = None
    note: Text | None = None
