"""What a batch of requests does first, in one statement: reads the clock, takes its idempotency keys, locks the
customers that are free. What is read afterwards sees all that the holders before have committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.database.bulk import columns, shifted
from holdfast.database.work import CLOCK, Work
from holdfast.receivables.accounts import LOCK_ALL, LOCK_FREE, lock_accounts, note_locked, try_lock_accounts
from holdfast.receivables.model import Party
from holdfast.web.idempotency import LOCK_CLASS, TAKE_KEYS, Request, lock_names

ENTER = """
SELECT ({clock}) AS clock, ({keys}) AS keys,
       (SELECT coalesce(json_agg(json_build_array(company, customer)), '[]') FROM ({lock}) l) AS locked
"""
ENTER_FREE, ENTER_ALL = (
    ENTER.format(clock=CLOCK, keys=TAKE_KEYS, lock=shifted(lock, 2)) for lock in (LOCK_FREE, LOCK_ALL)
)


@dataclass(frozen=True, slots=True)
class Entered:
    """Places of the requests whose keys were taken, counted from 1, and the customers that are locked."""

    keys: Sequence[int]
    locked: set[Party]


async def enter(work: Work, requests: Sequence[Request], parties: set[Party], *, patient: bool) -> Entered:
    """Begin a batch; unless it is patient, customers that somebody else holds are passed over.

    `work` is opened without its clock.
    """
    row = await work.conn.fetchrow(
        ENTER_ALL if patient else ENTER_FREE, LOCK_CLASS, lock_names(requests), *columns(sorted(parties))
    )
    assert row is not None
    work.business_now = row["clock"] or work.now
    locked = {(company, customer) for company, customer in row["locked"]}
    note_locked(work, locked)
    if patient:
        await lock_accounts(work, parties)
        return Entered(row["keys"], parties)
    return Entered(row["keys"], locked | await try_lock_accounts(work, parties - locked))
