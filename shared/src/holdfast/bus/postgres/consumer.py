"""A member of a consumer group on the log in PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
import structlog

from holdfast.bus.port import AssignmentListener, BusUnavailable, Record, TopicMissing, TopicPartition
from holdfast.bus.postgres.link import Link
from holdfast.bus.postgres.membership import CHANNEL, Membership
from holdfast.bus.postgres.reader import Reader

SESSION_SECONDS = 10.0
WATCH_SECONDS = 0.25
"""How often a member looks whether another one has died; all other changes come by notification."""
MOST_SECONDS_BETWEEN_POLLS = 300.0
"""A member that does not poll for so long is stuck and stops showing life."""
log = structlog.get_logger(__name__)


class LogConsumer:
    """A consumer of the log in PostgreSQL (`holdfast.bus.port.Consumer`)."""

    def __init__(self, url: str, group: str, member: str | None, session_seconds: float) -> None:
        self._group, self._session_seconds = group, session_seconds
        self._name = member or f"{socket.gethostname()}-{os.getpid()}"
        self._session = Link(url, f"holdfast-bus-{group}", self._listen)
        self._data = Link(url, f"holdfast-bus-{group}-reader")
        self._available = asyncio.Event()
        self._reader = Reader(self._data, self._available)
        self._nudge = asyncio.Event()
        self._topics: frozenset[str] = frozenset()
        self._hints: dict[TopicPartition, int] = {}
        self._generation, self._stale, self._polled_at = -1, True, 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._membership = self._new_membership()

    @property
    def member_id(self) -> str:
        """The name given and a random part, anew for each time the member joins."""
        return self._membership.member

    async def start(self, topics: Sequence[str], listener: AssignmentListener) -> None:
        """Join the group. Raises TopicMissing and BusUnavailable."""
        self._topics, self._listener = frozenset(topics), listener
        known = await self._data.fetch("SELECT DISTINCT topic FROM bus_partition WHERE topic = ANY($1)", topics)
        for missing in sorted(self._topics - {row[0] for row in known}):
            raise TopicMissing(missing)
        self._membership = self._new_membership()
        await self._membership.join()
        self._touch()
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._reader.run())]

    async def stop(self) -> None:
        """Give up the partitions, leave the group and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            if self._tasks and self._reader.held:
                await self._listener.revoked(self._reader.held)
        finally:
            self._reader.drop(self._reader.held)
            await self._leave()

    async def poll(
        self,
        timeout: float,  # noqa: ASYNC109
        max_records: int,
    ) -> dict[TopicPartition, list[Record]]:
        """Records of our partitions. Raises OffsetGone, and what the listener raised."""
        self._touch()
        for task in self._tasks:
            if task.done():
                task.result()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while True:
                    self._available.clear()
                    if self._stale:
                        break
                    if records := self._reader.take(max_records):
                        return records
                    with self._reader.asked():
                        await self._available.wait()
        if self._stale:
            await self._settle()
        return self._reader.take(max_records)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Read on from `offset`."""
        self._reader.seek(tp, offset)

    def pause(self, *tps: TopicPartition) -> None:
        """Hand out nothing of these until `resume`."""
        self._reader.pause(tps, True)

    def resume(self, *tps: TopicPartition) -> None:
        """Hand out records of these again."""
        self._reader.pause(tps, False)

    async def begin_offsets(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset kept in each. Raises BusUnavailable, TopicMissing."""
        return {tp: first for tp, (first, _) in (await self._ends(tps)).items()}

    async def end_offsets(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset the next record of each will get. Raises BusUnavailable, TopicMissing."""
        return {tp: end for tp, (_, end) in (await self._ends(tps)).items()}

    async def position(self, tp: TopicPartition) -> int | None:
        """The first record at hand, or else where the log is read from."""
        return self._reader.position(tp)

    async def read_one(self, tp: TopicPartition, offset: int) -> Record | None:
        """The record at exactly this offset. Raises BusUnavailable."""
        return await self._reader.read_one(tp, offset)

    async def commit_hint(self, offsets: dict[TopicPartition, int]) -> None:
        """Remembered until the next heartbeat."""
        self._hints.update(offsets)

    async def _ends(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        wanted = set(tps)
        ends = await self._reader.ends(wanted)
        for missing in sorted(wanted - ends.keys()):
            raise TopicMissing(missing.topic)
        return ends

    def _new_membership(self) -> Membership:
        member = f"{self._name}-{uuid.uuid4().hex[:8]}"
        return Membership(self._session, self._group, member, tuple(self._topics), self._session_seconds)

    def _touch(self) -> None:
        self._polled_at = asyncio.get_running_loop().time()

    async def _settle(self) -> None:
        """Bring what we hold in line with the group; what cannot be done now is tried by the next poll."""
        try:
            share = await self._membership.settle()
            if share is None:
                await self._rejoin()
                share = await self._membership.settle()
            if share is None:
                return
            self._stale, self._generation = False, share.generation
            await self._release(self._reader.held - share.ours)
            if share.extra:
                await self._membership.give(share.extra)
            await self._accept(share.ours - self._reader.held)
        except BusUnavailable as error:
            self._stale = True
            log.warning("bus_group_unavailable", group=self._group, error=str(error))
            await asyncio.sleep(WATCH_SECONDS)
        except BaseException:
            self._stale = True
            raise

    async def _rejoin(self) -> None:
        log.warning("bus_member_put_out", group=self._group, member=self.member_id)
        await self._release(self._reader.held)
        self._membership = self._new_membership()
        await self._membership.join()

    async def _release(self, tps: set[TopicPartition]) -> None:
        if tps:
            await self._listener.revoked(tps)
            self._reader.drop(tps)

    async def _accept(self, tps: set[TopicPartition]) -> None:
        if not tps:
            return
        self._reader.add(tps)
        try:
            await self._listener.assigned(tps)
        except BaseException:
            self._reader.drop(tps)
            raise

    async def _leave(self) -> None:
        try:
            if self._tasks:
                await self._membership.leave()
        except BusUnavailable as error:
            log.info("bus_leave_failed", group=self._group, error=str(error))
        finally:
            self._tasks = []
            await self._session.close()
            await self._data.close()

    async def _listen(self, connection: asyncpg.Connection) -> None:
        await connection.add_listener("holdfast_bus", self._on_append)
        await connection.add_listener(CHANNEL, self._on_change)
        await self._membership.reconnected(connection)
        self._reader.wake()

    def _on_append(self, _: Any, __: int, ___: str, payload: object) -> None:
        """The payload names the partitions, or with too many of them nothing."""
        if not payload:
            self._reader.wake()
        places = (place.rpartition("/") for place in str(payload).split(","))
        self._reader.appended(TopicPartition(topic, int(part)) for topic, _, part in places if topic in self._topics)

    def _on_change(self, _: Any, __: int, ___: str, payload: object) -> None:
        if payload == self._group:
            self._nudge.set()

    async def _watch(self) -> None:
        """Show life, and look for changes in the group, whatever the handlers do."""
        loop = asyncio.get_running_loop()
        beat_at, well = 0.0, True
        while True:
            self._nudge.clear()
            try:
                beat_at = await self._look(loop.time(), beat_at)
                well = True
            except BusUnavailable as error:
                if well:
                    log.warning("bus_session_lost", group=self._group, error=str(error))
                well = False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await self._nudge.wait()

    async def _look(self, now: float, beat_at: float) -> float:
        """One round; answers when the next heartbeat is due."""
        stuck = now - self._polled_at > MOST_SECONDS_BETWEEN_POLLS
        if now >= beat_at and not stuck:
            if not await self._membership.beat():
                self._change()
            hints, self._hints = self._hints, {}
            if hints:
                await self._membership.hint(hints)
            beat_at = now + self._session_seconds / 5
        if not self._stale and await self._membership.stale(self._generation):
            self._change()
        return beat_at

    def _change(self) -> None:
        self._stale = True
        self._available.set()
