"""Appends to the log. What several tasks send at the same time goes in one statement and one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from holdfast.bus.limits import refusal
from holdfast.bus.partitioner import partition_of
from holdfast.bus.port import BusUnavailable, Outgoing, Position, RecordRefused, TopicMissing
from holdfast.bus.postgres.headers import pack
from holdfast.bus.postgres.link import Link

APPEND = "SELECT bus_append($1, $2, $3, $4, $5, $6, $7, $8)"
COUNT = "SELECT topic, count(*)::int FROM bus_partition WHERE topic = ANY($1) GROUP BY topic"
MOST_TOGETHER = 5_000
"""Records of several `send` calls that share one statement."""

Row = tuple[str, int, str, str, bytes | None]


@dataclass(slots=True)
class _Waiting:
    rows: list[Row]
    done: asyncio.Future[list[Position]]


class LogProducer:
    """A producer of the log in PostgreSQL (`holdfast.bus.port.Producer`)."""

    def __init__(self, url: str) -> None:
        self._link = Link(url, "holdfast-bus-producer")
        self._partitions: dict[str, int] = {}
        self._waiting: list[_Waiting] = []
        self._sender: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Nothing to do: the connection is made by the first `send`."""

    async def stop(self) -> None:
        """Send what is under way and close the connection."""
        if self._sender is not None:
            await asyncio.wait([self._sender])
        await self._link.close()

    async def send(self, records: Sequence[Outgoing]) -> list[Position | RecordRefused]:
        """Append in one commit. Raises TopicMissing and BusUnavailable; then nothing is certain."""
        refused = {i: no for i, record in enumerate(records) if (no := refusal(record)) is not None}
        good = [record for i, record in enumerate(records) if i not in refused] if refused else records
        rows = await self._rows(good)
        positions = iter(await self._enqueue(rows) if rows else [])
        return [refused[i] if i in refused else next(positions) for i in range(len(records))]

    async def _rows(self, records: Sequence[Outgoing]) -> list[Row]:
        await self._learn({record.topic for record in records})
        known = self._partitions
        return [(r.topic, partition_of(r.key, known[r.topic]), r.key, pack(r.headers), r.value) for r in records]

    async def _learn(self, topics: set[str]) -> None:
        unknown = topics - self._partitions.keys()
        if not unknown:
            return
        self._partitions.update([tuple(row) for row in await self._link.fetch(COUNT, list(unknown))])
        for topic in sorted(unknown - self._partitions.keys()):
            raise TopicMissing(topic)

    async def _enqueue(self, rows: list[Row]) -> list[Position]:
        waiting = _Waiting(rows, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_waiting())
        return await waiting.done

    async def _send_waiting(self) -> None:
        while self._waiting:
            group = self._next_group()
            try:
                positions = await self._append([row for waiting in group for row in waiting.rows])
            except BaseException as error:
                self._fail(group, error)
                if not isinstance(error, BusUnavailable):
                    raise
            else:
                _answer(group, positions)

    def _next_group(self) -> list[_Waiting]:
        group, size = [self._waiting.pop(0)], 0
        size = len(group[0].rows)
        while self._waiting and size + len(self._waiting[0].rows) <= MOST_TOGETHER:
            group.append(self._waiting.pop(0))
            size += len(group[-1].rows)
        return group

    async def _append(self, rows: list[Row]) -> list[Position]:
        places = sorted({(row[0], row[1]) for row in rows})
        slot_of = {place: slot for slot, place in enumerate(places)}
        counts = [0] * len(places)
        slots, ranks = [], []
        for topic, part, *_ in rows:
            slot = slot_of[topic, part]
            slots.append(slot + 1)
            ranks.append(counts[slot])
            counts[slot] += 1
        topics, parts = zip(*places, strict=True)
        _, _, keys, heads, bodies = zip(*rows, strict=True)
        columns = (topics, parts, counts, slots, ranks, keys, heads, bodies)
        bases = await self._link.run(lambda connection: self._call(connection, columns))
        return [
            Position(row[0], row[1], bases[slot - 1] + rank) for row, slot, rank in zip(rows, slots, ranks, strict=True)
        ]

    async def _call(self, connection: asyncpg.Connection, columns: Sequence[Sequence[object]]) -> list[int]:
        try:
            bases: list[int] = await connection.fetchval(APPEND, *columns)
        except asyncpg.NoDataFoundError as error:
            self._partitions.clear()
            raise TopicMissing(str(error)) from None
        return bases

    def _fail(self, group: list[_Waiting], error: BaseException) -> None:
        for waiting in group:
            if waiting.done.done():
                continue
            if isinstance(error, BusUnavailable):
                waiting.done.set_exception(error)
            else:
                waiting.done.set_exception(BusUnavailable(f"The batch was not sent: {error!r}"))


def _answer(group: list[_Waiting], positions: list[Position]) -> None:
    start = 0
    for waiting in group:
        end = start + len(waiting.rows)
        if not waiting.done.done():
            waiting.done.set_result(positions[start:end])
        start = end
