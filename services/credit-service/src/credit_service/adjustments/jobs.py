"""The generation of adjustments as a task: by API and by command (spec 2.11, section 4).

What recurs is set up as an adjustment schedule.
"""

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


async def generate_journal(
    work: Work, company: str, kind: JournalType, given: GenerateBody, by: str, description: str
) -> tuple[str | None, int]:
    """A draft journal and how many lines it has; none when nobody would have a line. Raises Problem 422."""
    source = SOURCE if given.source == SOURCE else "generated"
    number = await draft_journal(work, company, kind, [], by=by, description=description, source=source)
    journal = await store.read(work, number, lock=True)
    assert journal is not None
    lines = (await fill_journal(work, journal, given, by))["lines"]
    if lines == 0:
        await store.remove(work, number)
    return (number if lines else None), lines


async def _generate(work: Work, run: Run) -> Step:
    """The customers of the run are whom the journal is for."""
    options: Generation = run.options
    given = options if run.customers is None else options.model_copy(update={"customers": run.customers})
    about = options.description or f"Generated as of {run.as_of.isoformat()}"
    number, lines = await generate_journal(work, run.company, options.type, given, run.started_by, about)
    return Step(None, lines, lines, 0, number)


GENERATE_ADJUSTMENTS = Task(
    NAME, "drafts a journal of limits that exist, raised, lowered and rounded, or of automatic ones, as "
    "the run says", _generate, Generation, scheduled=False,
)  # fmt: skip
