"""A member of a group as the tests need it: follows its assignment and collects what it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from holdfast.bus.port import Consumer, Outgoing, Record, TopicPartition

Start = Callable[[TopicPartition], int]


class Member:
    """Seeks what it is assigned to where `start` says, or nowhere when that is None; polls in the background."""

    def __init__(self, consumer: Consumer, start: Mapping[TopicPartition, int] | Start | None) -> None:
        self.consumer, self._start = consumer, start
        self.held: set[TopicPartition] = set()
        self.history: list[tuple[str, frozenset[TopicPartition]]] = []
        self.records: list[Record] = []
        self.errors: list[Exception] = []
        self.max_records = 100
        self._task: asyncio.Task[None] | None = None

    async def assigned(self, partitions: set[TopicPartition]) -> None:
        self.held |= partitions
        self.history.append(("assigned", frozenset(partitions)))
        for tp in partitions:
            if callable(self._start):
                self.consumer.seek(tp, self._start(tp))
            elif self._start is not None:
                self.consumer.seek(tp, self._start.get(tp, 0))

    async def revoked(self, partitions: set[TopicPartition]) -> None:
        self.held -= partitions
        self.history.append(("revoked", frozenset(partitions)))

    async def join(self, *topics: str) -> Member:
        await self.consumer.start(topics, self)
        self.go_on()
        return self

    def go_on(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def halt(self) -> None:
        """Stop polling, stay in the group."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def leave(self) -> None:
        await self.halt()
        await self.consumer.stop()

    def values(self, key: str | None = None) -> list[bytes | None]:
        return [r.value for r in self.records if key is None or r.key == key]

    async def _run(self) -> None:
        while True:
            try:
                for records in (await self.consumer.poll(0.2, self.max_records)).values():
                    self.records += records
            except Exception as error:
                self.errors.append(error)
                await asyncio.sleep(0.01)


KEYS = tuple(f"DEMF/{n}" for n in range(20))


def numbered(topic: str, count: int, keys: Sequence[str] = KEYS) -> list[Outgoing]:
    """Records 0, 1, 2, … that take turns over the keys."""
    return [Outgoing(topic, keys[i % len(keys)], str(i).encode()) for i in range(count)]
