"""What happens in a scenario, and what is expected then."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field, model_validator

from holdfast.contracts.scalars import BusinessDate
from holdfast.scenarios.commands import (
    EVENTS,
    BulkStep,
    CallStep,
    CheckStep,
    EvaluateStep,
    ForceStep,
    KnownPolicyStep,
    LimitCheckStep,
    LimitStep,
    OnAsked,
    OnHold,
    PolicyStep,
    ReleaseStep,
    RuleStep,
    SetupStep,
    SubmitStep,
    TaskStep,
    WhatIfStep,
)  # fmt: skip
from holdfast.scenarios.expected import ABOUT_ALL, Expect
from holdfast.scenarios.facts import Body, EventFact, Fact, Facts


class Step(Fact):
    """One thing that happens, and what is expected then."""

    about: str = Field("", description="a remark for readers")
    on: BusinessDate | None = Field(None, description="the day, at 08:00 UTC; a minute after the step before if absent")
    at: datetime | None = Field(None, description="the instant, when the day is not enough; UTC without an offset")
    days: int | None = Field(None, ge=0, description="so many days pass before")
    user: str | None = Field(None, description="who does it; somebody who may do everything when absent")
    times: int = Field(1, ge=1, le=10, description="the same message, or request under its key, comes so often")
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
    event: EventFact | None = None
    check: CheckStep | None = None
    limit_check: LimitCheckStep | None = None
    release: ReleaseStep | None = None
    reject: ReleaseStep | None = None
    submit: SubmitStep | None = None
    recall: OnAsked | None = None
    approve: OnAsked | None = None
    deny: OnAsked | None = None
    edit_hold: OnHold | None = None
    force: ForceStep | None = None
    bulk: BulkStep | None = None
    evaluate: EvaluateStep | None = None
    edit_limit: LimitStep | None = None
    setup: SetupStep | None = None
    change_rule: RuleStep | None = None
    remove_rule: RuleStep | None = None
    policy: PolicyStep | None = None
    change_policy: KnownPolicyStep | None = None
    remove_policy: KnownPolicyStep | None = None
    what_if: WhatIfStep | None = None
    generate: Body | None = Field(None, description="a journal, as `POST /v1/adjustments/generate` takes it")
    post: Body | None = Field(None, description="the last journal, or the one that `journal` names, is posted")
    task: TaskStep | None = Field(None, description="a periodic task runs now; it may make a journal")
    call: CallStep | None = None
    job: str | None = Field(None, description="a periodic job of a service runs now")
    parallel: list[Step] | None = Field(None, description="steps that happen at the same time")
    expect: Expect | None = None

    actions: ClassVar[tuple[str, ...]] = (
        *EVENTS, "event", "check", "limit_check", "release", "reject", "submit", "recall", "approve", "deny",
        "edit_hold", "force", "bulk", "evaluate", "edit_limit", "setup", "change_rule", "remove_rule", "policy",
        "change_policy", "remove_policy", "what_if", "generate", "post", "task", "call", "job", "parallel",
    )  # fmt: skip

    @property
    def action(self) -> str | None:
        """What happens; None when only days pass."""
        return next((name for name in self.actions if getattr(self, name) is not None), None)

    @model_validator(mode="before")
    @classmethod
    def _nothing_more_to_say(cls, given: Any) -> Any:
        """`evaluate:` with nothing behind it is `evaluate: {}`."""
        if not isinstance(given, dict):
            return given
        return {name: {} if value is None and name in cls.actions else value for name, value in given.items()}

    @model_validator(mode="after")
    def _one_action(self) -> Step:
        found = [name for name in self.actions if getattr(self, name) is not None]
        silent = sorted(n for n in self.model_fields_set - {"user"} if getattr(self, n) is None)
        if silent:
            raise ValueError(f"{silent[0]} says nothing; write a value, or leave it out")
        if len(found) > 1:
            raise ValueError(f"a step is one thing, not {' and '.join(found)}; make them two steps")
        if not found and not self.model_fields_set & {"expect", "days", "on", "at"}:
            raise ValueError(f"a step needs one of {', '.join(self.actions)}, or something to expect")
        if len(self.model_fields_set & {"on", "at", "days"}) > 1:
            raise ValueError("say only one of on, at and days")
        if self.times > 1 and self.action in (None, "job", "parallel"):
            raise ValueError("times is for messages and requests; write the step more than once")
        return self

    @model_validator(mode="after")
    def _together(self) -> Step:
        for other in self.parallel or ():
            dated = sorted(other.model_fields_set & {"on", "at", "days"})
            if dated or other.parallel is not None or other.action is None:
                what = dated[0] if dated else "such a step"
                raise ValueError(f"{what} is not for one of several steps at the same time; give it to the step around")
            for name in ABOUT_ALL:
                if other.expect is not None and name in other.expect.model_fields_set:
                    raise ValueError(f"{name.rstrip('_')} concerns all parallel steps; expect it of the step around")
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
