"""What a step may do: events of the ERP, checks, commands of a user."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from holdfast.contracts.scalars import BusinessDate
from holdfast.scenarios.expected import Service
from holdfast.scenarios.facts import (
    Body,
    Checkpoints,
    Fact,
    Flag,
    Money,
    PolicyFact,
    RuleFact,
    Texts,
)  # fmt: skip

EVENTS: dict[str, str] = {
    "customer": "erp.customer.changed.v1", "company": "erp.company.changed.v1", "terms": "erp.payment-terms.changed.v1",
    "rate": "erp.exchange-rate.published.v1", "go_live": "erp.company.went-live.v1",
    "invoice": "erp.invoice.posted.v1", "credit_note": "erp.credit-note.posted.v1", "payment": "erp.payment.posted.v1",
    "settlement": "erp.settlement.posted.v1", "reverse_settlement": "erp.settlement.reversed.v1",
    "return_payment": "erp.payment.returned.v1", "cancel_document": "erp.document.cancelled.v1",
    "dispute": "erp.document.disputed.v1", "report_balance": "erp.balance.reported.v1",
    "order": "erp.order.changed.v1", "cancel_order": "erp.order.cancelled.v1", "delivery": "erp.delivery.posted.v1",
    "request": "erp.order.checkpoint-requested.v1",
}  # fmt: skip
"""Short names of steps for ERP events."""


class CheckStep(Fact):
    """A credit check over HTTP; the total is that of the order when absent."""

    order: str
    total: Money | None = Field(None, description="that of the order when absent")
    currency: str | None = Field(None, description="that of the order, else of the company, when absent")
    customer: str | None = Field(None, description="that of the order, else the first one, when absent")
    company: str | None = None
    checkpoint: str = "confirmation"
    proforma: Flag = False
    attempt: str | None = Field(None, description="the same attempt is answered once; a new one when absent")
    order_version: int | None = Field(None, description="that of the order when absent")
    preview: Flag = Field(False, description="asks only: nothing is stored, held or published")
    more: Body = Field({}, description="further fields of erp.order.checkpoint-requested.v1")


class LimitCheckStep(Fact):
    """A limit check without an order and without a hold."""

    customer: str | None = None
    company: str | None = None
    kind: Literal["free_text_invoice", "on_account"] = "free_text_invoice"
    amount: Money
    currency: str | None = None


class OnHold(Fact):
    """A command about the hold of an order; the newest one of that order."""

    order: str
    company: str | None = Field(None, description="where the order is, when several companies have its number")
    body: Body = Field({}, description="further fields of the request")
    version: int | Literal["any"] | None = Field(None, description="the version that was read, when not the newest")


class OnAsked(OnHold):
    """A decision about the release of an order; without one about what credit-service was asked to approve."""

    order: str | None = None  # type: ignore[assignment]
    approval: int | None = Field(None, ge=1, description="which one, where the step before has asked for several")
    note: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> OnAsked:
        if self.order is not None and self.approval is not None:
            raise ValueError("name an order or an approval, not both")
        return self


class ReleaseStep(OnHold):
    """Release or reject with a reason."""

    reason: str | None = None
    mode: Literal["with_posting", "without_posting"] | None = None
    note: str | None = None


class SubmitStep(ReleaseStep):
    """Ask for approval of a release; without an order, of the adjustment journal that was made last."""

    order: str | None = None  # type: ignore[assignment]


class ForceStep(Fact):
    """Put orders on hold, one or many."""

    orders: Texts = Field([])
    customers: Texts = Field([], description="all open orders of these customers of the file")
    reason: str | None = None
    company: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _some(self) -> ForceStep:
        if not self.orders and not self.customers:
            raise ValueError("name orders, or customers")
        return self


class BulkStep(Fact):
    """The same action on the holds of many orders."""

    action: Literal["release", "reject", "evaluate", "submit", "approve", "deny", "recall"]
    orders: Texts = Field(min_length=1)
    company: str | None = None
    reason: str | None = None
    mode: Literal["with_posting", "without_posting"] | None = None
    note: str | None = None


class EvaluateStep(Fact):
    """Run the rules again on held orders: all, those of a customer, or chosen ones."""

    company: str | None = None
    customer: str | None = None
    orders: Texts = Field([])


class LimitStep(Fact):
    """Edit a credit profile; what is not named stays as it is."""

    customer: str
    company: str | None = None
    limit: Money | None = None
    currency: str | None = None
    expiry_date: BusinessDate | None = None
    mandatory: Flag | None = None
    unlimited: Flag | None = None
    excluded: Flag | None = None
    account_status: str | None = None
    hold_effect: Literal["no", "invoice", "all"] | None = None
    credit_management_group: str | None = None
    next_review_date: BusinessDate | None = None
    body: Body = Field({}, description="further fields of the credit profile, as its API has them")


class SetupStep(Fact):
    """Change what a company has set up; ends with the first refusal."""

    company: str | None = None
    parameters: Body = Field({}, description="any parameter of credit-service or hold-service, by its name")
    checkpoints: Checkpoints = Field({}, description="documents that are checked from now on, or differently")
    rule: RuleFact | None = Field(None, description="one more rule")

    @model_validator(mode="after")
    def _something(self) -> SetupStep:
        if not self.parameters and not self.checkpoints and self.rule is None:
            raise ValueError("name parameters, checkpoints or a rule")
        return self


class RuleStep(Fact):
    """A rule that is there, by its name in the file, or by its kind."""

    rule: str
    set: Body = Field({}, description="the fields that change")


class PolicyStep(PolicyFact):
    """One more policy of a customer."""

    customer: str | None = None


class KnownPolicyStep(Fact):
    """A policy that is there, by its name in the file, or by its kind."""

    policy: str
    set: Body = Field({}, description="the fields that change")


class WhatIfStep(Fact):
    """Try a whole rule set on the decisions of a period; the answer is the finished run with its counts."""

    company: str | None = None
    rules: list[RuleFact]
    since: datetime | date | None = Field(None, description="the first day of the scenario when absent")
    until: datetime | date | None = Field(None, description="now when absent; not included")


class TaskStep(Fact):
    """A periodic task of credit-service for a company, to its end."""

    name: str = Field(description="as `GET /v1/tasks` lists it")
    company: str | None = None
    as_of: BusinessDate | None = Field(None, description="the business date when absent")
    customers: Texts | None = Field(None, description="names in the file; all when absent")
    options: Body = Field({}, description="as `GET /v1/tasks` describes them")


class CallStep(Fact):
    """Any request to a service's API."""

    service: Service = "hold-service"
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str = Field(description="`{company}` and other names in braces stand for what the services call them")
    body: Any = None
    if_match: str | None = Field(None, description="`newest` reads the resource first, `new` creates")
    keep: dict[str, str] = Field({}, description="name to a field of the answer; later steps say `{name}`")
