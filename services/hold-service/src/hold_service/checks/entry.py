"""What a batch of requests does first, in one statement: reads the clock, takes its idempotency keys, locks the
customers that are free. What is read afterwards sees all that the holders before have committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hold_service.groups.locks import LOCK_ALONE, lock_parties, try_lock_parties
from holdfast.database.bulk import columns, shifted
from holdfast.database.work import CLOCK, Work
from holdfast.receivables.model import Party
from holdfast.web.idempotency import LOCK_CLASS, TAKE_KEYS, Request, lock_names

ENTER = f"SELECT ({CLOCK}) AS clock, ({TAKE_KEYS}) AS keys"
ENTER_FREE = f"""
{ENTER}, (SELECT coalesce(json_agg(json_build_array(company, customer)), '[]')
          FROM ({shifted(LOCK_ALONE, 2)}) l) AS locked
"""


@dataclass(frozen=True, slots=True)
class Entered:
    """Places of the requests whose keys were taken, counted from 1, and the customers that are locked."""

    keys: Sequence[int]
    locked: set[Party]


async def enter(work: Work, requests: Sequence[Request], parties: set[Party], *, patient: bool) -> Entered:
    """Begin a batch; unless it is patient, customers that somebody else holds are passed over.

    `work` is opened without its clock.
    """
    if patient:
        row = await work.conn.fetchrow(ENTER, LOCK_CLASS, lock_names(requests))
    else:
        row = await work.conn.fetchrow(ENTER_FREE, LOCK_CLASS, lock_names(requests), *columns(sorted(parties)))
    assert row is not None
    work.business_now = row["clock"] or work.now
    if patient:
        await lock_parties(work, parties)
        return Entered(row["keys"], parties)
    locked = {(company, customer) for company, customer in row["locked"]}
    return Entered(row["keys"], await try_lock_parties(work, parties, locked))
