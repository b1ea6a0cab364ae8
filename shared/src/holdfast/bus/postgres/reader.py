"""Reads assigned partitions ahead of the consumer: one query for all of them, woken by what is appended."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog

from holdfast.bus.port import BusUnavailable, OffsetGone, Record, TopicPartition
from holdfast.bus.postgres.headers import unpack
from holdfast.bus.postgres.link import Link

POLL_SECONDS = 1.0
"""How long a lost notification can delay a record."""
RETRY_SECONDS = 0.25
READ_BYTES = 2_000_000
"""So much of a partition is read at once and kept at hand, and the rest of one record."""

# A row without an offset says that the log does not hold the place to read from, or, with a number at the end, that no
# record is left before that offset; all parts see one snapshot. Records are weighed one by one only where as many as
# may be read could be too much together.
READ = """
WITH wanted AS MATERIALIZED (
    SELECT w.*, p.first_offset, p.next_offset, p.largest * $4::bigint > $5 AS is_weighed
      FROM unnest($1::text[], $2::int[], $3::bigint[]) WITH ORDINALITY AS w (topic, part, start, n)
      LEFT JOIN bus_partition p ON p.topic = w.topic AND p.part = w.part
)
SELECT w.n, NULL::bigint AS "offset", NULL AS key, NULL AS headers, NULL::bytea AS value,
       CASE WHEN w.start BETWEEN w.first_offset AND w.next_offset THEN w.next_offset END
  FROM wanted w
 WHERE w.next_offset IS NULL OR w.start < w.first_offset OR w.start > w.next_offset
    OR (w.start < w.next_offset AND NOT EXISTS (
        SELECT FROM bus_log l WHERE l.topic = w.topic AND l.part = w.part AND l."offset" >= w.start))
UNION ALL
SELECT w.n, r.* FROM wanted w
 CROSS JOIN LATERAL (
       SELECT l."offset", l.key, l.headers, l.value, l.timestamp_ms
         FROM bus_log l
        WHERE NOT w.is_weighed AND l.topic = w.topic AND l.part = w.part AND l."offset" >= w.start
        ORDER BY l."offset" LIMIT $4) AS r
UNION ALL
SELECT w.n, r."offset", r.key, r.headers, r.value, r.timestamp_ms FROM wanted w
 CROSS JOIN LATERAL (
       SELECT l."offset", l.key, l.headers, l.value, l.timestamp_ms,
              sum(octet_length(l.value)) OVER (ORDER BY l."offset" ROWS UNBOUNDED PRECEDING) AS upto
         FROM bus_log l
        WHERE w.is_weighed AND l.topic = w.topic AND l.part = w.part AND l."offset" >= w.start
        ORDER BY l."offset" LIMIT $4) AS r
 WHERE r.upto IS NULL OR r.upto - coalesce(octet_length(r.value), 0) < $5
"""
ENDS = """
SELECT p.topic, p.part, p.first_offset, p.next_offset
  FROM unnest($1::text[], $2::int[]) AS w (topic, part) JOIN bus_partition p USING (topic, part)
"""
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Assigned:
    """A partition that is ours; `fetched` is the offset to read next, -1 before the first seek. `due` says that there
    may be more in the log, `behind` that the last read ended before the log did."""

    tp: TopicPartition
    fetched: int = -1
    paused: bool = False
    due: bool = True
    behind: bool = False
    gone: OffsetGone | None = None
    ahead: deque[Record] = field(default_factory=deque)
    bytes_ahead: int = 0


class Reader:
    """Keeps some records of each partition at hand; `available` is set when there is something to take."""

    def __init__(self, link: Link, available: asyncio.Event) -> None:
        self._link, self._available = link, available
        self._assigned: dict[TopicPartition, _Assigned] = {}
        self._wake = asyncio.Event()
        self._asked, self._is_due = False, False
        self._most = 500

    @property
    def held(self) -> set[TopicPartition]:
        """The partitions that are ours."""
        return set(self._assigned)

    def add(self, tps: Iterable[TopicPartition]) -> None:
        """These are ours; nothing is read from them before `seek`."""
        self._assigned.update({tp: _Assigned(tp) for tp in tps})

    def drop(self, tps: Iterable[TopicPartition]) -> None:
        """These are no longer ours."""
        for tp in tps:
            self._assigned.pop(tp, None)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Read on from `offset`. A partition that is not ours is passed over."""
        if (old := self._assigned.get(tp)) is not None:
            self._assigned[tp] = _Assigned(tp, offset, old.paused)
            self._look_again()

    def position(self, tp: TopicPartition) -> int | None:
        """Everything before it has been taken or is not in the log; None before the first seek."""
        assigned = self._assigned.get(tp)
        if assigned is None or assigned.fetched < 0:
            return None
        return assigned.ahead[0].offset if assigned.ahead else assigned.fetched

    def pause(self, tps: Iterable[TopicPartition], paused: bool) -> None:
        """Stop or go on handing out."""
        for tp in tps:
            if (assigned := self._assigned.get(tp)) is not None:
                assigned.paused = paused
                if assigned.due:
                    self._look_again()
        self._available.set()

    def wake(self) -> None:
        """Something may be there to read or to hand out."""
        self._look_everywhere()
        self._look_again()
        self._available.set()

    def appended(self, tps: Iterable[TopicPartition]) -> None:
        """Something is there to read."""
        for tp in tps:
            if (assigned := self._assigned.get(tp)) is not None:
                assigned.due = self._is_due = True
        if self._asked and self._is_due:
            self._wake.set()

    def take(self, max_records: int) -> dict[TopicPartition, list[Record]]:
        """What is at hand, at most `max_records` of each partition. Raises OffsetGone."""
        self._most = max(max_records, 1)
        ready = [a for a in self._assigned.values() if not a.paused]
        for assigned in ready:
            if assigned.gone is not None and not assigned.ahead:
                gone, assigned.gone = assigned.gone, None
                raise gone
        taken = {a.tp: _pop(a, max_records) for a in ready if a.ahead}
        if any(self._assigned[tp].due for tp in taken):
            self._look_again()
        return taken

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Somebody waits for records in this block. What is appended while nobody does is read with the next question,
        or along with what lay in the log before, which is read ahead."""
        self._asked = True
        if self._is_due:
            self._wake.set()
        try:
            yield
        finally:
            self._asked = False

    def _look_again(self) -> None:
        self._is_due = True
        self._wake.set()

    def _look_everywhere(self) -> None:
        self._is_due = True
        for assigned in self._assigned.values():
            assigned.due = True

    async def run(self) -> None:
        """Read ahead until cancelled."""
        well = True
        while True:
            self._wake.clear()
            try:
                await self._read()
                well = True
            except BusUnavailable as error:
                if well:
                    log.warning("bus_read_failed", error=str(error))
                well = False
                self._look_everywhere()
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if not self._hungry() and not await _is_set(self._wake, POLL_SECONDS):
                self._look_everywhere()

    async def ends(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """First and next offset of each partition that exists. Raises BusUnavailable."""
        wanted = list(tps)
        rows = await self._link.fetch(ENDS, [tp.topic for tp in wanted], [tp.partition for tp in wanted])
        return {TopicPartition(topic, part): (first, end) for topic, part, first, end in rows}

    async def read_one(self, tp: TopicPartition, offset: int) -> Record | None:
        """The record at exactly this offset. Raises BusUnavailable."""
        rows = await self._link.fetch(READ, [tp.topic], [tp.partition], [offset], 1, READ_BYTES)
        return next((_record(tp, row) for row in rows if row[1] == offset), None)

    def _hungry(self) -> list[_Assigned]:
        """What to read now: what is due, when somebody asks or a partition is read ahead anyway, since whoever finds
        records of that one at hand each time never asks."""
        due = [a for a in self._assigned.values() if a.due and a.fetched >= 0 and self._has_room(a)]
        return due if self._asked or any(a.behind for a in due) else []

    def _has_room(self, assigned: _Assigned) -> bool:
        return not assigned.paused and len(assigned.ahead) < self._most and assigned.bytes_ahead < READ_BYTES

    async def _read(self) -> None:
        """One query for all partitions that may have more."""
        hungry = self._hungry()
        self._is_due &= not self._asked
        if not hungry:
            return
        limit = self._most
        for assigned in hungry:
            assigned.due = False
        topics, parts = [a.tp.topic for a in hungry], [a.tp.partition for a in hungry]
        rows = await self._link.fetch(READ, topics, parts, [a.fetched for a in hungry], limit, READ_BYTES)
        gone = self._keep(hungry, rows, limit)
        for assigned in gone:
            await self._explain(assigned)
        if rows:
            self._available.set()

    def _keep(self, hungry: Sequence[_Assigned], rows: Sequence[Any], limit: int) -> list[_Assigned]:
        """Put rows with their partitions; those dropped or sought meanwhile are other objects by now. Whoever got as
        many as he could may have more."""
        said = {row[0]: row[5] for row in rows if row[1] is None}
        if said:
            rows = [row for row in rows if row[0] not in said]
        starts, sizes = [a.fetched for a in hungry], [0] * len(hungry)
        at, number = hungry[0], 1
        topic, part, put = at.tp.topic, at.tp.partition, at.ahead.append
        for n, offset, key, headers, value, stamp in rows:
            if n != number:
                at, number = hungry[n - 1], n
                topic, part, put = at.tp.topic, at.tp.partition, at.ahead.append
            put(Record(topic, part, offset, key, unpack(headers), value, stamp))
            sizes[n - 1] += len(value or b"")
            at.fetched = offset + 1
        for assigned, before, size in zip(hungry, starts, sizes, strict=True):
            assigned.behind = assigned.fetched - before >= limit or size >= READ_BYTES
            assigned.due |= assigned.behind
            assigned.bytes_ahead += size
        for n, end in said.items():
            hungry[n - 1].fetched = end or hungry[n - 1].fetched
        return [hungry[n - 1] for n, end in said.items() if end is None]

    async def _explain(self, assigned: _Assigned) -> None:
        """Stop reading the partition; a topic that is missing at this moment is tried again."""
        ends = (await self.ends([assigned.tp])).get(assigned.tp)
        if ends is None:
            log.warning("bus_partition_missing", partition=str(assigned.tp))
            return
        if not ends[0] <= assigned.fetched <= ends[1]:
            assigned.gone = OffsetGone(assigned.tp, assigned.fetched, *ends)
            assigned.fetched = -1


def _pop(assigned: _Assigned, most: int) -> list[Record]:
    ahead = assigned.ahead
    if len(ahead) <= most:
        records = list(ahead)
        ahead.clear()
        assigned.bytes_ahead = 0
        return records
    records = [ahead.popleft() for _ in range(most)]
    assigned.bytes_ahead -= sum(len(record.value or b"") for record in records)
    return records


def _record(tp: TopicPartition, row: Any) -> Record:
    _, offset, key, headers, value, stamp = row
    return Record(tp.topic, tp.partition, offset, key, unpack(headers), value, stamp)


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event; whether it came in time."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
