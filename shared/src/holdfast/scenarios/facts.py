"""What a scenario starts from: companies, customers, limits, users, open items, orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from holdfast.contracts.erp_orders import Checkpoint
from holdfast.contracts.scalars import BusinessDate

T = TypeVar("T")
Money = Annotated[Decimal, Field(max_digits=19, decimal_places=4)]
Flag = Annotated[bool, Field(strict=True)]
"""Only true and false: yes, no and on are words."""
Body = dict[str, Any]
"""Fields as the API or the event catalogue has them."""


def as_list(value: Any) -> Any:
    """One thing may be written without the list around it."""
    return value if isinstance(value, list | tuple) or value is None else [value]


def as_names(value: Any) -> Any:
    """A list of names, or one, stands for a mapping of them to nothing in particular."""
    value = [value] if isinstance(value, str) else value
    if isinstance(value, list) and all(isinstance(name, str | int) for name in value):
        return {str(name): {} for name in value}
    if isinstance(value, dict):
        return {name: {} if item is None else item for name, item in value.items()}
    return value


def as_titles(value: Any) -> Any:
    """As `as_names`, where each name has a title."""
    names = as_names(value)
    return value if isinstance(value, dict) or not isinstance(names, dict) else {name: name for name in names}


class OrNames:
    """A mapping that may be written as a list of its names."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(as_names, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        made = handler(schema)
        item = made.get("additionalProperties")
        made["additionalProperties"] = {"anyOf": [item, {"type": "null"}]}
        names = made.get("propertyNames", {"type": "string"})
        return {"anyOf": [made, {"type": "array", "items": names}, names]}


Texts = Annotated[list[str], BeforeValidator(as_list, json_schema_input_type=str | list[str])]
Named = Annotated[dict[str, T], OrNames()]
Titles = Annotated[dict[str, str], BeforeValidator(as_titles, json_schema_input_type=dict[str, str] | list[str])]


class Fact(BaseModel):
    """A part of a scenario file; unknown fields are errors. A name may be a number: 4711 is "4711"."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class CheckpointFact(Fact):
    """A document of the company that is checked."""

    check_on_posting: Flag = True
    check_on_proforma: Flag = False
    grace_days: int = Field(0, ge=0, description="so many days the release of an order admits its documents")


Checkpoints = Annotated[dict[Checkpoint, CheckpointFact], OrNames()]
"""By the document; a list of them, or nothing behind one, is a checkpoint on posting without grace."""


class RuleFact(Fact):
    """A rule; which fields count is said by its kind (`GET /v1/rules/kinds`)."""

    kind: str
    name: str | None = Field(None, description="what later steps call it; its kind when absent")
    rule_type: Literal["blocking", "exclusion"] = "blocking"
    valid_for: Literal["table", "group", "all"] = "all"
    account_or_group: str | None = Field(None, description="customer or credit management group")
    risk_group: str | None = None
    value: Money | None = Field(None, description="days, amount, percent or number, as its kind says")
    value_type: Literal["days", "amount", "percent", "number"] | None = None
    currency: str | None = None
    threshold_percent: Decimal | None = None
    account_status: str | None = None
    payment_term: str | None = None
    release_sales_order: Flag | None = Field(None, description="an exclusion that lets the order pass whatever else")
    outcome: Literal["block", "warn"] | None = Field(None, description="block when absent")
    checkpoints: Annotated[list[Checkpoint] | None, BeforeValidator(as_list)] = None
    active_from: BusinessDate | None = None
    active_to: BusinessDate | None = None
    enabled: Flag | None = None


class Rankings(Fact):
    """Codes to ranks; only the order of the numbers matters."""

    payment_terms: dict[str, int] = {}
    cash_discounts: dict[str, int] = {}


class Reasons(Fact):
    """Reasons of the company for holding and for releasing orders."""

    hold: Texts = []
    release: Texts = []


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

    currency: str = Field("EUR", description="ISO 4217")
    time_zone: str = Field("UTC", description="in which its days begin, such as Europe/Berlin")
    live: Flag = Field(True, description="false: the opening balances are not complete yet")
    exchange_rate_type: str = Field("default", description="which `rates` convert for it")
    parameters: Body = Field({}, description="any parameter of credit-service or hold-service, by its name")
    checkpoints: Checkpoints = Field({}, description="documents that are checked; those not named are not")
    rules: list[RuleFact] = Field([], description="all that there are")
    rankings: Rankings = Field(Rankings(), description="which terms and discounts are longer or higher")
    terms: dict[str, Body] = Field({}, description="terms of payment by code, as in erp.payment-terms.changed.v1")
    reasons: Reasons = Field(Reasons(), description="that a hold or release may name")
    account_statuses: Named[StatusFact] = Field({}, description="that customers may have")
    credit_management_groups: Titles = Field({}, description="name by id")
    master_data: dict[str, dict[str, Body]] = Field(
        {}, description="further lists of credit-service by name and code, as `PUT /v1/master-data` takes them"
    )
    scoring_groups: dict[str, Body] = Field({}, description="as `PUT /v1/scoring-groups` takes them")
    risk_groups: dict[str, Body] = Field({}, description="as `PUT /v1/risk-groups` takes them")
    automatic_limits: list[AutomaticLimitFact] = Field([], description="limits by risk group")
    workflows: list[Body] = Field([], description="as `PUT /v1/workflows/{company}/{type}` of the service takes them")


class TemporaryFact(Fact):
    """A limit that replaces the permanent one for a while; posted as an adjustment."""

    amount: Money
    from_date: BusinessDate
    to_date: BusinessDate


class PolicyFact(Fact):
    """An insurance or guarantee."""

    name: str | None = Field(None, description="what later steps call it; its kind when absent")
    kind: Literal["insurance", "guarantee"] = "insurance"
    value: Money
    currency: str | None = None
    update_credit_limit_pct: Decimal = Field(Decimal(0), description="so much of the value raises the limit")
    included_in_exposure: Flag = Field(False, description="the exposure value is the limit without it")
    effective_from: BusinessDate | None = Field(None, description="a year ago when absent")
    expires_on: BusinessDate | None = Field(None, description="last day; in a year when absent")
    type: str | None = Field(None, description="of the list policy-types; GENERAL, which is always there, when absent")
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
    currency: str | None = Field(None, description="of the customer; the company's when absent")
    payment_terms: str | None = Field(None, description="default terms of payment")
    cash_discount: str | None = Field(None, description="default cash discount")
    country: str | None = None
    customer_since: BusinessDate | None = None
    business_started: BusinessDate | None = None
    known: Flag = Field(True, description="false: the ERP has not sent its master data")
    limit: Money | None = Field(None, description="permanent credit limit; 0 is no credit")
    expiry_date: BusinessDate | None = Field(None, description="of the limit")
    mandatory: Flag | None = Field(None, description="the limit is tested whatever the parameters say")
    unlimited: Flag | None = Field(None, description="no limit is tested")
    excluded: Flag | None = Field(None, description="excluded from credit management")
    account_status: str | None = None
    hold_effect: Literal["no", "invoice", "all"] | None = Field(
        None, description="what is stopped, whatever the rules say"
    )
    credit_management_group: str | None = None
    next_review_date: BusinessDate | None = None
    profile: Body = Field({}, description="further fields of the credit profile, as its API has them")
    temporary_limits: list[TemporaryFact] = Field([], description="posted as adjustments")
    policies: list[PolicyFact] = Field([], description="insurances and guarantees")
    risk_values: dict[str, str] = Field({}, description="typed values by scoring group")
    revenues: list[RevenueFact] = Field([], description="for automatic limits")
    invoice_account: str | None = Field(
        None, description="name of the customer who is billed, also for orders of this one"
    )
    identification: str | None = Field(None, description="government identification number")
    more: Body = Field({}, description="further fields of erp.customer.changed.v1")
    balance: Money | None = Field(None, description="what is owed and not due; below zero: an unapplied payment")


class GroupFact(Fact):
    """A customer credit group: one limit for customers of any company."""

    limit: Money = Field(description="shared by all members")
    currency: str = "EUR"
    expiry_date: BusinessDate | None = None
    check_member_overdue: Flag = Field(False, description="overdue members hold the orders of all")
    owner_company: str | None = Field(None, description="whose workflow governs it; the first company when absent")
    members: Texts = Field([], description="names of customers in the file")
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

    roles: Texts | None = Field(None, description="roles, or single permissions; administer when nothing is said")
    permissions: Texts = Field([], description="single permissions, besides the roles")
    companies: Texts = Field(["*"], description="companies of the file; * for all")

    @property
    def granted(self) -> list[str]:
        """Roles and permissions."""
        roles = self.roles if self.roles is not None or self.permissions else ["administer"]
        return [*(roles or ()), *self.permissions]


class EventFact(Fact):
    """Any event of the catalogue, by its type."""

    type: str
    body: Body = Field({}, description="what is left out is filled in, as in events with a short name")


class Facts(Fact):
    """What is there before the first step."""

    today: BusinessDate | None = Field(None, description="the first day; 2026-03-02 when absent")
    companies: Named[CompanyFact] = Field({}, description="by name; DE01 when absent")
    rates: list[RateFact] = Field([], description="exchange rates")
    customers: Named[CustomerFact] = Field({}, description="by the name that the file uses")
    credit_groups: dict[str, GroupFact] = Field({}, description="customers who share a limit")
    users: Named[UserFact] = Field({}, description="who acts in steps; what each may do")
    open_items: list[Body] = Field([], description="as in erp.invoice.posted.v1; `days_late` sets the due date")
    orders: list[Body] = Field([], description="orders as in erp.order.changed.v1")
    deliveries: list[Body] = Field([], description="as in erp.delivery.posted.v1")
    payments: list[Body] = Field([], description="as in erp.payment.posted.v1")
    credit_notes: list[Body] = Field([], description="as in erp.credit-note.posted.v1")
    settlements: list[Body] = Field([], description="as in erp.settlement.posted.v1")
    disputes: list[Body] = Field([], description="as in erp.document.disputed.v1; disputed when not said")
    events: list[EventFact] = Field([], description="any other events that have come before the first step")
