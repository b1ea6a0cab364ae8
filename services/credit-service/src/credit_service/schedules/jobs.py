"""Adjustment schedules as a periodic task: each day the journals of those that fall due (spec, section 4)."""

from __future__ import annotations

import asyncpg

from credit_service.adjustments.jobs import generate_journal
from credit_service.schedules import store
from credit_service.schedules.bodies import ScheduleBody
from credit_service.tasks.model import Run, Step, Task
from holdfast.database.work import Work


async def _run_next(work: Work, run: Run) -> Step:
    """One schedule a step."""
    row = await store.next_due(work, run.company, run.after, run.as_of)
    if row is None:
        return Step()
    given = ScheduleBody.model_validate(row["fields"])
    number, lines = await _generate(work, run, row, given)
    await store.has_run(work, run.company, row["id"], run.as_of, given.rhythm.after(run.as_of), number, lines)
    more = await store.next_due(work, run.company, row["id"], run.as_of)
    return Step(row["id"] if more else None, 1, int(number is not None), 0, number)


async def _generate(work: Work, run: Run, row: asyncpg.Record, given: ScheduleBody) -> tuple[str | None, int]:
    """The journal is its doing who has set the schedule: they do not approve it (spec 1.17)."""
    about = given.description or f"Schedule {row['id']} as of {run.as_of.isoformat()}"
    return await generate_journal(work, run.company, given.type, given.generation(run.as_of), row["set_by"], about)


SCHEDULED_ADJUSTMENTS = Task(
    "scheduled-adjustments", "drafts the journals of the adjustment schedules that fall due; a day that was missed is "
    "made up for once", _run_next,
)  # fmt: skip
