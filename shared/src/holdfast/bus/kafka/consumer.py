"""A member of a Kafka consumer group that reads from where its owner says, and from nowhere else."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import aiokafka
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from holdfast.bus.kafka.client import AWAY, unavailable
from holdfast.bus.kafka.hints import Hints
from holdfast.bus.kafka.lookup import Lookup, to_kafka, to_record
from holdfast.bus.port import AssignmentListener, BusUnavailable, OffsetGone, Record, TopicPartition

IDLE_SECONDS = 0.1
"""How long one wait for records takes at most, so that a new assignment is seen soon."""
RETRY_SECONDS = 0.5
MOST_SECONDS_BETWEEN_POLLS = 300.0
REBALANCE_SECONDS = 30.0
NO_PARTITION = aiokafka.TopicPartition("", -1)
"""Asking for records of this one keeps the member alive and hands out nothing."""
log = structlog.get_logger(__name__)


class KafkaConsumer:
    """A consumer on Kafka (`holdfast.bus.port.Consumer`).

    The listener runs while a `poll` is under way and never beside the caller's own code: between two polls
    the turn is held, and the group's rebalance waits for it.
    """

    def __init__(self, options: dict[str, Any], group: str, extra: dict[str, Any], seconds: float) -> None:
        self._options, self._group, self._extra, self._seconds = options, group, extra, seconds
        self._member = f"{options['client_id']}-{uuid.uuid4().hex[:8]}"
        self._lookup = Lookup(options, seconds)
        self._client: AIOKafkaConsumer | None = None
        self._topics: tuple[str, ...] = ()
        self._next: dict[TopicPartition, int] = {}
        self._in_hand: dict[TopicPartition, int] = {}
        """The first offset of what this `poll` hands out."""
        self._paused: set[TopicPartition] = set()
        self._held: set[TopicPartition] = set()
        self._unannounced: set[TopicPartition] = set()
        self._rebalanced = asyncio.Event()
        self._turn = asyncio.Lock()
        self._has_turn = False
        self._faults: list[Exception] = []
        self._hints = Hints(lambda: self._client)

    @property
    def member_id(self) -> str:
        """The client id and a random part."""
        return self._member

    async def start(self, topics: Sequence[str], listener: AssignmentListener) -> None:
        """Join the group. Raises TopicMissing and BusUnavailable."""
        self._topics, self._listener = tuple(topics), listener
        await self._lookup.partitions(topics)
        try:
            self._client = await self._join()
        except AWAY as error:
            raise unavailable(error) from error
        await self._turn.acquire()
        self._has_turn = True
        self._hints.start()

    async def stop(self) -> None:
        """Give up the partitions, leave the group and disconnect."""
        held = set(self._held)
        self._give_turn()
        try:
            await self._revoke(held)
            if self._faults:
                raise self._faults.pop()
        finally:
            await self._hints.stop()
            await self._leave()
            await self._lookup.close()

    async def poll(
        self,
        timeout: float,  # noqa: ASYNC109
        max_records: int,
    ) -> dict[TopicPartition, list[Record]]:
        """Records of our partitions. Raises OffsetGone, and what the listener raised."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        self._give_turn()
        self._in_hand.clear()
        try:
            while True:
                records = await self._round(max(0.0, min(deadline - loop.time(), IDLE_SECONDS)), max_records)
                if records or loop.time() >= deadline:
                    return records
        finally:
            await self._turn.acquire()
            self._has_turn = True

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Read on from `offset`. A partition that is not ours is passed over."""
        if self._client is None or tp not in self._held:
            return
        with suppress(IllegalStateError):
            self._client.seek(to_kafka(tp), offset)
            self._next[tp] = offset

    def pause(self, *tps: TopicPartition) -> None:
        """Hand out nothing of these until `resume`; what was fetched is kept."""
        self._paused.update(tps)

    def resume(self, *tps: TopicPartition) -> None:
        """Hand out records of these again."""
        self._paused.difference_update(tps)

    async def begin_offsets(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset kept in each. Raises BusUnavailable."""
        return await self._lookup.begin_offsets(tps)

    async def end_offsets(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset the next record of each will get. Raises BusUnavailable."""
        return await self._lookup.end_offsets(tps)

    async def position(self, tp: TopicPartition) -> int | None:
        """Where the client goes on, unless records before it are just being handed out."""
        if self._client is None or tp not in self._next:
            return None
        with suppress(IllegalStateError):
            position: int = await self._client.position(to_kafka(tp))
            return min(position, self._in_hand.get(tp, position))
        return None

    async def read_one(self, tp: TopicPartition, offset: int) -> Record | None:
        """The record at exactly this offset. Raises BusUnavailable."""
        return await self._lookup.read_one(tp, offset)

    async def commit_hint(self, offsets: dict[TopicPartition, int]) -> None:
        """Committed within a second."""
        self._hints.note(offsets)

    def _give_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._turn.release()

    async def _round(self, seconds: float, max_records: int) -> dict[TopicPartition, list[Record]]:
        """One wait for records, after what the group has changed was told to the listener."""
        if self._faults:
            raise self._faults.pop(0)
        try:
            client = await self._connected()
            await self._announce()
            if not self._rebalanced.is_set():
                await _until(self._rebalanced, seconds)
                return {}
            return await self._fetch(client, seconds, max_records)
        except OffsetOutOfRangeError as error:
            await self._gone(error)
        except NoOffsetForPartitionError:
            return {}
        except (*AWAY, BusUnavailable) as error:
            await self._recover(error)
        return {}

    async def _fetch(
        self, client: AIOKafkaConsumer, seconds: float, max_records: int
    ) -> dict[TopicPartition, list[Record]]:
        """What is at hand of each partition; if nothing is, what comes first within the time."""
        ready = [tp for tp in self._next if tp not in self._paused]
        taken: dict[TopicPartition, list[Record]] = {}
        for tp in ready:
            try:
                found = await client.getmany(to_kafka(tp), timeout_ms=0, max_records=max_records)
            except KafkaError as error:
                if not taken:
                    raise
                log.info("kafka_read_failed", partition=str(tp), error=str(error))
                break
            taken |= self._accept(found)
        if taken:
            return taken
        asked = [to_kafka(tp) for tp in ready] or [NO_PARTITION]
        found = await client.getmany(*asked, timeout_ms=int(seconds * 1000), max_records=max_records)
        return self._accept(found)

    def _accept(self, found: dict[Any, list[Any]]) -> dict[TopicPartition, list[Record]]:
        """Only records that follow the position we were given."""
        taken = {}
        for kafka_tp, records in found.items():
            tp = TopicPartition(kafka_tp.topic, kafka_tp.partition)
            start = self._next.get(tp)
            if start is None:
                continue
            if kept := [to_record(record) for record in records if record.offset >= start]:
                self._next[tp] = kept[-1].offset + 1
                self._in_hand[tp] = kept[0].offset
                taken[tp] = kept
        return taken

    async def _announce(self) -> None:
        """Tell the listener of what is new; when it fails, the next round tells it again."""
        if not self._unannounced:
            return
        async with self._turn:
            # Only now: while it waited for the turn, the group may have taken some.
            if new := self._unannounced & self._held:
                await self._listener.assigned(new)
                self._unannounced -= new

    async def _gone(self, error: OffsetOutOfRangeError) -> None:
        for kafka_tp, offset in error.args[0].items():
            tp = TopicPartition(kafka_tp.topic, kafka_tp.partition)
            if self._next.get(tp) != offset:
                continue
            begin, end = await self.begin_offsets([tp]), await self.end_offsets([tp])
            if not begin[tp] <= offset <= end[tp]:
                del self._next[tp]
                raise OffsetGone(tp, offset, begin[tp], end[tp])

    async def _recover(self, error: BaseException) -> None:
        """Errors that pass are waited out; after any other the member joins anew."""
        log.warning("kafka_read_failed", group=self._group, error=str(error) or type(error).__name__)
        if isinstance(error, KafkaError) and not error.retriable:
            await self._revoke(self._held)
            await self._leave()
        await asyncio.sleep(RETRY_SECONDS)

    async def _connected(self) -> AIOKafkaConsumer:
        if self._client is None:
            self._client = await self._join()
        return self._client

    async def _join(self) -> AIOKafkaConsumer:
        self._rebalanced.clear()
        client = AIOKafkaConsumer(
            **self._options,
            **self._extra,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            partition_assignment_strategy=(RangePartitionAssignor,),
            max_poll_interval_ms=int(MOST_SECONDS_BETWEEN_POLLS * 1000),
            rebalance_timeout_ms=int(REBALANCE_SECONDS * 1000),
        )
        try:
            async with asyncio.timeout(self._seconds):
                await client.start()
        except BaseException:
            await client.stop()
            raise
        client.subscribe(self._topics, listener=_Listener(self))
        return client

    async def _leave(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            async with asyncio.timeout(self._seconds):
                await client.stop()
        except AWAY as error:
            log.info("kafka_leave_failed", group=self._group, error=str(error))

    def accept_assignment(self, assigned: set[TopicPartition]) -> None:
        """The group has given us these; the next round of `poll` announces them."""
        self._held, self._unannounced = set(assigned), set(assigned)
        self._next.clear()
        self._rebalanced.set()

    async def give_up(self, revoked: set[TopicPartition]) -> None:
        """The group takes these; answers when the listener has let go of them."""
        self._rebalanced.clear()
        async with self._turn:
            await self._revoke(revoked)

    async def _revoke(self, tps: set[TopicPartition]) -> None:
        """What the listener raises comes out of the next `poll`; the client would swallow it."""
        announced = (tps & self._held) - self._unannounced
        self._held, self._unannounced = set(), set()
        self._next.clear()
        self._paused.difference_update(tps)
        if announced:
            try:
                await self._listener.revoked(announced)
            except Exception as error:
                self._faults.append(error)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """What aiokafka calls; it logs and forgets exceptions, so none may come out of here."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        await self._consumer.give_up({TopicPartition(tp.topic, tp.partition) for tp in revoked})

    async def on_partitions_assigned(self, assigned: set[Any]) -> None:
        self._consumer.accept_assignment({TopicPartition(tp.topic, tp.partition) for tp in assigned})


async def _until(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
