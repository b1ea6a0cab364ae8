"""What every change of a hold over HTTP has in common: found, locked, of the version that was read, still active."""

from __future__ import annotations

import asyncpg

from hold_service.groups.locks import lock_parties, must_have_locked
from hold_service.holds import store
from hold_service.holds.model import hold_id
from holdfast.database.work import Work
from holdfast.web.auth import Caller
from holdfast.web.etags import check_if_match
from holdfast.web.problems import Problem, not_found


async def read(work: Work, hold: str, caller: Caller) -> asyncpg.Record:
    """A hold by its number. Raises Problem 404 when it is of a company the caller does not see."""
    row = await store.read_hold(work, hold_id(hold))
    if row is None or not caller.sees(row["company"]):
        raise not_found(f"hold {hold}")
    return row


async def of_version(work: Work, hold: str, caller: Caller, if_match: str | None) -> asyncpg.Record:
    """A hold whose customer is locked. Raises Problem 404, 412, 428; TryAgain when it goes to another customer."""
    row = await read(work, hold, caller)
    await lock_parties(work, {(row["company"], row["customer"])})
    row = await read(work, hold, caller)
    must_have_locked(work, {(row["company"], row["customer"])})
    check_if_match(if_match, row["version"])
    return row


async def locked(work: Work, hold: str, caller: Caller, if_match: str | None) -> asyncpg.Record:
    """An active hold whose customer is locked. Raises Problem 404, 409, 412, 428; TryAgain as `of_version`."""
    row = await of_version(work, hold, caller, if_match)
    must_be_active(row)
    return row


def must_be_active(row: asyncpg.Record) -> None:
    """Raises Problem 409."""
    if not row["active"]:
        raise Problem(
            409, "hold-has-ended", "The hold has ended",
            f"It was {row['closed_as']} by {row['closed_by']}; there is nothing left to do.",
        )  # fmt: skip
