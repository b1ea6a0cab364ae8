"""What-if runs go on batch by batch, so that their progress shows and a stopped process loses nothing."""

from __future__ import annotations

import orjson

from hold_service.checks.picture import FACTS
from hold_service.rules.evaluation import RuleBook
from hold_service.setups.model import RULES
from hold_service.whatif import store
from hold_service.whatif.model import Stored, differences, needed
from holdfast.database.work import Work
from holdfast.receivables.rates import read_rates

BATCH = 1_000


async def run_what_if(work: Work) -> bool:
    """One batch of the oldest run; True when there may be more to do. Decisions that no rule was asked about stay
    what they are."""
    run = await store.next_run(work)
    if run is None:
        return False
    rows = await store.batch(work, run, BATCH)
    book = RuleBook(RULES.validate_python(run["rules"]))
    stored = [
        Stored(str(row["id"]), row["outcome"], FACTS.validate_python(orjson.loads(row["facts"])))
        for row in rows
        if row["facts"] not in (None, "null")
    ]
    rates = await read_rates(work, needed(stored, book, await store.rate_type(work, run["company"])))
    found = differences(stored, book, rates)
    await store.step(work, run["id"], rows, len(stored), found, done=len(rows) < BATCH)
    return True
