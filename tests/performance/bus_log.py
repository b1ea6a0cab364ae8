"""The log in PostgreSQL against the bare statements it consists of: append, read, and the way through both."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence

import asyncpg
from tests.performance.report import Result, result
from tests.performance.servers import embedded_postgres

from holdfast.bus.partitioner import partition_of
from holdfast.bus.port import Outgoing, Record, TopicPartition
from holdfast.bus.postgres import PostgresTransport, install
from holdfast.bus.postgres.headers import pack, unpack
from holdfast.contracts.topics import PARTITIONS, Topic
from holdfast.platform.collector import collect_by_the_batch

RECORDS = 40_000
BATCH = 500
TOPIC = Topic("bench.v1", "the benchmark")
VALUE = b"x" * 400
ONE_BY_ONE = 400
PER_SECOND = 200

BARE_TABLES = """
DROP TABLE IF EXISTS bare_partition, bare_log;
CREATE TABLE bare_partition (topic text COLLATE "C", part int, next bigint, PRIMARY KEY (topic, part));
CREATE TABLE bare_log (topic text COLLATE "C", part int, "offset" bigint, key text, headers text, value bytea,
                       PRIMARY KEY (topic, part, "offset"));
INSERT INTO bare_partition SELECT 'bench.v1', n, 0 FROM generate_series(0, $N) AS n;
"""
BARE_APPEND = """
WITH r AS (
    SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::bytea[])
             WITH ORDINALITY AS r (topic, part, key, headers, value, n)),
counts AS (SELECT topic, part, count(*) AS n FROM r GROUP BY 1, 2),
locked AS (SELECT p.topic, p.part, p.next FROM bare_partition p JOIN counts USING (topic, part)
            ORDER BY 1, 2 FOR UPDATE OF p),
moved AS (UPDATE bare_partition p SET next = l.next + c.n FROM locked l JOIN counts c USING (topic, part)
           WHERE p.topic = l.topic AND p.part = l.part)
INSERT INTO bare_log
SELECT r.topic, r.part, l.next + row_number() OVER (PARTITION BY r.topic, r.part ORDER BY r.n) - 1,
       r.key, r.headers, r.value
  FROM r JOIN locked l USING (topic, part)
"""
BARE_READ = """
SELECT "offset", key, headers, value FROM bare_log
 WHERE topic = $1 AND part = $2 AND "offset" >= $3 ORDER BY "offset" LIMIT $4
"""


def outgoing(count: int) -> list[Outgoing]:
    """Records of 400 bytes with the headers of an event, over 500 keys."""
    fixed = (
        ("ce_specversion", b"1.0"),
        ("ce_source", b"/erp/dynamics"),
        ("ce_type", b"erp.invoice.posted.v1"),
        ("content-type", b"application/json"),
    )
    return [Outgoing(TOPIC.name, f"DEMF/C{i % 500:05}", VALUE, (("ce_id", b"%036d" % i), *fixed)) for i in range(count)]


def batches(records: Sequence[Outgoing]) -> list[Sequence[Outgoing]]:
    return [records[start : start + BATCH] for start in range(0, len(records), BATCH)]


async def bare_append(connection: asyncpg.Connection, records: Sequence[Outgoing]) -> float:
    """Records a second: the statement, one commit a batch, headers and partition made as ours are."""
    await connection.execute(BARE_TABLES.replace("$N", str(PARTITIONS - 1)))
    start = time.perf_counter()
    for batch in batches(records):
        columns = zip(
            *[(r.topic, partition_of(r.key, PARTITIONS), r.key, pack(r.headers), r.value) for r in batch],
            strict=True,
        )
        await connection.execute(BARE_APPEND, *columns)
    return len(records) / (time.perf_counter() - start)


async def bare_read(connection: asyncpg.Connection, count: int) -> float:
    """Records a second: the statement partition by partition, decoded as ours are."""
    start, seen = time.perf_counter(), 0
    for part in range(PARTITIONS):
        at = 0
        while rows := await connection.fetch(BARE_READ, TOPIC.name, part, at, BATCH):
            records = [Record(TOPIC.name, part, o, k, unpack(h), v, 0) for o, k, h, v in rows]
            at = records[-1].offset + 1
            seen += len(records)
    assert seen == count
    return count / (time.perf_counter() - start)


class _Reader:
    """Starts every partition at its beginning."""

    def __init__(self, transport: PostgresTransport) -> None:
        self.consumer = transport.consumer("bench")

    async def assigned(self, partitions: set[TopicPartition]) -> None:
        for tp in partitions:
            self.consumer.seek(tp, 0)

    async def revoked(self, partitions: set[TopicPartition]) -> None:
        """Nothing to let go."""

    async def read(self, count: int) -> None:
        while count > 0:
            count -= sum(len(found) for found in (await self.consumer.poll(1.0, BATCH)).values())


async def our_append(transport: PostgresTransport, records: Sequence[Outgoing]) -> float:
    """Records a second through the producer."""
    producer = transport.producer()
    await producer.send(records[:1])
    start = time.perf_counter()
    for batch in batches(records):
        await producer.send(batch)
    rate = len(records) / (time.perf_counter() - start)
    await producer.stop()
    return rate


async def our_read(transport: PostgresTransport, count: int) -> float:
    """Records a second through a consumer that is a member already."""
    reader = _Reader(transport)
    await reader.consumer.start([TOPIC.name], reader)
    await reader.read(1)
    for part in range(PARTITIONS):
        reader.consumer.seek(TopicPartition(TOPIC.name, part), 0)
    start = time.perf_counter()
    await reader.read(count)
    rate = count / (time.perf_counter() - start)
    await reader.consumer.stop()
    return rate


async def latency(transport: PostgresTransport) -> float:
    """Median milliseconds from the call of `send` to the record in hand, at 200 a second."""
    reader, producer = _Reader(transport), transport.producer()
    await reader.consumer.start([TOPIC.name], reader)
    await producer.send(outgoing(1))
    await reader.read(1)
    taken = []
    for record in outgoing(ONE_BY_ONE):
        start = time.perf_counter()
        reading = asyncio.create_task(reader.read(1))
        await producer.send([record])
        await reading
        taken.append(time.perf_counter() - start)
        await asyncio.sleep(max(0.0, 1 / PER_SECOND - taken[-1]))
    await reader.consumer.stop()
    await producer.stop()
    return statistics.median(taken) * 1000


async def bare_commit(connection: asyncpg.Connection) -> float:
    """Median milliseconds of one bare append and one bare read of it."""
    await connection.execute(BARE_TABLES.replace("$N", str(PARTITIONS - 1)))
    taken = []
    for i, r in enumerate(outgoing(ONE_BY_ONE)):
        start = time.perf_counter()
        await connection.execute(BARE_APPEND, [r.topic], [0], [r.key], [pack(r.headers)], [r.value])
        await connection.fetch(BARE_READ, r.topic, 0, i, 1)
        taken.append(time.perf_counter() - start)
        await asyncio.sleep(max(0.0, 1 / PER_SECOND - taken[-1]))
    return statistics.median(taken) * 1000


async def run(runs: int) -> list[Result]:
    """All three, `runs` times on one durable server."""
    appends, reads, ways = [], [], []
    records = outgoing(RECORDS)
    collect_by_the_batch()
    async with embedded_postgres() as url:
        await install(url)
        transport = PostgresTransport(url)
        admin, connection = transport.admin(), await asyncpg.connect(url)
        for _ in range(runs):
            await admin.create_topics([TOPIC])
            bare = await bare_append(connection, records)
            appends.append((await our_append(transport, records), bare))
            bare = await bare_read(connection, RECORDS)
            reads.append((await our_read(transport, RECORDS), bare))
            await admin.delete_topics([TOPIC.name])
            await admin.create_topics([TOPIC])
            bare = await bare_commit(connection)
            ways.append((await latency(transport), bare))
            await admin.delete_topics([TOPIC.name])
        await connection.close()
        await admin.close()
    return [
        result("log append, batches of 500", "postgres", "rec/s", appends, 0.8),
        result("log read, batches of 500", "postgres", "rec/s", reads, 0.8),
        result("log append to reader, median", "postgres", "ms", ways, 3.0, better="less"),
    ]
