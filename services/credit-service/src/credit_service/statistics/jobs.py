"""The update of statistics, and the deletion of old ones, as periodic tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pydantic import Field, model_validator

from credit_service.statistics import store
from credit_service.statistics.model import window_start
from credit_service.statistics.update import NAME, update_statistics
from credit_service.tasks.model import Options, Run, Step, Task
from credit_service.tasks.running import by_customers
from holdfast.contracts.scalars import BusinessDate
from holdfast.database.work import Work
from holdfast.web.problems import field_problem

MOST_ROWS = 20_000
GOING_ON = ""
"""Before the first customer: there is more to delete."""


class Deletion(Options):
    """Which daily rows go: those before a day, or those older than so many months."""

    delete_until: BusinessDate | None = Field(None, description="rows of days before this one go")
    keep_months: int | None = Field(None, ge=1, le=240, description="the company's own horizon when absent")

    @model_validator(mode="after")
    def _one_of_both(self) -> Deletion:
        if self.delete_until is not None and self.keep_months is not None:
            raise ValueError("send delete_until or keep_months, not both")
        return self


async def _compute(work: Work, run: Run, customers: Sequence[str]) -> Step:
    days = await update_statistics(work, run.company, customers, run.as_of, today=run.today)
    return Step(changed=len(days), incomplete=sum(day.is_incomplete for day in days))


async def _before(work: Work, run: Run) -> date:
    options: Deletion = run.options
    if options.delete_until is not None:
        return options.delete_until
    parameters = (await store.read_parameters(work, run.company)).parameters
    return window_start(run.as_of, options.keep_months or parameters.keep_months)


async def _refuse_cutting(work: Work, run: Run) -> None:
    """Rows that a configured window still reads stay (spec, section 4)."""
    parameters = (await store.read_parameters(work, run.company)).parameters
    longest = await store.longest_window(work, run.company, parameters)
    before, earliest = await _before(work, run), window_start(run.as_of, longest)
    if before > earliest:
        raise field_problem(
            422, "statistics-still-read", "These statistics are still read", "options.delete_until",
            before.isoformat(), f"cuts into the longest statistics window, {longest} months",
            f"Delete until {earliest.isoformat()} at most, or shorten the windows of the company.",
        )  # fmt: skip


async def _delete(work: Work, run: Run) -> Step:
    gone = await store.delete_days(work, run.company, await _before(work, run), MOST_ROWS)
    return Step(GOING_ON if gone == MOST_ROWS else None, changed=gone)


STATISTICS = Task(
    NAME, "writes the day's balance, limit and exposure, then DSO, payment days and averages; tells profiles anew "
    "whose average of days late has changed",
    by_customers(_compute),
)  # fmt: skip
DELETE_STATISTICS = Task(
    "delete-statistics", "removes daily rows that no statistics window reads any more", _delete, Deletion,
    _refuse_cutting,
)  # fmt: skip
