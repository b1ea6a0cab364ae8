"""Releases and rejections that need somebody else's approval (spec 3.13), by the shared workflow."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import asyncpg

from hold_service.checks.limits import parts_of
from hold_service.checks.loaded import hold_number
from hold_service.groups.locks import lock_parties, must_have_locked
from hold_service.holds import store
from hold_service.holds.acting import must_be_active
from hold_service.holds.model import WAITING, Row, active_reasons, hold_id
from hold_service.holds.release import asked_again, known_of, order_value
from hold_service.parameters.model import HoldParameters
from hold_service.parameters.store import read_parameters
from hold_service.releases import acts
from hold_service.releases.model import RejectRequest, ReleaseRequest
from holdfast.approvals import flow, kinds, lapsing
from holdfast.approvals import store as approvals
from holdfast.approvals.kinds import Asked, Kind, TaskFailed
from holdfast.approvals.model import State
from holdfast.database.work import Work
from holdfast.web.auth import Caller
from holdfast.web.problems import Problem

NAME = "hold_release"
NOT_REASONS = frozenset({"ready_for_release"})
BESIDE = frozenset({"note", "review_date"})
"""What may be said otherwise when the release that was approved is done."""


async def _row(work: Work, asked: Asked) -> asyncpg.Record:
    row = await store.read_hold(work, hold_id(asked.subject))
    assert row is not None
    return row


async def _lock(work: Work, asked: Asked) -> None:
    row = await _row(work, asked)
    await lock_parties(work, {(row["company"], row["customer"])})
    row = await _row(work, asked)
    must_have_locked(work, {(row["company"], row["customer"])})


async def _basis(work: Work, asked: Asked) -> Any:
    """The order's value and its reasons. Less of either is still what was asked on; more of it is not (spec 1.17)."""
    now = await _basis_now(work, await _row(work, asked))
    found = await approvals.read(work, asked.id)
    return found["basis"] if found is not None and not _grown(found["basis"], now) else now


async def _basis_now(work: Work, row: Row) -> dict[str, Any]:
    value = order_value(row, await known_of(work, row))
    return {"value": str(value), "currency": row["order_currency"],
            "reasons": sorted(active_reasons(row) - NOT_REASONS)}  # fmt: skip


def _grown(before: dict[str, Any], now: dict[str, Any]) -> bool:
    more = Decimal(now["value"]) > Decimal(before["value"]) or now["currency"] != before["currency"]
    return more or not set(now["reasons"]) <= set(before["reasons"])


async def _amount(work: Work, asked: Asked) -> Decimal | None:
    """The exposure that results, in company currency: all that counts, whatever the limit type leaves out, so that
    splitting an order gains nothing. None where a rate lacks. Raises Problem 409 for a hold that has ended."""
    row = await _row(work, asked)
    must_be_active(row)
    known = await known_of(work, row)
    found = parts_of(asked_again(row, known), known)
    return None if found.missing_rates or not found.currency else found.exposure()


async def _take_effect(work: Work, asked: Asked, who: str) -> None:
    row = await _row(work, asked)
    if not row["active"]:
        raise TaskFailed("The hold has ended meanwhile.")
    if not (await parameters_of(work, asked.company)).approval_releases:
        return
    body = {name: value for name, value in asked.proposal.items() if name != "act"}
    try:
        if asked.proposal["act"] == "reject":
            await acts.reject_now(work, row, RejectRequest.model_validate(body), asked.requester)
        else:
            await acts.release_now(work, row, ReleaseRequest.model_validate(body), asked.requester)
    except Problem as problem:
        raise TaskFailed(problem.detail) from None


async def _told(work: Work, asked: Asked, state: State, who: str) -> None:
    row = await _row(work, asked)
    only_enabled = state is State.COMPLETED and row["active"]
    status = State.APPROVED if only_enabled else state
    await store.note_workflow(work, row["id"], status.value, asked.id if only_enabled else None)


KIND = Kind(NAME, "release of a held order", _lock, _basis, _amount, _take_effect, _told)
KINDS = {NAME: KIND}


async def parameters_of(work: Work, company: str) -> HoldParameters:
    """How a company treats its holds."""
    found = await read_parameters(work, company)
    return HoldParameters.model_validate(found["settings"] if found else {})


async def is_needed(work: Work, row: Row, act: str, body: dict[str, Any]) -> bool:
    """Whether a release or rejection of this hold is only submitted: not when just that has been approved, and the
    order and its reasons have not grown since (spec 1.17).

    A forced hold is never submitted: whoever may force and release ends it (spec 3.11).
    """
    if row["forced_reason"] is not None or not await kinds.is_active(work, row["company"], NAME):
        return False
    approved = await _still_approved(work, row)
    return approved is None or _substance(approved["proposal"]) != _substance({"act": act, **body})


def _substance(proposal: dict[str, Any]) -> ReleaseRequest | RejectRequest:
    """What is to be done, whatever is noted beside it."""
    given = {name: value for name, value in proposal.items() if name not in BESIDE}
    act: type[ReleaseRequest | RejectRequest] = RejectRequest if given.pop("act") == "reject" else ReleaseRequest
    return act.model_validate(given)


async def _still_approved(work: Work, row: Row) -> asyncpg.Record | None:
    """The approval that lets a person release or reject. One whose order or reasons have grown lapses."""
    found = None if row["approved"] is None else await approvals.read(work, row["approved"])
    if found is None or not _grown(found["basis"], await _basis_now(work, row)):
        return found
    await lapsing.lapse(work, KIND, found)
    return None


def must_be_free(row: Row, caller: Caller, act: str) -> None:
    """A forced hold ends by nothing but a release, by who may force and release (spec 3.10, 3.11).

    Raises Problem 403 or 409.
    """
    if row["forced_reason"] is None:
        return
    if not {"holds:force", "holds:release"} <= caller.permissions:
        raise Problem(
            403, "forbidden", "You may not do this", "A forced hold is ended by who has holds:force and holds:release."
        )
    if act != "release":
        raise Problem(
            409, "forced-hold", "A forced hold is not rejected",
            "It ends by a direct release with a reason, by somebody who may force and release.",
        )  # fmt: skip


async def submit(work: Work, row: Row, act: str, body: dict[str, Any], caller: Caller) -> None:
    """Ask for approval; what needs none takes effect at once. Raises Problem 409."""
    if row["forced_reason"] is not None:
        raise Problem(
            409, "forced-hold", "A forced hold is not submitted",
            "It ends by a direct release with a reason, by somebody who may force and release.",
        )  # fmt: skip
    if not await kinds.is_active(work, row["company"], NAME):
        raise Problem(
            409, "no-workflow", "There is nobody to approve it",
            f"The workflow {NAME} of company {row['company']} is not active.",
        )  # fmt: skip
    await flow.ask(work, KIND, row["company"], hold_number(row["id"]), caller.subject, {"act": act, **body},
                   body.get("note"))  # fmt: skip


async def open_request(work: Work, row: Row) -> asyncpg.Record:
    """The request that is open for a hold, else the newest. Raises Problem 409 when there has never been one."""
    number = hold_number(row["id"])
    found = await approvals.open_approval(work, row["company"], NAME, number) or await work.conn.fetchrow(
        "SELECT * FROM approval WHERE company = $1 AND kind = $2 AND subject = $3 ORDER BY created_at DESC LIMIT 1",
        row["company"], NAME, number,
    )  # fmt: skip
    if found is None:
        raise Problem(409, "not-submitted", "Nobody has asked for it", f"Submit the release of {number} first.")
    return found


async def grown(work: Work, row: Row) -> None:
    """End the open request, or the approval, of a hold whose order or reasons have grown."""
    if row["approved"] is not None:
        await _still_approved(work, row)
    else:
        await lapsing.lapse_for(work, KIND, row["company"], hold_number(row["id"]))


async def overtaken(work: Work, row: Row, how: str, who: str = kinds.HOLDFAST) -> None:
    """The hold has ended without its approval: who was to approve has nothing left to do, and who asked is told, unless
    that was their own act."""
    found = None
    if row["workflow_status"] in WAITING:
        found = await approvals.open_approval(work, row["company"], NAME, hold_number(row["id"]))
    if found is None:
        return
    if found["requester"] != who:
        await lapsing.lapse(work, KIND, found, f"The order was {how}.", who)
        return
    await lapsing.withdraw(work, found, who, f"The order was {how}.")
    await store.note_workflow(work, row["id"], State.CANCELLED.value, None)
