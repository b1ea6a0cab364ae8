"""The re-check loop: any number of them, each customer is decided by one at a time."""

from __future__ import annotations

import asyncio
import contextlib

import asyncpg
import structlog

from hold_service.checks.freshness import are_too_old
from hold_service.groups.locks import try_lock_parties
from hold_service.parameters import PARAMETERS
from hold_service.rechecks import store
from hold_service.rechecks.decide import recheck_many
from hold_service.setups import store as setups
from holdfast.database.work import is_transient, transaction, woken_by_clock

CUSTOMERS = 100
POLL_SECONDS = 0.2
PAUSE_SECONDS = 1.0
log = structlog.get_logger(__name__)


async def run_rechecks(pool: asyncpg.Pool, stop: asyncio.Event) -> None:
    """Decide what is due until `stop`."""
    woken = store.DUE.listen()
    try:
        async with woken_by_clock(pool, woken.set):
            await _decide_what_is_due(pool, stop, woken)
    finally:
        store.DUE.forget(woken)


async def _decide_what_is_due(pool: asyncpg.Pool, stop: asyncio.Event, woken: asyncio.Event) -> None:
    while not stop.is_set():
        woken.clear()
        try:
            busy = await recheck_due(pool)
            pause = POLL_SECONDS
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("recheck_retried", error=str(error))
            busy, pause = False, PAUSE_SECONDS
        if not busy:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), pause)


async def recheck_due(pool: asyncpg.Pool) -> bool:
    """One batch of customers that are due; whether there may be more that nobody else is at.

    While the facts are too old to decide on nothing is taken; afterwards what was held for it is due.
    """
    async with transaction(pool) as work:
        if await are_too_old(work, PARAMETERS.most_facts_age):
            return False
        if PARAMETERS.most_facts_age is not None:
            await store.mark(work, await store.held_for_old_facts(work), {}, delay_seconds=0)
        parties = await store.due(work, CUSTOMERS)
        if not parties:
            return False
        locked = await try_lock_parties(work, parties)
        # Who has changed a set-up or rates may not have seen what made these customers due: its commit comes first.
        await setups.share(work, await setups.companies_beside(work, locked))
        taken = await store.take(work, locked)
        await recheck_many(work, taken, PARAMETERS.most_facts_age)
        return bool(taken)
