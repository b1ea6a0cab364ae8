"""Who is in a consumer group and who holds which partition, kept in the log's database.

Every member works the same assignment out, under the row lock of the group. A member is dead when the server
process of its connection is gone, or when its heartbeat is old; the others then take its partitions over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import asyncpg

from holdfast.bus.port import TopicPartition
from holdfast.bus.postgres.link import Link

CHANNEL = "holdfast_bus_group"

# After a restart of the server no connection of before is left, and its absence says nothing of the member.
# A role that may not see the start of another's connection sees NULL.
_DEAD = """
(m.heartbeat_at < clock_timestamp() - make_interval(secs => $2)
 OR m.backend_start > pg_postmaster_start_time() AND NOT EXISTS (
        SELECT FROM pg_stat_get_activity(m.backend_pid) a
         WHERE coalesce(a.backend_start, m.backend_start) = m.backend_start))
"""
_BACKEND = "SELECT pid, backend_start FROM pg_stat_get_activity(pg_backend_pid())"
_JOIN = f"""
INSERT INTO bus_member ("group", member, topics, backend_pid, backend_start, heartbeat_at)
SELECT $1, $2, $3, pid, backend_start, clock_timestamp() FROM ({_BACKEND}) AS b
"""
_RETURN = f"""
UPDATE bus_member SET backend_pid = b.pid, backend_start = b.backend_start, heartbeat_at = clock_timestamp()
  FROM ({_BACKEND}) AS b WHERE "group" = $1 AND member = $2
"""
_BEAT = """
UPDATE bus_member SET heartbeat_at = clock_timestamp() WHERE "group" = $1 AND member = $2 RETURNING 1
"""
_STATE = f"""
SELECT generation, EXISTS (SELECT FROM bus_member m WHERE m."group" = $1 AND {_DEAD})
  FROM bus_group WHERE "group" = $1
"""
_CHANGED = """
WITH changed AS (UPDATE bus_group SET generation = generation + 1 WHERE "group" = $1 RETURNING generation)
SELECT generation, pg_notify('holdfast_bus_group', $1) FROM changed
"""
_TAKE = """
INSERT INTO bus_lease ("group", topic, part, member, generation)
SELECT $1, topic, part, $2, $3 FROM unnest($4::text[], $5::int[]) AS t (topic, part)
"""
_GIVE = """
DELETE FROM bus_lease USING unnest($3::text[], $4::int[]) AS t (topic, part)
 WHERE "group" = $1 AND member = $2 AND bus_lease.topic = t.topic AND bus_lease.part = t.part
"""
_HINT = """
UPDATE bus_lease SET next_offset = t.next
  FROM unnest($3::text[], $4::int[], $5::bigint[]) AS t (topic, part, next)
 WHERE "group" = $1 AND member = $2 AND bus_lease.topic = t.topic AND bus_lease.part = t.part
"""


@dataclass(frozen=True, slots=True)
class Share:
    """What is leased to a member: `ours` it keeps or gets, `extra` it owes to others."""

    generation: int
    ours: set[TopicPartition]
    extra: set[TopicPartition]


def range_assignment(
    members: Sequence[tuple[str, Sequence[str]]], partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, str]:
    """As Kafka's range assignor: each member gets a run of every topic, so equal numbers go together."""
    by_topic: dict[str, list[TopicPartition]] = {}
    for tp in sorted(partitions):
        by_topic.setdefault(tp.topic, []).append(tp)
    owners: dict[TopicPartition, str] = {}
    for topic, tps in by_topic.items():
        takers = [member for member, topics in members if topic in topics]
        for i, tp in enumerate(tps if takers else []):
            owners[tp] = takers[i * len(takers) // len(tps)]
    return owners


class Membership:
    """The rows of one member. Every method raises BusUnavailable."""

    def __init__(self, link: Link, group: str, member: str, topics: Sequence[str], session_seconds: float) -> None:
        self._link, self.group, self.member = link, group, member
        self._topics, self._session_seconds = sorted(topics), session_seconds

    async def join(self) -> None:
        """Become a member."""

        async def action(connection: asyncpg.Connection) -> None:
            async with connection.transaction():
                await connection.execute(
                    'INSERT INTO bus_group ("group") VALUES ($1) ON CONFLICT DO NOTHING', self.group
                )
                await connection.execute(_CHANGED, self.group)
                await connection.execute(_JOIN, self.group, self.member, self._topics)

        await self._link.run(action)

    async def leave(self) -> None:
        """Stop being a member; what it holds is free at once."""

        async def action(connection: asyncpg.Connection) -> None:
            async with connection.transaction():
                await connection.execute(_CHANGED, self.group)
                await connection.execute(
                    'DELETE FROM bus_member WHERE "group" = $1 AND member = $2', self.group, self.member
                )

        await self._link.run(action)

    async def reconnected(self, connection: asyncpg.Connection) -> None:
        """The member speaks through another connection now."""
        await connection.execute(_RETURN, self.group, self.member)

    async def beat(self) -> bool:
        """Show life; False when the others have put this member out."""
        return bool(await self._link.fetch(_BEAT, self.group, self.member))

    async def stale(self, generation: int) -> bool:
        """Whether the group has changed since `generation`, or somebody in it is dead."""
        rows = await self._link.fetch(_STATE, self.group, self._session_seconds)
        return not rows or rows[0][0] != generation or rows[0][1]

    async def settle(self) -> Share | None:
        """Put out the dead, take what is ours and free; None when this member has itself been put out."""
        return await self._link.run(self._settle)

    async def give(self, tps: Iterable[TopicPartition]) -> None:
        """Let others have these."""
        given = list(tps)

        async def action(connection: asyncpg.Connection) -> None:
            async with connection.transaction():
                await connection.execute(_CHANGED, self.group)
                await connection.execute(_GIVE, self.group, self.member, *_columns(given))

        await self._link.run(action)

    async def hint(self, offsets: dict[TopicPartition, int]) -> None:
        """Note how far this member is."""
        columns = (*_columns(offsets), list(offsets.values()))
        await self._link.fetch(_HINT, self.group, self.member, *columns)

    async def _settle(self, connection: asyncpg.Connection) -> Share | None:
        async with connection.transaction():
            generation = await connection.fetchval(
                'SELECT generation FROM bus_group WHERE "group" = $1 FOR UPDATE', self.group
            )
            dead = f'DELETE FROM bus_member m WHERE m."group" = $1 AND m.member <> $3 AND {_DEAD} RETURNING 1'
            if await connection.fetch(dead, self.group, self._session_seconds, self.member):
                generation = await connection.fetchval(_CHANGED, self.group)
            wanted = await self._wanted(connection)
            if wanted is None:
                return None
            leased = await self._leased(connection)
            free = sorted(wanted - leased.keys())
            await connection.execute(_TAKE, self.group, self.member, generation, *_columns(free))
            held = {tp for tp, member in leased.items() if member == self.member}
            return Share(generation, (held & wanted) | set(free), held - wanted)

    async def _wanted(self, connection: asyncpg.Connection) -> set[TopicPartition] | None:
        members = await connection.fetch(
            'SELECT member, topics FROM bus_member WHERE "group" = $1 ORDER BY joined', self.group
        )
        if self.member not in {member for member, _ in members}:
            return None
        topics = sorted({topic for _, subscribed in members for topic in subscribed})
        rows = await connection.fetch("SELECT topic, part FROM bus_partition WHERE topic = ANY($1)", topics)
        owners = range_assignment([tuple(row) for row in members], [TopicPartition(*row) for row in rows])
        return {tp for tp, member in owners.items() if member == self.member}

    async def _leased(self, connection: asyncpg.Connection) -> dict[TopicPartition, str]:
        rows = await connection.fetch('SELECT topic, part, member FROM bus_lease WHERE "group" = $1', self.group)
        return {TopicPartition(topic, part): member for topic, part, member in rows}


def _columns(tps: Iterable[TopicPartition]) -> tuple[list[str], list[int]]:
    listed = list(tps)
    return [tp.topic for tp in listed], [tp.partition for tp in listed]
