"""What every act on a journal begins with: read it, see that it is the caller's, and that it may be changed."""

from __future__ import annotations

import asyncpg

from credit_service.adjustments import store
from credit_service.adjustments.model import Status
from holdfast.database.work import Work
from holdfast.web.auth import Caller
from holdfast.web.etags import check_if_match
from holdfast.web.problems import Problem, not_found


async def opened(
    work: Work, number: str, caller: Caller, if_match: str | None = None, *, lock: bool = True, must_match: bool = False
) -> asyncpg.Record:
    """The journal, locked. Raises Problem 404, 412, 428. `must_match`: the caller has to name the version."""
    row = await store.read(work, number, lock=lock)
    if row is None or not caller.sees(row["company"]):
        raise not_found(f"journal {number}")
    if must_match or if_match is not None:
        check_if_match(if_match, row["version"])
    return row


def must_be_open(journal: asyncpg.Record) -> None:
    """Raises Problem 409 for a journal that is posted with all its lines, or waits for approval."""
    if journal["posted"]:
        raise Problem(409, "journal-posted", "The journal is posted", "A posted journal is locked; make a new one.")
    if journal["approval_status"] == Status.PENDING:
        raise Problem(
            409, "journal-submitted", "The journal waits for approval", "Recall its approval to change it, or wait.",
        )  # fmt: skip


def must_not_be_posted(*, posted: bool) -> None:
    """Raises Problem 409 for a line that is posted, and for a journal with such a line."""
    if posted:
        remedy = "What is posted stays; take the open lines out, or make new ones."
        raise Problem(409, "line-posted", "It is posted", remedy)


async def must_not_wait(work: Work, journal: asyncpg.Record) -> None:
    """Raises Problem 409 when a line waits for approval."""
    if await work.conn.fetchval(
        "SELECT EXISTS (SELECT FROM adjustment_line WHERE journal = $1 AND approval_status = 'approval_pending')",
        journal["number"],
    ):
        raise Problem(
            409, "journal-submitted", "A line waits for approval", "Recall its approval to change the journal, or wait."
        )
