"""What Holdfast answered: the events of `holds.v1`, read as an ERP would, and what they add up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from holdfast.bus.envelope import Incoming, UnknownType, decode
from holdfast.bus.port import Consumer, TopicPartition, Transport
from holdfast.contracts import Topic
from holdfast.contracts.holds import HoldCancelled, OrderCleared, OrderHeld, OrderReleased

POLL_SECONDS = 0.2
BATCH = 2000


class _FromTheBeginning:
    """Seeks every partition to the first record it still has."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self.partitions: set[TopicPartition] = set()

    async def assigned(self, partitions: set[TopicPartition]) -> None:
        for tp, offset in (await self._consumer.begin_offsets(partitions)).items():
            self._consumer.seek(tp, offset)
        self.partitions |= partitions

    async def revoked(self, partitions: set[TopicPartition]) -> None:
        self.partitions -= partitions


async def read_topic(transport: Transport, topic: Topic) -> list[Incoming[Any]]:
    """All events that are on a topic now, in order per key, each once."""
    admin, consumer = transport.admin(), transport.consumer(f"reader-{uuid4().hex[:12]}")
    missing = {tp: end for tp, end in (await admin.end_offsets([topic.name])).items() if end}
    found: dict[tuple[str, str], Incoming[Any]] = {}
    try:
        await consumer.start([topic.name], _FromTheBeginning(consumer))
        while missing:
            for tp, records in (await consumer.poll(POLL_SECONDS, BATCH)).items():
                for record in records:
                    event = _read(record)
                    if event is not None:
                        found.setdefault((event.source, event.id), event)
                if records and records[-1].offset + 1 >= missing.get(tp, 0):
                    missing.pop(tp, None)
    finally:
        await consumer.stop()
        await admin.close()
    return list(found.values())


def _read(record: Any) -> Incoming[Any] | None:
    try:
        return decode(record)
    except UnknownType:
        return None


@dataclass(slots=True)
class Answers:
    """Decisions counted. An order that is held again after a release is another hold."""

    cleared: int = 0
    not_checked: int = 0
    held_answers: int = 0
    holds: dict[tuple[str, str], OrderHeld] = field(default_factory=dict)
    released: dict[tuple[str, str], OrderReleased] = field(default_factory=dict)
    cancelled: set[tuple[str, str]] = field(default_factory=set)
    orders: set[tuple[str, str]] = field(default_factory=set)

    @property
    def checked(self) -> int:
        """Requests that were answered."""
        return self.cleared + self.held_answers

    @property
    def still_held(self) -> int:
        """Holds that nobody has ended."""
        return len(self.holds.keys() - self.released.keys() - self.cancelled)

    @property
    def by_reason(self) -> Counter[str]:
        """Holds by each reason that they have."""
        return Counter(reason for hold in self.holds.values() for reason in hold.reasons)

    @property
    def by_group(self) -> int:
        """Holds over the limit that a credit group shares."""
        over = [h.figures for h in self.holds.values() if "credit_exceeded" in h.reasons]
        return sum(figures is not None and figures.limit_level == "group" for figures in over)

    def add(self, payload: object) -> None:
        """Count one event of `holds.v1`."""
        if isinstance(payload, OrderCleared | OrderHeld):
            self.orders.add((payload.company, payload.order))
        if isinstance(payload, OrderCleared):
            self.cleared += 1
            self.not_checked += not payload.checked
        elif isinstance(payload, OrderHeld):
            self.held_answers += 1
            self.holds.setdefault((payload.company, payload.hold), payload)
        elif isinstance(payload, OrderReleased):
            self.released[payload.company, payload.hold] = payload
        elif isinstance(payload, HoldCancelled):
            self.cancelled.add((payload.company, payload.hold))
