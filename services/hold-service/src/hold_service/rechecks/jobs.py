"""The re-check loops: any number of them, each customer is decided by one at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg
import structlog

from hold_service.checks.freshness import are_too_old
from hold_service.groups.locks import lock_parties, try_lock_parties
from hold_service.parameters import PARAMETERS
from hold_service.rechecks import store
from hold_service.rechecks.decide import recheck_many
from hold_service.setups import store as setups
from holdfast.database.work import Work, is_transient, transaction, woken_by_clock
from holdfast.platform.metrics import counter
from holdfast.receivables.model import Party

CUSTOMERS = 200
AT_ONCE = 2
"""Batches under way in a process: while one waits for the database the other is decided."""
POLL_SECONDS = 0.2
PAUSE_SECONDS = 1.0
FAILED = counter("holdfast_rechecks_failed", "Times a customer's held orders could not be decided again; tried later.")
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class InHand:
    """The customers that the loops of a process are at, and who chooses the next: one at a time."""

    parties: set[Party] = field(default_factory=set)
    choosing: asyncio.Lock = field(default_factory=asyncio.Lock)


async def run_rechecks(pool: asyncpg.Pool, stop: asyncio.Event) -> None:
    """Decide what is due until `stop`."""
    woken = [store.DUE.listen() for _ in range(AT_ONCE)]
    in_hand = InHand()
    try:
        async with woken_by_clock(pool, store.DUE.send), asyncio.TaskGroup() as loops:
            for event in woken:
                loops.create_task(_decide_what_is_due(pool, stop, event, in_hand))
    finally:
        for event in woken:
            store.DUE.forget(event)


async def _decide_what_is_due(
    pool: asyncpg.Pool, stop: asyncio.Event, woken: asyncio.Event, in_hand: InHand
) -> None:  # fmt: skip
    while not stop.is_set():
        woken.clear()
        try:
            busy = await recheck_due(pool, in_hand)
            pause = POLL_SECONDS
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("recheck_retried", error=str(error))
            busy, pause = False, PAUSE_SECONDS
        if not busy:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), pause)


async def recheck_due(pool: asyncpg.Pool, in_hand: InHand | None = None) -> bool:
    """One batch of customers that are due and not in hand; whether there may be more that nobody else is at."""
    in_hand = in_hand or InHand()
    if not await _may_decide(pool):
        return False
    parties: list[Party] = []
    try:
        async with transaction(pool) as work:
            async with in_hand.choosing:
                due = await store.due(work, CUSTOMERS + len(in_hand.parties))
                parties = [party for party in due if party not in in_hand.parties]
                in_hand.parties.update(parties)
            return bool(parties) and await _recheck(work, parties)
    except Exception as error:
        if is_transient(error) or not parties:
            raise
        await _split(pool, parties, error)
    finally:
        in_hand.parties.difference_update(parties)
    return True


async def _may_decide(pool: asyncpg.Pool) -> bool:
    """While facts are too old to decide on nobody is due; afterwards also those who were held for it, which is kept
    whatever becomes of deciding them."""
    if PARAMETERS.most_facts_age is None:
        return True
    async with transaction(pool) as work:
        if await are_too_old(work, PARAMETERS.most_facts_age):
            return False
        await store.mark(work, await store.held_for_old_facts(work), {}, delay_seconds=0)
    return True


async def _recheck(work: Work, parties: Sequence[Party]) -> bool:
    locked = await try_lock_parties(work, parties)
    # Who has changed a set-up or rates may not have seen what made these customers due: its commit comes first.
    await setups.share(work, await setups.companies_beside(work, locked))
    taken = await store.take(work, locked)
    await recheck_many(work, taken, PARAMETERS.most_facts_age)
    return bool(taken)


async def _split(pool: asyncpg.Pool, parties: Sequence[Party], error: Exception) -> None:
    """Halve what fails until the customer that cannot be decided is alone, and put that one off."""
    if len(parties) == 1:
        await _put_off(pool, parties[0], error)
        return
    middle = len(parties) // 2
    for half in (parties[:middle], parties[middle:]):
        try:
            async with transaction(pool) as work:
                await _recheck(work, half)
        except Exception as found:
            if is_transient(found):
                raise
            await _split(pool, half, found)


async def _put_off(pool: asyncpg.Pool, party: Party, error: Exception) -> None:
    async with transaction(pool) as work:
        await lock_parties(work, {party})
        failures = await store.put_off(work, party, f"{type(error).__name__}: {error}")
    FAILED.inc()
    company, customer = party
    log.error("recheck_failed", company=company, customer=customer, failures=failures, exc_info=error)
