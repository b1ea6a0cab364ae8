"""What-if runs go on batch by batch, so that their progress shows and a stopped process loses nothing."""

from __future__ import annotations

import asyncpg
import orjson

from hold_service.checks.picture import FACTS
from hold_service.rules.evaluation import RuleBook
from hold_service.setups.model import RULES
from hold_service.whatif import store
from hold_service.whatif.model import Difference, difference
from holdfast.database.work import Work

BATCH = 1_000


async def run_what_if(work: Work) -> bool:
    """One batch of the oldest run; True when there may be more to do."""
    run = await store.next_run(work)
    if run is None:
        return False
    rows = await store.batch(work, run, BATCH)
    told = [row for row in rows if row["facts"] not in (None, "null")]
    await store.step(work, run["id"], rows, len(told), _try(run, told), done=len(rows) < BATCH)
    return True


def _try(run: asyncpg.Record, rows: list[asyncpg.Record]) -> list[Difference]:
    """Decisions that no rule was asked about stay what they are: their rows are left out by the caller."""
    book = RuleBook(RULES.validate_python(run["rules"]))
    found = (
        difference(str(row["id"]), row["outcome"], FACTS.validate_python(orjson.loads(row["facts"])), book)
        for row in rows
    )
    return [one for one in found if one is not None]
