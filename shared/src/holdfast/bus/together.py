"""What waits in several partitions at the same time takes effect in one transaction.

At a few hundred events a second each partition has one or two of them at a time, and a transaction of its own for
each would cost more than the events do. While one transaction is under way the next passengers gather, so that the
slower the database, the more of them share a ride (ADR 9).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from holdfast.bus import failpoints, inbox, offsets, parking
from holdfast.bus.batch import BatchProcessor, Item, Taken, take_effect
from holdfast.bus.handlers import Party, Service
from holdfast.bus.offsets import Claim
from holdfast.database.bulk import together
from holdfast.database.work import Work, is_transient, transaction

AT_ONCE = 2
"""Transactions under way: Python prepares one while PostgreSQL works on the other."""
MOST = 500
"""Records in one transaction."""
ENTER = """
SELECT c.*, (SELECT simulated_at FROM business_clock) AS simulated_at,
       (SELECT true FROM parked_key LIMIT 1) IS NOT NULL AS parked
FROM unnest($1::text[], $2::int[]) AS w (topic, partition)
CROSS JOIN LATERAL (
    SELECT c.topic, c.partition, c.epoch, c.next_offset FROM consumer_offset c
    WHERE c.topic = w.topic AND c.partition = w.partition FOR NO KEY UPDATE) c
"""
MOVE_ON = together(offsets.ADVANCE, inbox.MARK)


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


class Together:
    """Carries the records of many partitions of one worker."""

    def __init__(self, service: Service, pool: asyncpg.Pool) -> None:
        self._service, self._pool = service, pool
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
            ride = asyncio.create_task(self._ride())
            self._rides.add(ride)
            ride.add_done_callback(self._rides.discard)
        return await seat.answer

    async def close(self) -> None:
        """End what is under way, which rolls back; called when no partition waits for it any more."""
        for ride in self._rides:
            ride.cancel()
        await asyncio.gather(*self._rides, return_exceptions=True)

    async def _ride(self) -> None:
        while self._waiting:
            seats = self._board()
            try:
                left = await self._carry(seats)
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

    async def _carry(self, seats: list[Seat]) -> list[Seat]:
        """One transaction; answers whom it left behind."""
        async with transaction(self._pool, clock=False) as work:
            parked = await self._enter(work, seats)
            carried = await self._free(work, [seat for seat in seats if not seat.keys & parked])
            taken, claims = await self._move_on(work, carried)
            await take_effect(self._service, work, [event for each in taken for event in each.live], set())
            failpoints.hit("before_commit")
        failpoints.hit("after_commit")
        for seat, each, claim in zip(carried, taken, claims, strict=True):
            seat.processor.committed(seat.items, each, claim)
        return [seat for seat in seats if seat not in carried]

    async def _enter(self, work: Work, seats: Sequence[Seat]) -> set[tuple[str, str]]:
        """Hold the partitions and set the clock, in one round trip; answers which keys are parked.

        Only the owner of a partition parks a key of it, so what was parked when the row was locked is all.
        """
        claims = [seat.processor.claim for seat in seats]
        rows = await work.conn.fetch(ENTER, *offsets.places(claims))
        offsets.check(claims, rows)
        work.business_now = rows[0]["simulated_at"] or work.now
        if not rows[0]["parked"]:
            return set()
        keys = set[tuple[str, str]]().union(*(seat.keys for seat in seats))
        return await parking.any_parked(work, sorted(keys))

    async def _free(self, work: Work, seats: Sequence[Seat]) -> list[Seat]:
        """Seats whose customers nobody else holds; these are locked from now on."""
        locked = await self._service.try_lock(work, set[Party]().union(*(seat.parties for seat in seats)))
        return [seat for seat in seats if seat.parties <= locked]

    async def _move_on(self, work: Work, seats: Sequence[Seat]) -> tuple[list[Taken], list[Claim]]:
        """Mark the events and move past them in one round trip; answers which of them have not taken effect before."""
        claims, moves = offsets.moved([(seat.processor.claim, seat.items[-1].record) for seat in seats])
        marks = sorted({item.event.mark for seat in seats for item in seat.items if item.event})
        (row,) = await work.conn.fetch(MOVE_ON, *moves, work.now, *inbox.arguments(work, marks))
        fresh, taken = inbox.fresh(row, marks), [Taken() for _ in seats]
        for each, seat in zip(taken, seats, strict=True):
            each.sort(seat.items, fresh, ())
        return taken, claims


def _answer(seats: Sequence[Seat], outcome: bool | Exception | None) -> None:
    for seat in seats:
        if seat.answer.done():
            continue
        if isinstance(outcome, Exception):
            seat.answer.set_exception(outcome)
        else:
            seat.answer.set_result(bool(outcome))
