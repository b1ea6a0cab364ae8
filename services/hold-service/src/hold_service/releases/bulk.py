"""One action on many holds: each line succeeds or fails on its own, and says so (spec 3.7)."""

from __future__ import annotations

from typing import Any

from hold_service.checks.loaded import hold_number
from hold_service.groups.locks import lock_parties
from hold_service.holds import acting
from hold_service.holds.model import hold_id
from hold_service.holds.shown import shown_hold
from hold_service.parameters import PARAMETERS
from hold_service.rechecks.decide import evaluate
from hold_service.releases import doing, store
from hold_service.releases.model import BulkLine, BulkRequest, RejectRequest
from holdfast.database.work import Work, savepoint
from holdfast.web.auth import Caller
from holdfast.web.etags import etag
from holdfast.web.problems import Problem

MOST_EVALUATED = 500


async def act_on_all(work: Work, given: BulkRequest, caller: Caller) -> list[dict[str, Any]]:
    """Do it line by line, all customers locked before; answers what became of each."""
    rows = await store.holds_of(work, [hold_id(line.hold) for line in given.holds])
    seen = [row for row in rows if caller.sees(row["company"])]
    await lock_parties(work, {(row["company"], row["customer"]) for row in seen})
    return [await _line(work, line, given, caller) for line in given.holds]


async def _line(work: Work, line: BulkLine, given: BulkRequest, caller: Caller) -> dict[str, Any]:
    try:
        async with savepoint(work):
            tag = "*" if line.version is None else etag(line.version)
            row = await acting.locked(work, line.hold, caller, tag)
            if given.action == "evaluate":
                outcomes = await evaluated(work, [row])
                return {"hold": line.hold, "ok": True, "outcome": outcomes[row["id"]]}
            return _done(await _act(work, row, given, caller))
    except Problem as problem:
        return {"hold": line.hold, "ok": False, "problem": problem.body()}


async def _act(work: Work, row: Any, given: BulkRequest, caller: Caller) -> Any:
    if given.action == "release":
        return await doing.release_hold(work, row, given.release, caller)
    if given.action == "submit":
        return await doing.submit_release(work, row, given.release, caller)
    if given.action == "reject":
        return await doing.reject_hold(work, row, RejectRequest(reason=given.reason, note=given.note), caller)
    assert given.action in ("approve", "deny", "recall")
    return await doing.decide_release(work, row, given.action, given.note, caller)


def _done(row: Any) -> dict[str, Any]:
    return {
        "hold": hold_number(row["id"]),
        "ok": True,
        "outcome": row["closed_as"] or row["workflow_status"],
        "now": shown_hold(row),
    }


async def evaluated(work: Work, rows: list[Any]) -> dict[int, str]:
    """Evaluate some holds of locked customers; answers what became of each."""
    parties: dict[tuple[str, str], tuple[str, ...]] = {(row["company"], row["customer"]): () for row in rows}
    done = await evaluate(work, parties, PARAMETERS.most_facts_age, {row["id"] for row in rows})
    return {hold_id: outcome.value for hold_id, outcome in done.outcomes.items()}
