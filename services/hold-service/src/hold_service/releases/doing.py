"""Releases and rejections as a person asks for them: at once, or submitted where a workflow is active."""

from __future__ import annotations

import asyncpg

from hold_service.holds import store
from hold_service.releases import acts, approval
from hold_service.releases.model import RejectRequest, ReleaseRequest
from holdfast.approvals import flow
from holdfast.database.work import Work
from holdfast.web.auth import Caller


async def release_hold(work: Work, row: asyncpg.Record, given: ReleaseRequest, caller: Caller) -> asyncpg.Record:
    """Let an order go on, or ask for it; answers the hold as it is now. Raises Problem."""
    approval.must_be_free(row, caller, "release")
    if await approval.is_needed(work, row, "release", given.model_dump(mode="json")):
        return await submit_release(work, row, given, caller)
    return await _ended(work, row, await acts.release_now(work, row, given, caller.subject), caller)


async def reject_hold(work: Work, row: asyncpg.Record, given: RejectRequest, caller: Caller) -> asyncpg.Record:
    """Refuse an order, or ask for it; answers the hold as it is now. Raises Problem."""
    approval.must_be_free(row, caller, "reject")
    if await approval.is_needed(work, row, "reject", given.model_dump(mode="json")):
        await approval.submit(work, row, "reject", given.model_dump(mode="json"), caller)
        return await _now(work, row)
    return await _ended(work, row, await acts.reject_now(work, row, given, caller.subject), caller)


async def submit_release(work: Work, row: asyncpg.Record, given: ReleaseRequest, caller: Caller) -> asyncpg.Record:
    """Ask for a release; answers the hold as it is now. Raises Problem."""
    await acts.check_release(work, row, given)
    await approval.submit(work, row, "release", given.model_dump(mode="json"), caller)
    return await _now(work, row)


async def decide_release(
    work: Work, row: asyncpg.Record, decision: flow.Decision, note: str | None, caller: Caller
) -> asyncpg.Record:
    """Approve, deny or send back what was asked for, or take it back; answers the hold as it is now. Raises Problem."""
    found = await approval.open_request(work, row)
    await flow.decide(work, approval.KINDS, found["id"], caller, decision, note)
    return await _now(work, row)


async def _ended(work: Work, row: asyncpg.Record, after: asyncpg.Record, caller: Caller) -> asyncpg.Record:
    await approval.overtaken(work, row, f"{after['closed_as']} without it", caller.subject)
    return await _now(work, row)


async def _now(work: Work, row: asyncpg.Record) -> asyncpg.Record:
    after = await store.read_hold(work, row["id"])
    assert after is not None
    return after
