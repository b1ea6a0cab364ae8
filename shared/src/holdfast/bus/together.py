"""What waits in several partitions at the same time takes effect in one transaction.

At a few hundred events a second each partition has one or two of them at a time, and a transaction of its own for
each would cost more than the events do. While one transaction is under way the next passengers gather, so that the
slower the database, the more of them share a ride.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from holdfast.bus import failpoints, inbox, offsets, parking
from holdfast.bus.batch import BatchProcessor, Taken, take_effect
from holdfast.bus.handlers import Party, Service
from holdfast.bus.turns import Item
from holdfast.database.bulk import columns, shifted
from holdfast.database.work import CLOCK, Chain, Work, is_transient

AT_ONCE = 2
"""Transactions under way: Python prepares one while PostgreSQL works on the other."""
MOST = 500
"""Records in one transaction."""
ENTER = f"""
WITH held AS MATERIALIZED (
    SELECT c.* FROM unnest($1::text[], $2::int[]) AS w (topic, partition)
    CROSS JOIN LATERAL (
        SELECT c.topic, c.partition, c.epoch, c.next_offset FROM consumer_offset c
        WHERE c.topic = w.topic AND c.partition = w.partition FOR NO KEY UPDATE) c
), advanced AS ({offsets.ADVANCE}), marked AS ({shifted(inbox.TAKE, 6)}), locked AS MATERIALIZED (%s)
SELECT h.held, m.*, ({CLOCK}) AS simulated_at, (SELECT true FROM parked_key LIMIT 1) IS NOT NULL AS parked,
       (SELECT json_agg(json_build_array(company, customer)) FROM locked) AS locked
FROM (SELECT json_agg(json_build_array(topic, partition, epoch, next_offset)) AS held FROM held) h
CROSS JOIN ({shifted(inbox.NAMES, 6)}) m
"""
"""Takes the partitions, the clock, the events and their customers, and moves on: all that comes before the effects.

A partition row is compared only after it has been moved, so whoever is not its owner rolls back."""


@dataclass(slots=True, eq=False)
class Seat:
    """The next records of a partition. The answer tells whether they were committed."""

    processor: BatchProcessor
    items: list[Item]
    answer: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def place(self) -> tuple[str, int]:
        """The order in which the rows of partitions are locked."""
        tp = self.processor.claim.tp
        return tp.topic, tp.partition

    @property
    def parties(self) -> set[Party]:
        """Every customer that the records touch."""
        return set[Party]().union(*(item.event.payload.parties() for item in self.items if item.event))

    @property
    def keys(self) -> set[tuple[str, str]]:
        """Topic and key of each event."""
        return {(item.record.topic, item.event.key) for item in self.items if item.event}


class _NotAll(Exception):
    """Not all can ride: `free` are those whose customers nobody else holds and whose keys are not parked."""

    def __init__(self, free: list[Seat]) -> None:
        super().__init__("some have to go alone")
        self.free = free


class Together:
    """Carries the records of many partitions of one worker."""

    def __init__(self, service: Service, pool: asyncpg.Pool) -> None:
        self._service = service
        self._chains = [Chain(pool) for _ in range(AT_ONCE)]
        """Those that no ride is using"""
        self._statement = ENTER % shifted(service.lock_free, 6 + inbox.ARGUMENTS)
        self._waiting: deque[Seat] = deque()
        self._rides: set[asyncio.Task[None]] = set()

    async def take(self, processor: BatchProcessor, items: list[Item]) -> bool:
        """Commit these records, maybe with others; False leaves them to a transaction of their own.

        They are left out when their key is parked, when somebody else holds one of their customers, and after an
        error that is not transient, which may be another passenger's. Transient errors are raised.
        """
        seat = Seat(processor, items)
        self._waiting.append(seat)
        if len(self._rides) < AT_ONCE:
            self._rides.add(asyncio.create_task(self._ride()))
        return await seat.answer

    async def close(self) -> None:
        """End what is under way, which rolls back; called when no partition waits for it any more."""
        rides = list(self._rides)
        for ride in rides:
            ride.cancel()
        await asyncio.gather(*rides, return_exceptions=True)
        await asyncio.gather(*(chain.close() for chain in self._chains))

    async def _ride(self) -> None:
        chain = self._chains.pop()
        try:
            await self._carry_who_waits(chain)
        finally:
            self._chains.append(chain)
            # In the same step in which nobody waited: who comes after it starts a ride of his own.
            self._rides.discard(asyncio.current_task())

    async def _carry_who_waits(self, chain: Chain) -> None:
        while self._waiting:
            seats = self._board()
            try:
                left = await self._carry(chain, seats)
            except Exception as error:
                _answer(seats, error if is_transient(error) else None)
            else:
                _answer([seat for seat in seats if seat not in left], True)
                _answer(left, None)

    def _board(self) -> list[Seat]:
        seats, room = [], MOST
        while self._waiting and room > 0:
            seat = self._waiting.popleft()
            if not seat.answer.done():
                seats.append(seat)
                room -= len(seat.items)
        return sorted(seats, key=lambda seat: seat.place)

    async def _carry(self, chain: Chain, seats: list[Seat]) -> list[Seat]:
        """One transaction; answers whom it left behind."""
        carried = seats
        while carried:
            try:
                await self._carry_all(chain, carried)
                break
            except _NotAll as left:
                carried = left.free
        return [seat for seat in seats if seat not in carried]

    async def _carry_all(self, chain: Chain, seats: list[Seat]) -> None:
        claims, moves = offsets.moved([(seat.processor.claim, seat.processor.reached(seat.items)) for seat in seats])
        async with chain.transaction() as work:
            taken = await self._enter(work, seats, moves)
            await take_effect(self._service, work, [event for each in taken for event in each.live], set())
            failpoints.hit("before_commit")
        failpoints.hit("after_commit")
        for seat, each, claim in zip(seats, taken, claims, strict=True):
            seat.processor.committed(seat.items, each, claim)

    async def _enter(self, work: Work, seats: Sequence[Seat], moves: Sequence[list[Any]]) -> list[Taken]:
        """Hold the partitions and the customers, mark the events and move past them, in one round trip; answers which
        of them have not taken effect before. Raises _NotAll, UsedAlready, and Fenced."""
        marks = inbox.wanted(item.event for seat in seats for item in seat.items if item.event)
        parties = set[Party]().union(*(seat.parties for seat in seats))
        row = await work.conn.fetchrow(
            self._statement, *moves, work.now, *inbox.arguments(work, marks), *columns(sorted(parties), 2)
        )
        assert row is not None
        offsets.check([seat.processor.claim for seat in seats], row["held"] or ())
        work.business_now = row["simulated_at"] or work.now
        await self._must_be_free(work, seats, parties, row)
        fresh, taken = await inbox.fresh(work, row, marks), [Taken() for _ in seats]
        for each, seat in zip(taken, seats, strict=True):
            each.sort(seat.items, fresh, ())
        return taken

    async def _must_be_free(self, work: Work, seats: Sequence[Seat], parties: set[Party], row: asyncpg.Record) -> None:
        """Only the owner of a partition parks a key of it, so what was parked when the row was locked is all."""
        parked = set[tuple[str, str]]()
        if row["parked"]:
            parked = await parking.any_parked(work, sorted(set[tuple[str, str]]().union(*(s.keys for s in seats))))
        found = {(company, customer) for company, customer in row["locked"] or ()}
        locked = await self._service.try_lock(work, parties, found)
        free = [seat for seat in seats if seat.parties <= locked and not seat.keys & parked]
        if len(free) < len(seats):
            raise _NotAll(free)


def _answer(seats: Sequence[Seat], outcome: bool | Exception | None) -> None:
    for seat in seats:
        if seat.answer.done():
            continue
        if isinstance(outcome, Exception):
            seat.answer.set_exception(outcome)
        else:
            seat.answer.set_result(bool(outcome))
