"""Fills a journal with generated lines, by whatever door they are asked for (spec 2.10, 2.11)."""

from __future__ import annotations

from typing import Any

import asyncpg

from credit_service.adjustments.automatic import Wanted, fill, shown_left_out
from credit_service.adjustments.bodies import GenerateBody
from credit_service.adjustments.eligible import MOST_NAMED, drop_refused, warnings
from credit_service.adjustments.generating import generate
from credit_service.adjustments.model import JournalType
from credit_service.profiles.changing import company_of
from holdfast.database.work import Work
from holdfast.platform.clock import local_date
from holdfast.web import audit
from holdfast.web.problems import Problem


async def fill_journal(work: Work, journal: asyncpg.Record, given: GenerateBody, who: str) -> dict[str, Any]:
    """Append the lines to a locked journal; answers what became of whom. Raises Problem 422."""
    number, company, kind = journal["number"], journal["company"], JournalType(journal["type"])
    if kind is JournalType.TEMPORARY and given.date_method != "relative" and given.new_from is None:
        raise Problem(422, "invalid", "The request is not valid", "new_from: a temporary limit needs a first day.")
    master = await company_of(work, company)
    today, order = local_date(work.business_now, master["time_zone"]), given.order(kind)
    if isinstance(order, Wanted):
        found = await fill(work, number, company, order, today)
        made: dict[str, Any] = {"lines": found.lines, "left_out": shown_left_out(found)}
    else:
        done = await generate(work, number, company, kind, order, master["currency"], today)
        made = {"lines": done.lines, "without_date": done.refused, "without_date_named": done.named,
                "overlapping": done.overlapping, "overlapping_named": done.overlapping_named}  # fmt: skip
    dropped = await drop_refused(work, number, company)
    made |= {
        "lines": made["lines"] - len(dropped), "above_eligible": len(dropped),
        "above_eligible_named": dropped[:MOST_NAMED], "warnings": await warnings(work, number, company),
    }  # fmt: skip
    await audit.record(
        work, who=who, what="adjustment.generated", company=company, subject=number, before=None,
        after=given.model_dump(mode="json") | {"lines": made["lines"]},
    )  # fmt: skip
    return made
