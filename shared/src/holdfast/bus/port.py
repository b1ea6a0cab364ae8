"""The port both transports implement: producer, consumer, admin. Callers keep the offsets, not the bus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from holdfast.contracts.topics import Topic
from holdfast.values import quick

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, order=True)
class TopicPartition:
    """One ordered log: a partition of a topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}"


@quick
@dataclass(frozen=True, slots=True)
class Record:
    """A record as read. A record without a value is a tombstone: its key is gone from a compacted topic."""

    topic: str
    partition: int
    offset: int
    key: str | None
    headers: Headers
    value: bytes | None
    timestamp_ms: int


@quick
@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to send; its partition follows from its key (`bus/partitioner.py`)."""

    topic: str
    key: str
    value: bytes | None
    headers: Headers = ()


@quick
@dataclass(frozen=True, slots=True)
class Position:
    """Where a record is; callers are given its text form `topic:partition:offset` and name it again."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read the text form. Raises ValueError that says what a position looks like."""
        topic, _, rest = text.partition(":")
        partition, _, offset = rest.partition(":")
        if not (topic and _digits(partition) and _digits(offset)):
            raise ValueError(f"a position is topic:partition:offset, such as erp.orders.v1:3:120, not {text!r}")
        return cls(topic, int(partition), int(offset))


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


class RecordRefused(Exception):
    """This record can never be sent as it is (too large, a key that is not text); others can."""


class BusUnavailable(Exception):
    """The bus did not take or answer in time: try again later, in the same order."""


class TopicMissing(BusUnavailable):
    """A topic does not exist; the text says how to create it."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"The bus has no topic {topic}: create the topics with `holdfast topics`.")
        self.topic = topic


class OffsetGone(Exception):
    """The position to read from is no longer in the log, or not yet: `begin` and `end` say what there is.

    Raised by `Consumer.poll`. Nothing is read from the partition until the owner seeks it.
    """

    def __init__(self, tp: TopicPartition, offset: int, begin: int, end: int) -> None:
        super().__init__(f"{tp}: offset {offset} is not in the log, which holds {begin} to {end}")
        self.tp, self.offset, self.begin, self.end = tp, offset, begin, end


class Producer(Protocol):
    """Sends records. One producer may be used by several tasks at once."""

    async def start(self) -> None:
        """Get ready; does not fail when the bus is away, since `send` connects again."""

    async def stop(self) -> None:
        """Send what is under way and let go."""

    async def send(self, records: Sequence[Outgoing]) -> list[Position | RecordRefused]:
        """Send in the order given per key, and answer for each record, once all are durable.

        A refused record does not stop the others. Raises BusUnavailable when any other is not certain:
        then each of them may be in the log or not, and the whole batch is to be sent again.
        """


class AssignmentListener(Protocol):
    """Told of partitions that come and go, inside `Consumer.poll`; what it raises comes out of `poll`."""

    async def assigned(self, partitions: set[TopicPartition]) -> None:
        """These are ours now. Nothing of one is handed out before `Consumer.seek` was called for it."""

    async def revoked(self, partitions: set[TopicPartition]) -> None:
        """These go to others as soon as this returns."""


class Consumer(Protocol):
    """A member of a consumer group."""

    @property
    def member_id(self) -> str:
        """Who this is, unique within the group; changes when the member joins anew."""

    async def start(self, topics: Sequence[str], listener: AssignmentListener) -> None:
        """Join the group; partitions arrive during `poll`. Raises TopicMissing, BusUnavailable."""

    async def stop(self) -> None:
        """Give up the partitions (`revoked` is called) and leave the group, so that others take over."""

    async def poll(
        self,
        timeout: float,  # noqa: ASYNC109
        max_records: int,
    ) -> dict[TopicPartition, list[Record]]:
        """Wait at most `timeout` seconds for records, at most `max_records` of each unpaused partition.

        Nothing when the bus is away. Raises OffsetGone, and what the listener raised.
        """

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Read on from `offset`; records fetched earlier are forgotten."""

    def pause(self, *tps: TopicPartition) -> None:
        """Hand out nothing of these until `resume`; the member stays in the group."""

    def resume(self, *tps: TopicPartition) -> None:
        """Hand out records of these again."""

    async def begin_offsets(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset kept in each. Raises BusUnavailable."""

    async def end_offsets(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset the next record of each will get. Raises BusUnavailable."""

    async def position(self, tp: TopicPartition) -> int | None:
        """Everything before this offset has been handed out or never will be; None where it is not known.

        It may be beyond the record handed out last: not every offset has a record (what ends a transaction on Kafka, a
        tombstone that was removed).
        """

    async def read_one(self, tp: TopicPartition, offset: int) -> Record | None:
        """The record at exactly this offset; None when there is none (any more). Raises BusUnavailable."""

    async def commit_hint(self, offsets: dict[TopicPartition, int]) -> None:
        """Tell the bus how far we are (next offsets), for lag tools only. Never raises."""


class Admin(Protocol):
    """Topics, for the command line and the local stack."""

    async def create_topics(self, topics: Sequence[Topic]) -> list[str]:
        """Create what is missing; answer a sentence for each topic that differs. Raises BusUnavailable."""

    async def delete_topics(self, names: Sequence[str]) -> None:
        """Delete topics with all they hold; those that do not exist are passed over."""

    async def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """The next offset of every partition of `topics`. Raises BusUnavailable, TopicMissing."""

    async def maintain(self, topics: Sequence[Topic]) -> None:
        """Remove what is past its retention and compact, where the bus does not do so by itself."""

    async def close(self) -> None:
        """Let go of the connection."""


class Transport(Protocol):
    """A bus: Apache Kafka, or the log in PostgreSQL."""

    def producer(self) -> Producer:
        """A producer; not started."""

    def consumer(self, group: str, member: str | None = None) -> Consumer:
        """A member of `group`; not started. `member` names it in logs and, on Kafka, as its client id."""

    def admin(self) -> Admin:
        """Topic administration; connects when first used."""
