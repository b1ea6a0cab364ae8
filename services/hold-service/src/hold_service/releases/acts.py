"""Release and reject on one locked hold, as one route, a line of a bulk action or an approval does it."""

from __future__ import annotations

import asyncpg

from hold_service.checks.loaded import hold_number
from hold_service.holds import store
from hold_service.holds.release import Release, known_of, reject, release
from hold_service.holds.shown import shown_hold
from hold_service.reasons.known import must_exist
from hold_service.releases.model import RejectRequest, ReleaseRequest
from holdfast.database.work import Work
from holdfast.receivables.money import rounded
from holdfast.web import audit
from holdfast.web.problems import field_problem


async def check_release(work: Work, row: asyncpg.Record, given: ReleaseRequest) -> None:
    """Whether a release can be done as it was asked for. Raises Problem 422."""
    await must_exist(work, row["company"], "release", given.reason)
    if given.mode == "with_posting" and row["attempted_at"] is None:
        raise field_problem(
            422, "nothing-to-post", "There is nothing to post", "mode", given.mode,
            "nobody has tried to post a document of this order, so that none can go back to the ERP",
            "Send without_posting; the ERP asks again when it posts the order.",
        )  # fmt: skip
    if given.valid_until is not None:
        today = (await known_of(work, row)).position.check_date
        if given.valid_until < today:
            raise field_problem(
                422, "invalid", "The request is not valid", "valid_until", given.valid_until.isoformat(),
                f"has passed; today is {today}", "Send today or a day that is still to come.",
            )  # fmt: skip
    wanted, code = given.up_to_amount, row["order_currency"]
    if wanted is not None and rounded(wanted, code) != wanted:
        raise field_problem(
            422, "invalid", "The request is not valid", "up_to_amount", str(wanted),
            f"finer than the minor unit of {code}", "Send an amount in whole minor units.",
        )  # fmt: skip
    try:
        given.amount(row)
    except ValueError as error:
        shown = ", ".join(map(str, given.lines))
        raise field_problem(
            422,
            "invalid",
            "The request is not valid",
            "lines",
            shown,
            str(error),
            "Choose from the lines of the order.",
        ) from None


async def release_now(work: Work, row: asyncpg.Record, given: ReleaseRequest, who: str) -> asyncpg.Record:
    """Let an order go on; answers the hold as it is now. Raises Problem 422."""
    await check_release(work, row, given)
    if given.review_date is not None:
        await store.edit(work, row["id"], given.review_date, row["notes"])
    await release(work, row, Release(
        who, given.reason, given.mode, note=given.note, amount=given.amount(row), lines=given.lines,
        valid_until=given.valid_until,
    ))  # fmt: skip
    return await _noted(work, row, who, "hold.released", given.note or given.reason)


async def reject_now(work: Work, row: asyncpg.Record, given: RejectRequest, who: str) -> asyncpg.Record:
    """Refuse an order; answers the hold as it is now. Raises Problem 422."""
    if given.reason is not None:
        await must_exist(work, row["company"], "release", given.reason)
    await reject(work, row, who, given.reason, given.note)
    return await _noted(work, row, who, "hold.rejected", given.note or given.reason)


async def _noted(work: Work, row: asyncpg.Record, who: str, what: str, why: str | None) -> asyncpg.Record:
    after = await store.read_hold(work, row["id"])
    assert after is not None
    await audit.record(
        work, who=who, what=what, company=row["company"], subject=hold_number(row["id"]),
        before=shown_hold(row), after=shown_hold(after), why=why,
    )  # fmt: skip
    return after
