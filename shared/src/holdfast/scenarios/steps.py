"""What happens in a scenario and what is expected then."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from holdfast.contracts.scalars import BusinessDate
from holdfast.scenarios.facts import Body, CheckpointFact, Fact, Facts, Money, RuleFact

Subset = dict[str, Any]
"""Field (dots lead inside, a number chooses from a list) to the value expected there."""
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


class EventStep(Fact):
    """Any event of the catalogue, by its type."""

    type: str
    body: Body


class CheckStep(Fact):
    """A credit check over HTTP; the total is that of the order when absent."""

    order: str
    total: Money | None = None
    currency: str | None = None
    customer: str | None = None
    company: str | None = None
    checkpoint: str = "confirmation"
    proforma: bool = False
    attempt: str | None = Field(None, description="the same attempt is answered once; a new one when absent")
    order_version: int | None = None
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
    company: str | None = None
    body: Body = Field({}, description="further fields of the request")
    version: int | Literal["any"] | None = Field(None, description="the version that was read, when not the newest")


class ReleaseStep(OnHold):
    """Release or reject with a reason."""

    reason: str | None = None
    mode: Literal["with_posting", "without_posting"] | None = None
    note: str | None = None


class ForceStep(Fact):
    """Put orders on hold, one or many."""

    orders: list[str] = Field([])
    customers: list[str] = Field([])
    reason: str | None = None
    company: str | None = None
    note: str | None = None


class BulkStep(Fact):
    """The same action on the holds of many orders."""

    action: Literal["release", "reject", "evaluate", "submit", "approve", "deny", "recall"]
    orders: list[str]
    company: str | None = None
    reason: str | None = None
    mode: Literal["with_posting", "without_posting"] | None = None


class EvaluateStep(Fact):
    """Run the rules again on held orders: all, those of a customer, or chosen ones."""

    company: str | None = None
    customer: str | None = None
    orders: list[str] = Field([])


class LimitStep(Fact):
    """Edit a credit profile."""

    customer: str
    limit: Money | None = None
    currency: str | None = None
    expiry_date: BusinessDate | None = None
    mandatory: bool | None = None
    unlimited: bool | None = None
    excluded: bool | None = None
    body: Body = Field({})


class SetupStep(Fact):
    """Change what a company has set up."""

    company: str | None = None
    parameters: Body = Field({})
    checkpoints: dict[str, CheckpointFact] = Field({})
    rule: RuleFact | None = None


class TaskStep(Fact):
    """A periodic task of credit-service for a company, to its end."""

    name: str = Field(description="as `GET /v1/tasks` lists it")
    company: str | None = None
    as_of: BusinessDate | None = Field(None, description="the business date when absent")
    customers: list[str] | None = Field(None, description="names in the file; all when absent")
    options: Body = Field({}, description="as `GET /v1/tasks` describes them")


class CallStep(Fact):
    """Any request to a service's API."""

    service: Literal["credit-service", "hold-service"] = "hold-service"
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str
    body: Any = None
    if_match: str | None = Field(None, description="`newest` reads the resource first, `new` creates")


class EventExpected(Fact):
    """An event by its type and some of its fields."""

    type: str
    fields: Subset = Field({})


class ExposureExpected(Fact):
    """The exposure of a customer as credit-service tells it."""

    customer: str | None = None
    fields: Subset


class HoldExpected(Fact):
    """The newest hold of an order."""

    order: str | None = None
    exists: bool = True
    active: bool | None = None
    reasons: list[str] | None = Field(None, description="exactly the active reasons")
    cleared: list[str] | None = Field(None, description="reasons that are no longer active, among others")
    primary: str | None = Field(None, description="the single active reason, or multiple")
    ready: bool | None = Field(None, description="ready for release, but still held")
    workflow: str | None = Field(None, description="state of the release workflow")
    fields: Subset = Field({})


class JournalExpected(Fact):
    """An adjustment journal: the last one that was made."""

    fields: Subset = Field({}, description="of the journal")
    lines: list[Subset] | None = Field(None, description="exactly these lines, in their sequence")


class ListExpected(Fact):
    """How many rows a list has, or that something is not in it."""

    path: str = "/v1/holds"
    service: Literal["credit-service", "hold-service"] = "hold-service"
    params: dict[str, str | int | bool] = Field({})
    count: int | None = None
    orders: list[str] | None = Field(None, description="exactly these orders, in any sequence")
    without: str | None = Field(None, description="no row has this order or customer")
    user: str | None = None


class GetExpected(Fact):
    """What a resource shows."""

    path: str
    service: Literal["credit-service", "hold-service"] = "hold-service"
    user: str | None = None
    status: int | None = None
    fields: Subset = Field({})


class Expect(Fact):
    """What is expected after a step; each field is one line of the report."""

    outcome: Literal["cleared", "held"] | None = None
    outcomes: dict[str, int] | None = Field(None, description="of parallel checks: how many of each")
    checked: bool | None = None
    because: str | None = Field(None, description="part of the sentence that says why no rule ran")
    reasons: list[str] | None = Field(None, description="exactly these reasons")
    multiple: bool | None = Field(None, description="more than one reason")
    level: Literal["own", "group"] | None = Field(None, description="whose limit governs")
    figures: Subset = Field({}, description="numbers of the decision, such as exposure or used_percent")
    accepted: bool | None = None
    accepted_amount: Decimal | None = None
    message: str | None = Field(None, description="of a limit check: none, warning or error")
    refused: str | None = Field(None, description="problem type the command is refused with; a status will do too")
    warned: str | None = Field(None, description="part of a warning in the answer")
    fields: Subset = Field({}, description="of the answer")
    lines: list[Subset] | None = Field(None, description="of a bulk action: each line in its sequence")
    hold: HoldExpected | None = None
    journal: JournalExpected | None = None
    exposure: ExposureExpected | list[ExposureExpected] | None = None
    list_: Annotated[ListExpected | list[ListExpected] | None, Field(alias="list")] = None
    get: GetExpected | list[GetExpected] | None = None
    holds: int | None = Field(None, description="active holds of the scenario's companies")
    events: list[str | EventExpected] | None = Field(None, description="exactly the events this step has published")
    event_counts: dict[str, int] | None = Field(None, description="by type, of this step")


class Step(Fact):
    """One thing that happens, and what is expected then."""

    on: BusinessDate | None = Field(None, description="the day; as the step before when absent")
    at: datetime | None = Field(None, description="the instant, when the day is not enough")
    days: int | None = Field(None, ge=0, description="so many days pass before")
    user: str | None = Field(None, description="who does it; somebody who may do everything when absent")
    times: int = Field(1, ge=1, le=10, description="the same message is delivered so often")
    customer: Body | None = None
    company: Body | None = None
    terms: Body | None = None
    rate: Body | None = None
    go_live: Body | None = None
    invoice: Body | None = None
    credit_note: Body | None = None
    payment: Body | None = None
    settlement: Body | None = None
    reverse_settlement: Body | None = None
    return_payment: Body | None = None
    cancel_document: Body | None = None
    dispute: Body | None = None
    report_balance: Body | None = None
    order: Body | None = None
    cancel_order: Body | None = None
    delivery: Body | None = None
    request: Body | None = Field(None, description="a check over the bus")
    event: EventStep | None = None
    check: CheckStep | None = None
    limit_check: LimitCheckStep | None = None
    release: ReleaseStep | None = None
    reject: ReleaseStep | None = None
    submit: ReleaseStep | None = None
    recall: OnHold | None = None
    approve: OnHold | None = None
    deny: OnHold | None = None
    edit_hold: OnHold | None = None
    force: ForceStep | None = None
    bulk: BulkStep | None = None
    evaluate: EvaluateStep | None = None
    edit_limit: LimitStep | None = None
    setup: SetupStep | None = None
    generate: Body | None = Field(None, description="a journal, as `POST /v1/adjustments/generate` takes it")
    post: Body | None = Field(None, description="the last journal, or the one that `journal` names, is posted")
    task: TaskStep | None = Field(None, description="a periodic task runs now; it may make a journal")
    call: CallStep | None = None
    job: str | None = Field(None, description="a periodic job of a service runs now")
    parallel: list[Step] | None = Field(None, description="steps that happen at the same time")
    expect: Expect | None = None

    actions: ClassVar[tuple[str, ...]] = (
        *EVENTS, "event", "check", "limit_check", "release", "reject", "submit", "recall", "approve", "deny",
        "edit_hold", "force", "bulk", "evaluate", "edit_limit", "setup", "generate", "post", "task", "call", "job",
        "parallel",
    )  # fmt: skip

    @property
    def action(self) -> str | None:
        """What happens; None when only days pass."""
        return next((name for name in self.actions if getattr(self, name) is not None), None)

    @model_validator(mode="after")
    def _one_action(self) -> Step:
        found = [name for name in self.actions if getattr(self, name) is not None]
        if len(found) > 1:
            raise ValueError(f"a step is one thing, not {' and '.join(found)}; make them two steps")
        if not found and self.expect is None and self.days is None and self.on is None and self.at is None:
            raise ValueError(f"a step needs one of {', '.join(self.actions)}, or something to expect")
        return self


class Scenario(Facts):
    """One story: facts, then steps with what is expected after each."""

    name: str
    about: str = ""
    steps: list[Step] = Field(min_length=1)


class ScenarioFile(Fact):
    """A file of scenarios; `given` are facts that all of them start from, unless they say otherwise."""

    given: Facts = Facts()
    scenarios: list[Scenario] = Field(min_length=1)
