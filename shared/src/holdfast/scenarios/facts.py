"""What a scenario starts from: companies, customers, limits, users, open items, orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.contracts.erp_orders import Checkpoint
from holdfast.contracts.scalars import BusinessDate

Money = Annotated[Decimal, Field(max_digits=19, decimal_places=4)]
Body = dict[str, Any]
"""Fields as the API or the event catalogue has them."""


class Fact(BaseModel):
    """A part of a scenario file; unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CheckpointFact(Fact):
    """A document of the company that is checked."""

    check_on_posting: bool = True
    check_on_proforma: bool = False
    grace_days: int = 0


class RuleFact(Fact):
    """A rule; which fields count is said by its kind (`GET /v1/rules/kinds`)."""

    kind: str
    rule_type: Literal["blocking", "exclusion"] = "blocking"
    valid_for: Literal["table", "group", "all"] = "all"
    account_or_group: str | None = None
    risk_group: str | None = None
    value: Money | None = None
    value_type: Literal["days", "amount", "percent", "number"] | None = None
    currency: str | None = None
    threshold_percent: Decimal | None = None
    account_status: str | None = None
    payment_term: str | None = None
    release_sales_order: bool | None = None
    outcome: Literal["block", "warn"] | None = None
    checkpoints: list[Checkpoint] | None = None
    active_from: BusinessDate | None = None
    active_to: BusinessDate | None = None
    enabled: bool | None = None


class Rankings(Fact):
    """Codes to ranks; only the order of the numbers matters."""

    payment_terms: dict[str, int] = {}
    cash_discounts: dict[str, int] = {}


class Reasons(Fact):
    """Reasons of the company for holding and for releasing orders."""

    hold: list[str] = []
    release: list[str] = []


class StatusFact(Fact):
    """An account status and what it does to orders."""

    description: str = ""
    hold_effect: Literal["none", "invoice", "all"] = "none"


class AutomaticLineFact(Fact):
    """A limit for customers whose value in a scoring group compares so; in the currency of the rule."""

    scoring_group: str
    operator: Literal["=", "<>", "<", "<=", ">", ">="] = "="
    comparison_value: str | int
    credit_limit: Money


class AutomaticLimitFact(Fact):
    """Automatic limits of the customers of a risk group with a currency."""

    risk_group: str
    currency: str | None = Field(None, description="the company's when absent")
    max_revenue: Money | None = None
    choice: Literal["highest", "lowest", "first"] = "highest"
    lines: list[AutomaticLineFact]


class CompanyFact(Fact):
    """A company with its parameters, checkpoints, rules, rankings, terms and reasons."""

    currency: str = "EUR"
    time_zone: str = "UTC"
    live: bool = Field(True, description="false: the opening balances are not complete yet")
    exchange_rate_type: str = "default"
    parameters: Body = Field({}, description="any parameter of credit-service or hold-service, by its name")
    checkpoints: dict[Checkpoint, CheckpointFact] = {}
    rules: list[RuleFact] = []
    rankings: Rankings = Rankings()
    terms: dict[str, Body] = Field({}, description="terms of payment by code, as in erp.payment-terms.changed.v1")
    reasons: Reasons = Reasons()
    account_statuses: dict[str, StatusFact] = {}
    credit_management_groups: dict[str, str] = Field({}, description="name by id")
    master_data: dict[str, dict[str, Body]] = Field(
        {}, description="further lists of credit-service by name and code, as `PUT /v1/master-data` takes them"
    )
    scoring_groups: dict[str, Body] = Field({}, description="as `PUT /v1/scoring-groups` takes them")
    risk_groups: dict[str, Body] = Field({}, description="as `PUT /v1/risk-groups` takes them")
    automatic_limits: list[AutomaticLimitFact] = []
    workflows: list[Body] = Field([], description="as `PUT /v1/workflows/{company}/{type}` of the service takes them")


class TemporaryFact(Fact):
    """A limit that replaces the permanent one for a while; posted as an adjustment."""

    amount: Money
    from_date: BusinessDate
    to_date: BusinessDate


class PolicyFact(Fact):
    """An insurance or guarantee."""

    kind: Literal["insurance", "guarantee"] = "insurance"
    value: Money
    currency: str | None = None
    update_credit_limit_pct: Decimal = Decimal(0)
    included_in_exposure: bool = False
    effective_from: BusinessDate | None = None
    expires_on: BusinessDate | None = None
    type: str | None = None
    coverage_type: str | None = None
    insurer_guarantor: str = "the insurer"
    identification: str | None = None


class RevenueFact(Fact):
    """What a customer has sold in a period that has ended."""

    period_end: BusinessDate
    revenue: Money
    currency: str | None = Field(None, description="the company's when absent")


class CustomerFact(Fact):
    """A customer of the ERP and the credit profile; without a limit there is no profile."""

    company: str | None = Field(None, description="the scenario's first company when absent")
    customer: str | None = Field(None, description="the account, when it is not the name in the file")
    currency: str | None = None
    payment_terms: str | None = None
    cash_discount: str | None = None
    country: str | None = None
    customer_since: BusinessDate | None = None
    business_started: BusinessDate | None = None
    known: bool = Field(True, description="false: the ERP has not sent its master data")
    limit: Money | None = None
    expiry_date: BusinessDate | None = None
    mandatory: bool | None = None
    unlimited: bool | None = None
    excluded: bool | None = None
    account_status: str | None = None
    hold_effect: Literal["no", "invoice", "all"] | None = None
    credit_management_group: str | None = None
    next_review_date: BusinessDate | None = None
    profile: Body = Field({}, description="further fields of the credit profile, as its API has them")
    temporary_limits: list[TemporaryFact] = []
    policies: list[PolicyFact] = []
    risk_values: dict[str, str] = Field({}, description="typed values by scoring group")
    revenues: list[RevenueFact] = []
    balance: Money | None = Field(None, description="what is owed and not due; below zero: an unapplied payment")


class GroupFact(Fact):
    """A customer credit group: one limit for customers of any company."""

    limit: Money
    currency: str = "EUR"
    expiry_date: BusinessDate | None = None
    check_member_overdue: bool = False
    owner_company: str | None = Field(None, description="whose workflow governs it; the first company when absent")
    members: list[str] = Field([], description="names of customers in the file")
    temporary_limits: list[TemporaryFact] = []
    description: str = ""


class RateFact(Fact):
    """From a date on one unit of a currency is worth so many of another."""

    from_currency: str
    to_currency: str
    rate: Decimal
    valid_from: BusinessDate | None = None
    rate_type: str = "default"


class UserFact(Fact):
    """Somebody who calls the APIs."""

    roles: list[str] = ["administer"]
    companies: list[str] = ["*"]


class Facts(Fact):
    """What is there before the first step."""

    today: BusinessDate | None = None
    companies: dict[str, CompanyFact] = {}
    rates: list[RateFact] = []
    customers: dict[str, CustomerFact] = {}
    credit_groups: dict[str, GroupFact] = {}
    users: dict[str, UserFact] = {}
    open_items: list[Body] = Field([], description="as in erp.invoice.posted.v1; `days_late` sets the due date")
    orders: list[Body] = Field([], description="orders as in erp.order.changed.v1")
    deliveries: list[Body] = Field([], description="as in erp.delivery.posted.v1")
    payments: list[Body] = Field([], description="as in erp.payment.posted.v1")
    credit_notes: list[Body] = Field([], description="as in erp.credit-note.posted.v1")
