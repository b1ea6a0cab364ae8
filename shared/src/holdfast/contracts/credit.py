"""Events of `credit.v1`: what credit-service decided."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from holdfast.contracts.base import (
    Amount,
    BusinessDate,
    Code,
    CompanyId,
    Currency,
    CustomerPayload,
    Id,
    Instant,
    Number,
    Part,
    Payload,
    Percent,
    Positive,
    Text,
    event,
)  # fmt: skip
from holdfast.contracts.topics import CREDIT


class TemporaryLimit(Part):
    """A limit that replaces the permanent one from `from_date` to `to_date`, both included (spec 1.9, 2.2)."""

    id: Id
    amount: Positive = Field(description="in the currency of its owner: company or credit group")
    from_date: BusinessDate
    to_date: BusinessDate


class CreditPolicy(Part):
    """An insurance or a guarantee that covers part of what a customer owes (spec 1.8)."""

    id: Id
    kind: Literal["insurance", "guarantee"]
    value: Positive = Field(description="full face value, in `currency`")
    currency: Currency
    update_credit_limit_pct: Percent = Field(description="share of the value that is added to the limit, percent")
    included_in_exposure: bool = False
    effective_from: BusinessDate
    expires_on: BusinessDate


class GroupMember(Part):
    """A customer of a credit group."""

    company: CompanyId
    customer: Id


@event(
    "credit.profile.changed.v1",
    CREDIT,
    example={"company": "DE01", "customer": "C-1001", "sequence": 7, "version": 4, "currency": "EUR",
             "credit_limit": "10000.00", "credit_limit_expiry_date": None, "credit_limit_date": "2026-02-01",
             "mandatory_credit_limit": False, "unlimited_credit": False,
             "exclude_from_credit_management": False, "changed_at": "2026-02-01T08:00:00Z",
             "changed_by": "kim"},
)  # fmt: skip
class ProfileChanged(CustomerPayload):
    """The credit profile of a customer, its full state. A higher `version` replaces a lower one."""

    sequence: Number = Field(ge=1, description="grows by one with each event of this key on this topic")
    version: Number = Field(ge=1)
    currency: Currency = Field(description="company currency")
    credit_limit: Positive = Field(description="permanent limit, company currency; 0 means no credit")
    credit_limit_date: BusinessDate | None = None
    credit_limit_expiry_date: BusinessDate | None = None
    mandatory_credit_limit: bool = False
    unlimited_credit: bool = False
    exclude_from_credit_management: bool = False
    changed_at: Instant
    changed_by: Text
    reason: Text | None = None
    temporary_limits: tuple[TemporaryLimit, ...] = Field((), description="active and future, company currency")
    policies: tuple[CreditPolicy, ...] = Field((), description="those that have not expired")
    account_status: Code | None = None
    invoicing_delivery_on_hold: Literal["no", "invoice", "all"] = Field(
        "no",
        description="hard stop on the customer, whatever the rules say: invoice (no packing slip, no invoice) or all",
    )
    credit_management_group: Code | None = Field(None, description="aims rules of level group; not a shared limit")
    risk_group: Code | None = None
    risk_score: Decimal | None = None
    credit_rating: Text | None = None
    ignore_until_date: BusinessDate | None = Field(None, description="credit management is suspended until this date")
    next_review_date: BusinessDate | None = None
    average_days_late: Decimal | None = Field(None, description="mean of payment date less due date, days")


@event(
    "credit.group.changed.v1",
    CREDIT,
    example={"group": "G-1", "sequence": 3, "version": 3, "description": "Northwind companies", "currency": "EUR",
             "credit_limit": "15000.00", "expiry_date": "2026-12-31", "check_member_overdue": False,
             "members": [{"company": "DE01", "customer": "C-1001"}, {"company": "US01", "customer": "C-1001"}],
             "former_members": [], "changed_at": "2026-02-01T08:00:00Z", "changed_by": "kim"},
)  # fmt: skip
class GroupChanged(Payload):
    """A customer credit group, its full state: one limit that customers of any company share (spec 1.10)."""

    group: Id
    sequence: Number = Field(ge=1, description="grows by one with each event of this key on this topic")
    version: Number = Field(ge=1)
    description: Text = ""
    currency: Currency
    credit_limit: Positive = Field(description="shared limit, in `currency`")
    expiry_date: BusinessDate
    check_member_overdue: bool = False
    temporary_limits: tuple[TemporaryLimit, ...] = Field((), description="active and future, in `currency`")
    members: tuple[GroupMember, ...]
    former_members: tuple[GroupMember, ...] = Field((), description="those that this change has taken out")
    deleted: bool = False
    changed_at: Instant
    changed_by: Text

    def partition_key(self) -> str:
        return f"credit-group/{self.group}"

    def parties(self) -> tuple[tuple[str, str], ...]:
        return tuple((m.company, m.customer) for m in (*self.members, *self.former_members))


@event(
    "credit.parameters.changed.v1",
    CREDIT,
    example={"company": "DE01", "sequence": 2, "version": 2, "credit_limit_type": "balance_and_all",
             "check_customer_credit_groups": True, "changed_at": "2026-02-01T08:00:00Z", "changed_by": "kim"},
)  # fmt: skip
class ParametersChanged(Payload):
    """The parameters of a company that say how limits are tested, all of them (spec 1.20)."""

    company: CompanyId
    sequence: Number = Field(ge=1, description="grows by one with each event of this key on this topic")
    version: Number = Field(ge=1)
    credit_management_enabled: bool = True
    credit_limit_type: Literal["none", "balance", "balance_and_packing_slip", "balance_and_all"] = "balance_and_all"
    open_orders_counted: Literal["passed_and_earlier", "all", "passed_only"] = "passed_and_earlier"
    open_order_horizon_days: Number | None = Field(
        None, ge=0, description="orders to be delivered later than so many days do not count; absent: all do"
    )
    limit_comparison: Literal["strict", "inclusive"] = "strict"
    check_customer_credit_groups: bool = False
    flagged_policy_mode: Literal["exposure_only", "reduce_limit"] = "exposure_only"
    credit_limit_exchange_rate_type: Code | None = Field(None, description="rate set; absent: the company's default")
    check_limit_on_sales_order: bool = True
    check_limit_on_free_text_invoice: bool = False
    message_when_exceeding: Literal["warning", "error"] = "warning"
    bypass_inventory_reservations: bool = True
    changed_at: Instant
    changed_by: Text

    def partition_key(self) -> str:
        return f"company/{self.company}"


@event(
    "credit.risk.changed.v1",
    CREDIT,
    example={"company": "DE01", "customer": "C-1001", "sequence": 9, "version": 3, "risk_score": "80",
             "risk_group": "HIGH", "former_risk_score": "40", "former_risk_group": "MEDIUM",
             "changed_at": "2026-02-01T03:00:00Z", "changed_by": "risk-scores"},
)  # fmt: skip
class RiskChanged(CustomerPayload):
    """Score or risk class of a customer changed. A higher `version` replaces a lower one.

    A customer for whom none was ever sent has a score of 0 and is unclassified.
    """

    sequence: Number = Field(ge=1, description="grows by one with each event of this key on this topic")
    version: Number = Field(ge=1)
    risk_score: Amount = Field(description="sum of the points of all scoring groups")
    risk_group: Code | None = Field(None, description="class whose range holds the score; absent: unclassified")
    former_risk_score: Amount | None = Field(None, description="the score before; absent with the first event")
    former_risk_group: Code | None = None
    changed_at: Instant
    changed_by: Text


__all__ = [
    "CreditPolicy", "GroupChanged", "GroupMember", "ParametersChanged", "ProfileChanged", "RiskChanged",
    "TemporaryLimit",
]  # fmt: skip
