"""Plays an ERP's days on a simulated clock, closed-loop: the result depends on nothing but the days.

Per day: the clock stands at 08:00 and facts are sent, until every consumer has passed them; on the first day of a
month customers are reviewed; then at noon held orders are checked again, oldest hold first; then checkpoint requests
are sent, until all are answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Protocol

import asyncpg

from holdfast.bus.port import BusUnavailable, Position, Producer, RecordRefused
from holdfast.contracts.erp_customers import CustomerChanged
from holdfast.contracts.erp_reference import CompanyChanged
from holdfast.database.work import set_business_clock
from holdfast.erp.barrier import Barrier
from holdfast.erp.happenings import Day, Happening

MORNING, NOON = time(8), time(12)
RECHECK_DELAY_SECONDS = 60.0
"""Facts of 08:00 are followed by re-checks after 08:01, which is when the clock goes on to noon."""
SEND_AGAIN_SECONDS = 0.5
CHUNK = 500


class NotTaken(Exception):
    """The bus refused an event for good."""


class Controllers(Protocol):
    """Whoever sets up what the ERP tells of."""

    async def companies(self, companies: Sequence[CompanyChanged]) -> None:
        """Set up rules and checkpoints of these companies."""

    async def customers(self, customers: Sequence[CustomerChanged]) -> None:
        """Open or change the credit profiles of these customers."""

    async def review(self, day: date) -> None:
        """A new month begins."""


class Progress(Protocol):
    """Is told how far the replay is."""

    def advance(self, day: date, events: int) -> None:
        """A day is done."""


@dataclass(slots=True)
class Tally:
    """What was played."""

    events: int = 0
    facts: int = 0
    requests: int = 0
    first_day: date | None = None
    last_day: date | None = None
    customers: dict[tuple[str, str], int] = field(default_factory=dict)


class Replay:
    """Sends days to the bus and waits for what becomes of them."""

    def __init__(
        self, producer: Producer, barrier: Barrier, pools: Mapping[str, asyncpg.Pool], controllers: Controllers
    ) -> None:
        self._producer, self._barrier, self._controllers = producer, barrier, controllers
        self._pools = list(pools.values())
        self.tally = Tally()
        self._month: date | None = None

    async def play(self, days: Iterable[Day], progress: Progress) -> Tally:
        """Play all days. Raises Stalled, NotTaken."""
        for day in days:
            if day.facts or day.requests:
                await self._play(day)
            self._count(day)
            progress.advance(day.date, len(day.facts) + len(day.requests))
        if self.tally.last_day is not None:
            await self._set_clock(self.tally.last_day, NOON)
        return self.tally

    async def _play(self, day: Day) -> None:
        if day.facts:
            await self._set_clock(day.date, MORNING)
            await self._barrier.passed(await self._send(day.ordered_facts()))
            await self._set_up(day)
        await self._review(day.date)
        rechecks = await self._barrier.rechecks_waiting()
        if day.requests or rechecks:
            await self._set_clock(day.date, NOON)
        if rechecks:
            await self._barrier.passed()
        if day.requests:
            await self._barrier.passed(await self._send(day.requests))

    async def _set_up(self, day: Day) -> None:
        companies = [h.payload for h in day.facts if isinstance(h.payload, CompanyChanged)]
        customers = self._changed(day)
        if companies:
            await self._controllers.companies(companies)
        if customers:
            await self._controllers.customers(customers)
        if companies or customers:
            await self._barrier.passed()

    async def _review(self, day: date) -> None:
        month = day.replace(day=1)
        if self._month not in (None, month):
            await self._set_clock(day, MORNING)
            await self._controllers.review(day)
            await self._barrier.passed()
        self._month = month

    def _changed(self, day: Day) -> list[CustomerChanged]:
        """Customers whose master data is newer than what was seen of it, each once, in its newest state."""
        newest: dict[tuple[str, str], CustomerChanged] = {}
        for happening in day.facts:
            master, seen = happening.payload, self.tally.customers
            if not isinstance(master, CustomerChanged):
                continue
            key = (master.company, master.customer)
            if master.version > max(seen.get(key, 0), newest[key].version if key in newest else 0):
                newest[key] = master
        self.tally.customers |= {key: master.version for key, master in newest.items()}
        return list(newest.values())

    async def _send(self, happenings: Sequence[Happening]) -> list[Position]:
        records = [happening.record() for happening in happenings]
        positions: list[Position] = []
        for start in range(0, len(records), CHUNK):
            for answer in await self._send_surely(records[start : start + CHUNK]):
                if isinstance(answer, RecordRefused):
                    raise NotTaken(f"The bus refused an event: {answer}.")
                positions.append(answer)
        return positions

    async def _send_surely(self, records: Sequence[object]) -> list[Position | RecordRefused]:
        while True:
            try:
                return await self._producer.send(records)  # type: ignore[arg-type]
            except BusUnavailable:
                await asyncio.sleep(SEND_AGAIN_SECONDS)

    async def _set_clock(self, day: date, at: time) -> None:
        moment = datetime.combine(day, at, UTC)
        await asyncio.gather(*(_set(pool, moment) for pool in self._pools))

    def _count(self, day: Day) -> None:
        tally = self.tally
        tally.facts += len(day.facts)
        tally.requests += len(day.requests)
        tally.events = tally.facts + tally.requests
        tally.first_day = tally.first_day or day.date
        tally.last_day = day.date


async def _set(pool: asyncpg.Pool, moment: datetime) -> None:
    async with pool.acquire() as connection:
        await set_business_clock(connection, moment)  # type: ignore[arg-type]
