"""Topics of the log in PostgreSQL, and what keeps it from growing: retention by age, compaction."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files

import asyncpg
import structlog

from holdfast.bus.port import TopicMissing, TopicPartition
from holdfast.bus.postgres.link import Link
from holdfast.contracts.topics import Topic
from holdfast.database.migrations import SchemaDiffers
from holdfast.database.pool import CONNECT_TIMEOUT_SECONDS
from holdfast.database.reaching import reaching

TOMBSTONE_HOURS = 24
"""How long a tombstone stays, so that every reader can see that its key is gone."""
ROWS_AT_ONCE = 20_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_NOW_MS = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

_END = "SELECT next_offset FROM bus_partition WHERE topic = $1 AND part = $2"
# Stamps grow with the offsets, so what is expired is a prefix.
_YOUNG = f"""
SELECT "offset" FROM bus_log WHERE topic = $1 AND part = $2 AND timestamp_ms >= {_NOW_MS} - $3::bigint
 ORDER BY "offset" LIMIT 1
"""
_FORGET = """
UPDATE bus_partition SET first_offset = $3 WHERE topic = $1 AND part = $2 AND first_offset < $3
"""
_TRIM = """
DELETE FROM bus_log WHERE topic = $1 AND part = $2 AND "offset" < (
    SELECT least(p.first_offset, m.low + $3) FROM bus_partition p,
           (SELECT min("offset") AS low FROM bus_log WHERE topic = $1 AND part = $2) AS m
     WHERE p.topic = $1 AND p.part = $2)
"""
_COMPACT = """
DELETE FROM bus_log l USING (
    SELECT key, max("offset") AS newest FROM bus_log
     WHERE topic = $1 AND part = $2 AND "offset" >= $3 AND "offset" < $4 AND key IS NOT NULL
     GROUP BY key) AS d
 WHERE l.topic = $1 AND l.part = $2 AND l.key = d.key AND l."offset" < d.newest
"""
_BURY = f"""
DELETE FROM bus_log WHERE topic = $1 AND part = $2 AND "offset" < $3 AND value IS NULL AND key IS NOT NULL
   AND timestamp_ms < {_NOW_MS} - $4::bigint
"""
MADE_BY = """
SELECT coalesce(obj_description(oid, 'pg_class'), '') FROM pg_class WHERE oid = to_regclass('bus_partition')
"""
"""The digest of the script that made the tables; null where there are none."""
log = structlog.get_logger(__name__)


async def install(url: str) -> None:
    """Create the tables of the log in the database at `url`; does nothing where they are.

    Raises OSError or asyncpg.PostgresError when the database cannot be reached or refuses, SchemaDiffers when
    another version of the code made the tables.
    """
    script = files("holdfast.bus.postgres").joinpath("sql/0001_log.sql").read_text()
    with reaching(url):
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_SECONDS)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL client_min_messages = warning")
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('holdfast bus tables'))")
            made_by, ours = await connection.fetchval(MADE_BY), sha256(script.encode()).hexdigest()
            if made_by not in (None, ours):
                raise SchemaDiffers(await connection.fetchval("SELECT current_database()"))
            await connection.execute(script)
            if made_by is None:
                await connection.execute(f"COMMENT ON TABLE bus_partition IS '{ours}'")
    finally:
        await connection.close()


class LogAdmin:
    """Administration of the log in PostgreSQL (`holdfast.bus.port.Admin`)."""

    def __init__(self, url: str) -> None:
        self._link = Link(url, "holdfast-bus-admin", planning={"jit": "off"})

    async def create_topics(self, topics: Sequence[Topic]) -> list[str]:
        """Create what is missing; answer a sentence for each topic that differs. Raises BusUnavailable."""
        rows = await self._link.fetch("SELECT topic, count(*)::int FROM bus_partition GROUP BY topic")
        existing: dict[str, int] = dict(tuple(row) for row in rows)
        missing = [(t.name, part) for t in topics if t.name not in existing for part in range(t.partitions)]
        await self._link.fetch(
            "INSERT INTO bus_partition (topic, part) SELECT * FROM unnest($1::text[], $2::int[]) "
            "ON CONFLICT DO NOTHING",
            [name for name, _ in missing],
            [part for _, part in missing],
        )
        return [
            f"{t.name} has {existing[t.name]} partitions instead of {t.partitions}; it was left as it is, "
            f"since another count would break the order within a key."
            for t in topics
            if existing.get(t.name, t.partitions) != t.partitions
        ]

    async def delete_topics(self, names: Sequence[str]) -> None:
        """Delete topics with all they hold. Raises BusUnavailable."""
        for table in ("bus_lease", "bus_partition", "bus_log"):
            await self._link.fetch(f"DELETE FROM {table} WHERE topic = ANY($1)", list(names))

    async def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """The next offset of every partition of `topics`. Raises BusUnavailable, TopicMissing."""
        rows = await self._link.fetch(
            "SELECT topic, part, next_offset FROM bus_partition WHERE topic = ANY($1)", list(topics)
        )
        for missing in sorted(set(topics) - {row[0] for row in rows}):
            raise TopicMissing(missing)
        return {TopicPartition(topic, part): end for topic, part, end in rows}

    async def maintain(self, topics: Sequence[Topic]) -> None:
        """Remove what is older than its topic keeps, and compact compacted topics. Raises BusUnavailable."""
        for topic in topics:
            for part in range(topic.partitions):
                if topic.compacted:
                    await self._compact(topic.name, part)
                else:
                    await self._expire(topic, part)

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def _expire(self, topic: Topic, part: int) -> None:
        """First the readers are told, then rows go in small transactions.

        The end is read before the rows: what is appended meanwhile lies behind it and stays.
        """
        end = await self._link.fetch(_END, topic.name, part)
        young = await self._link.fetch(_YOUNG, topic.name, part, topic.retention_days * DAY_MS)
        for row in (young or end)[:1]:
            await self._link.fetch(_FORGET, topic.name, part, row[0])
        removed = 1
        while removed:
            removed = await self._count(_TRIM, topic.name, part, ROWS_AT_ONCE)

    async def _compact(self, topic: str, part: int) -> None:
        rows = await self._link.fetch(
            "SELECT compacted_to, next_offset FROM bus_partition WHERE topic = $1 AND part = $2", topic, part
        )
        for start, end in rows:
            removed = 0
            if start < end:
                removed = await self._count(_COMPACT, topic, part, start, end)
                await self._link.fetch(
                    "UPDATE bus_partition SET compacted_to = $3 WHERE topic = $1 AND part = $2",
                    topic,
                    part,
                    end,
                )
            removed += await self._count(_BURY, topic, part, end, TOMBSTONE_HOURS * HOUR_MS)
            log.info("bus_compacted", topic=topic, partition=part, removed=removed)

    async def _count(self, statement: str, *values: object) -> int:
        async def action(connection: asyncpg.Connection) -> int:
            return int((await connection.execute(statement, *values)).rpartition(" ")[2])

        return await self._link.run(action)
