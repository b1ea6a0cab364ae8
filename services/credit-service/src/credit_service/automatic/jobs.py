"""The generation of automatic limits as a periodic task (spec 2.10, section 4)."""

from __future__ import annotations

from datetime import date, timedelta

from pydantic import Field

from credit_service.adjustments.automatic import Wanted, draft
from credit_service.automatic.model import Outcome
from credit_service.automatic.proposing import Chosen
from credit_service.parameters.model import Parameters
from credit_service.parameters.store import read_parameters
from credit_service.tasks.model import Options, Run, Step, Task
from holdfast.contracts.base import Text
from holdfast.contracts.scalars import BusinessDate
from holdfast.database.work import Work
from holdfast.web.problems import field_problem

NAME = "automatic-limits"
SCHEDULE = "schedule"
"""Who has started a run that nobody has asked for."""


class Generation(Options):
    """How long the limits last, and whether a line is made for what stays as it is too."""

    new_to: BusinessDate | None = Field(
        None, description="their last day; automatic_limits_valid_days from the day of the run when absent"
    )
    only_changes: bool = Field(
        True, description="no line for a limit that stays and does not expire soon, or that an open journal proposes"
    )
    description: Text = Field("", max_length=200, description="of the journal")


async def _generate(work: Work, run: Run) -> Step:
    parameters = (await read_parameters(work, run.company)).parameters
    if run.started_by == SCHEDULE and not parameters.automatic_limits_scheduled:
        return Step()
    options: Generation = run.options
    soon = run.as_of + timedelta(days=parameters.limit_expiry_notice_days)
    wanted = Wanted(Chosen(run.customers), _last(run, parameters), renew_until=soon if options.only_changes else None)
    about = options.description or f"Automatic limits as of {run.as_of.isoformat()}"
    number, found = await draft(work, run.company, wanted, run.as_of, run.started_by, about)
    return Step(None, found.customers, found.lines, found.without(Outcome.RATE_MISSING), number)


def _last(run: Run, parameters: Parameters) -> date:
    last: date | None = run.options.new_to
    return last or run.as_of + timedelta(days=parameters.automatic_limits_valid_days)


async def _refuse_expired(work: Work, run: Run) -> None:
    """A limit that ends before it is proposed helps nobody."""
    last: date | None = run.options.new_to
    if last is not None and last < run.as_of:
        raise field_problem(
            422, "invalid", "The request is not valid", "options.new_to", last.isoformat(),
            f"lies before the day of the run, {run.as_of.isoformat()}", "Send a later date, or none.",
        )  # fmt: skip


AUTOMATIC_LIMITS = Task(
    NAME, "drafts a journal of the limits that the rules propose; on schedule where the company wants it", _generate,
    Generation, _refuse_expired,
)  # fmt: skip
