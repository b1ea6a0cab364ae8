"""What may be expected after a step; each field that a file names is one line of the report."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from holdfast.scenarios.facts import Fact, Flag, Texts, as_list

Service = Literal["credit-service", "hold-service"]
Subset = dict[str, Any]
"""Field (dots lead inside, a number chooses from a list) to the value expected there."""
OF_FIELDS = "field to value; dots lead inside, a number chooses from a list"
OF_USER = "who asks; as the step when absent, somebody who may do everything when null"


class Said(Fact):
    """A part of what is expected. A field without a value would be a line that is never looked at: it is an error."""

    @model_validator(mode="after")
    def _each_says_something(self) -> Said:
        for name in sorted(self.model_fields_set - {"user"}):
            if getattr(self, name) is None:
                raise ValueError(f"{name.rstrip('_')} expects nothing; write a value, or leave it out")
        return self


def as_event(value: Any) -> Any:
    """An event may be written as its type alone."""
    return {"type": value} if isinstance(value, str) else value


class EventExpected(Said):
    """An event by its type and some of its fields."""

    type: str
    fields: Subset = Field({}, description=OF_FIELDS)


class ExposureExpected(Said):
    """The exposure of a customer, or of a credit group, as credit-service tells it."""

    customer: str | None = Field(None, description="name in the file; that of the step when absent")
    company: str | None = None
    credit_group: str | None = Field(None, description="of this credit group instead")
    fields: Subset = Field(min_length=1, description=OF_FIELDS)


class HoldExpected(Said):
    """The newest hold of an order."""

    order: str | None = Field(None, description="that of the step when absent")
    company: str | None = Field(None, description="where the order is, when several companies have its number")
    exists: Flag = True
    active: Flag | None = None
    reasons: Texts | None = Field(None, description="exactly the active reasons")
    cleared: Texts | None = Field(None, description="reasons that are no longer active, among others")
    primary: str | None = Field(None, description="the single active reason, or multiple")
    ready: Flag | None = Field(None, description="ready for release, but still held")
    workflow: str | None = Field(None, description="state of the release workflow")
    to_pass: Texts | None = Field(None, description="parts of what it would take now for the order to pass")
    fields: Subset = Field({}, description=OF_FIELDS)

    @model_validator(mode="after")
    def _there_or_not(self) -> HoldExpected:
        if not self.exists and self.model_fields_set - {"order", "company", "exists"}:
            raise ValueError("what does not exist shows nothing; leave the other fields out")
        return self


class JournalExpected(Said):
    """An adjustment journal: the last one that was made."""

    fields: Subset = Field({}, description=f"of the journal: {OF_FIELDS}")
    lines: list[Subset] | None = Field(None, description="exactly these lines, in their sequence")


class ListExpected(Said):
    """How many rows a list has, or that something is not in it."""

    path: str = Field("/v1/holds", description="as in `call`")
    service: Service = "hold-service"
    params: dict[str, str | int | bool] = Field({}, description="of the query; without `limit` all pages are read")
    status: int | None = Field(None, description="an answer that is a refusal fails, unless its status is expected")
    count: int | None = None
    orders: Texts | None = Field(None, description="exactly these orders, in any sequence")
    rows: list[Subset] | None = Field(None, description="exactly these rows, in their sequence")
    without: str | None = Field(None, description="no row has this order, customer, hold or id")
    user: str | None = Field(None, description=OF_USER)


class GetExpected(Said):
    """What a resource shows."""

    path: str = Field(description="as in `call`")
    service: Service = "hold-service"
    user: str | None = Field(None, description=OF_USER)
    status: int | None = Field(None, description="an answer that is a refusal fails, unless its status is expected")
    fields: Subset = Field({}, description=OF_FIELDS)


OneEvent = Annotated[EventExpected, BeforeValidator(as_event, json_schema_input_type=str | EventExpected)]
Events = Annotated[
    list[OneEvent], BeforeValidator(as_list, json_schema_input_type=OneEvent | list[OneEvent])
]  # fmt: skip
Exposures = Annotated[
    list[ExposureExpected],
    BeforeValidator(as_list, json_schema_input_type=ExposureExpected | list[ExposureExpected]),
]
Holds = Annotated[
    list[HoldExpected], BeforeValidator(as_list, json_schema_input_type=HoldExpected | list[HoldExpected])
]
Lists = Annotated[
    list[ListExpected], BeforeValidator(as_list, json_schema_input_type=ListExpected | list[ListExpected])
]
Gets = Annotated[list[GetExpected], BeforeValidator(as_list, json_schema_input_type=GetExpected | list[GetExpected])]


class Expect(Said):
    """What is expected after a step; each field is one line of the report."""

    outcome: Literal["cleared", "held"] | None = Field(None, description="of a check")
    outcomes: dict[str, int] | None = Field(
        None, description="of parallel steps: how many of each outcome, problem type or status, are taken or refused"
    )
    checked: Flag | None = Field(None, description="whether rules were asked")
    because: str | None = Field(None, description="part of the sentence that says why no rule ran, or words of it")
    reasons: Texts | None = Field(None, description="exactly these reasons")
    multiple: Flag | None = Field(None, description="more than one reason")
    level: Literal["own", "group"] | None = Field(None, description="whose limit governs")
    figures: Subset = Field({}, description="numbers of the decision, such as exposure or used_percent")
    explains: Texts | None = Field(None, description="parts of the sentences that explain the decision")
    to_pass: Texts | None = Field(None, description="parts of what it would take for the order to pass")
    accepted: Flag | None = Field(None, description="of a limit check")
    accepted_amount: Decimal | None = Field(None, description="of a limit check on account")
    message: Literal["none", "warning", "error"] | None = Field(None, description="of a limit check")
    refused: Flag | str | None = Field(
        None, description="problem type the command is refused with; a status, true or false will do too"
    )
    warned: str | None = Field(None, description="part of a warning in the answer")
    fields: Subset = Field({}, description=f"of the answer: {OF_FIELDS}")
    lines: list[Subset] | None = Field(None, description="of a bulk action: each line in its sequence")
    hold: Holds | None = None
    journal: JournalExpected | None = None
    exposure: Exposures | None = None
    list_: Annotated[Lists | None, Field(alias="list")] = None
    get: Gets | None = None
    holds: int | None = Field(None, description="active holds of the scenario's companies")
    events: Events | None = Field(None, description="exactly the events this step has published, in any sequence")
    event_counts: dict[str, int] | None = Field(None, description="by type, of this step")

    @model_validator(mode="after")
    def _something(self) -> Expect:
        if not self.model_fields_set:
            raise ValueError("nothing is expected here; leave expect out")
        return self


ABOUT_ALL = ("holds", "events", "event_counts", "list_", "outcomes")
"""What cannot be told of one of several things that happen at the same time."""
