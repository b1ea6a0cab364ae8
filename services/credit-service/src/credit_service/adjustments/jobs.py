"""The generation of adjustments as a task: by API, by command, and so by any scheduler (spec 2.11, section 4)."""

from __future__ import annotations

from pydantic import Field

from credit_service.adjustments import store
from credit_service.adjustments.automatic import SOURCE
from credit_service.adjustments.bodies import GenerateBody
from credit_service.adjustments.drafting import draft_journal
from credit_service.adjustments.filling import fill_journal
from credit_service.adjustments.model import JournalType
from credit_service.tasks.model import Options, Run, Step, Task
from holdfast.contracts.base import Text
from holdfast.database.work import Work

NAME = "generate-adjustments"


class Generation(GenerateBody, Options):
    """Which journal is drafted, and what it is filled with."""

    type: JournalType = JournalType.PERMANENT
    description: Text = Field("", max_length=200, description="of the journal")


async def _generate(work: Work, run: Run) -> Step:
    """One draft journal, or none when nobody would have a line; the customers of the run are whom it is for."""
    options: Generation = run.options
    given = options if run.customers is None else options.model_copy(update={"customers": run.customers})
    about = options.description or f"Generated as of {run.as_of.isoformat()}"
    source = SOURCE if given.source == SOURCE else "generated"
    number = await draft_journal(
        work, run.company, options.type, [], by=run.started_by, description=about, source=source
    )
    journal = await store.read(work, number, lock=True)
    assert journal is not None
    lines = (await fill_journal(work, journal, given, run.started_by))["lines"]
    if lines == 0:
        await store.remove(work, number)
    return Step(None, lines, lines, 0, number if lines else None)


GENERATE_ADJUSTMENTS = Task(
    NAME, "drafts a journal of limits that exist, raised, lowered and rounded, or of automatic ones; whoever schedules "
    "it says which", _generate, Generation, scheduled=False,
)  # fmt: skip
