"""What only the log in PostgreSQL has to prove: order of commits, retention, compaction, its groups."""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bus.conftest import Bus, opened
from tests.bus.members import KEYS, Member, numbered

from holdfast.bus.partitioner import partition_of
from holdfast.bus.port import BusUnavailable, OffsetGone, Outgoing, Position, TopicPartition
from holdfast.bus.postgres import PostgresTransport, install
from holdfast.bus.postgres.headers import pack, unpack
from holdfast.bus.postgres.link import Link
from holdfast.bus.postgres.membership import range_assignment
from holdfast.database.migrations import SchemaDiffers
from holdfast.platform.settings import BusSettings
from holdfast.testing.databases import Databases
from holdfast.testing.proxy import Proxy
from holdfast.testing.waiting import eventually

APPEND = "SELECT bus_append($1, $2, $3, $4, $5, $6, $7, $8)"
OLD = "UPDATE bus_log SET timestamp_ms = timestamp_ms - $1::bigint WHERE topic = $2"
DAY_MS = 86_400_000


@pytest.fixture
async def url(fresh_database: Databases) -> str:
    url = await fresh_database(scripts=())
    await install(url)
    return url


@pytest.fixture
async def log(url: str) -> AsyncIterator[Bus]:
    async with opened(BusSettings(transport="postgres", url=url)) as bus:
        yield bus


@pytest.fixture
async def sql(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


async def test_tables_of_another_version_are_refused(url: str, sql: asyncpg.Connection) -> None:
    await install(url)
    await sql.execute("COMMENT ON TABLE bus_partition IS 'the digest of another script'")
    with pytest.raises(SchemaDiffers, match="FRESH=1"):
        await install(url)


async def append(connection: asyncpg.Connection, topic: str, parts: list[int], value: str) -> None:
    count = len(parts)
    columns = [list(range(1, count + 1)), [0] * count, ["k"] * count, ["[]"] * count, [value.encode()] * count]
    await connection.execute(APPEND, [topic] * count, parts, [1] * count, *columns)


async def test_row_4_5_7_a_reader_never_passes_over_a_late_commit(url: str, log: Bus) -> None:
    """Writers that append and commit late, at random; each reader sees 0, 1, 2, … of each partition."""
    member = await log.member().join(log.name)
    chance = random.Random(7)

    async def write(number: int) -> int:
        connection, written = await asyncpg.connect(url), 0
        for round_ in range(25):
            parts = sorted(chance.sample(range(4), chance.randint(1, 4)))
            async with connection.transaction():
                await append(connection, log.name, parts, f"{number}/{round_}")
                await connection.execute("SELECT pg_sleep($1)", chance.random() / 100)
            written += len(parts)
        await connection.close()
        return written

    written = sum(await asyncio.gather(*(write(number) for number in range(6))))
    await eventually(lambda: len(member.records) >= written)
    for part in range(4):
        offsets = [record.offset for record in member.records if record.partition == part]
        assert offsets == list(range(len(offsets)))
    assert len(member.records) == written


async def test_an_uncommitted_append_holds_later_ones_back(url: str, log: Bus) -> None:
    member = await log.member().join(log.name)
    first, second = await asyncpg.connect(url), await asyncpg.connect(url)
    transaction = first.transaction()
    await transaction.start()
    await append(first, log.name, [0, 1], "early")
    later = asyncio.create_task(append(second, log.name, [1, 2], "late"))
    await append_elsewhere(url, log, member)
    assert not later.done()
    await transaction.commit()
    await later
    await eventually(lambda: len(member.records) == 5)
    assert [r.value for r in member.records if r.partition == 1] == [b"early", b"late"]
    await first.close()
    await second.close()


async def append_elsewhere(url: str, log: Bus, member: Member) -> None:
    """Partitions that nobody holds go on."""
    connection = await asyncpg.connect(url)
    await append(connection, log.name, [3], "free")
    await connection.close()
    await eventually(lambda: member.values() == [b"free"])


async def test_an_append_rolled_back_leaves_no_gap(url: str, log: Bus, sql: asyncpg.Connection) -> None:
    member = await log.member().join(log.name)
    transaction = sql.transaction()
    await transaction.start()
    await append(sql, log.name, [0], "never")
    await transaction.rollback()
    await append(sql, log.name, [0], "once")
    await eventually(lambda: [(r.offset, r.value) for r in member.records] == [(0, b"once")])


async def test_senders_at_the_same_time_share_a_commit(log: Bus, sql: asyncpg.Connection) -> None:
    producer = await log.producer()
    await producer.send(numbered(log.name, 1))
    answers = await asyncio.gather(*(producer.send([Outgoing(log.name, "k", b"%d" % i)]) for i in range(200)))
    offsets = [answer[0].offset for answer in answers if isinstance(answer[0], Position)]
    assert offsets == list(range(offsets[0], offsets[0] + 200))
    stamps = await sql.fetchval("SELECT count(DISTINCT xmin::text) FROM bus_log WHERE topic = $1", log.name)
    assert stamps <= 3


async def test_what_is_old_goes(log: Bus, sql: asyncpg.Connection) -> None:
    producer, admin = await log.producer(), log.transport.admin()
    await producer.send(numbered(log.name, 100))
    await sql.execute(OLD, log.topic.retention_days * DAY_MS + 1, log.name)
    await producer.send(numbered(log.name, 40))
    await admin.maintain([log.topic])
    assert await sql.fetchval("SELECT count(*) FROM bus_log") == 40
    member = await log.member().join(log.name)
    begin = await member.consumer.begin_offsets(log.partitions)
    assert sum(begin.values()) == 100
    await eventually(lambda: len(member.errors) >= len([b for b in begin.values() if b]))
    for gone in member.errors:
        assert isinstance(gone, OffsetGone)
        assert (gone.offset, gone.begin) == (0, begin[gone.tp])
        member.consumer.seek(gone.tp, gone.begin)
    await eventually(lambda: len(member.records) == 40)
    await sql.execute(OLD, log.topic.retention_days * DAY_MS + 1, log.name)
    await admin.maintain([log.topic])
    assert await sql.fetchval("SELECT count(*) FROM bus_log") == 0
    assert await member.consumer.begin_offsets(log.partitions) == await admin.end_offsets([log.name])
    await producer.send(numbered(log.name, 20))
    await eventually(lambda: len(member.records) == 60)
    await admin.close()


async def test_a_compacted_topic_keeps_the_newest_of_each_key(log: Bus, sql: asyncpg.Connection) -> None:
    compacted, admin, producer = replace(log.topic, compacted=True), log.transport.admin(), await log.producer()
    for _ in range(3):
        await producer.send(numbered(log.name, 20))
    await producer.send([Outgoing(log.name, KEYS[0], None)])
    await admin.maintain([compacted])
    await admin.maintain([compacted])
    assert await sql.fetchval("SELECT count(*) FROM bus_log") == 20
    member = await log.member().join(log.name)
    await eventually(lambda: len(member.records) == 20)
    assert {r.key: r.value for r in member.records} == {key: b"%d" % i if i else None for i, key in enumerate(KEYS)}
    newest = next(r for r in member.records if r.key == KEYS[1])
    tp = TopicPartition(log.name, newest.partition)
    assert await member.consumer.read_one(tp, newest.offset) == newest
    assert await member.consumer.read_one(tp, 0) is None
    await sql.execute(OLD, DAY_MS + 1, log.name)
    await producer.send([Outgoing(log.name, KEYS[1], b"again")])
    await admin.maintain([compacted])
    left = {row[0] for row in await sql.fetch("SELECT key FROM bus_log")}
    assert left == set(KEYS) - {KEYS[0]}
    assert await sql.fetchval("SELECT count(*) FROM bus_log") == 19
    await eventually(lambda: member.values(KEYS[1])[-1] == b"again")
    assert member.errors == []
    await admin.close()


async def test_a_connection_that_breaks_costs_nothing(url: str) -> None:
    """Both connections of the member are cut; alone in its group it comes back as itself."""
    async with Proxy(int(url.split(":")[-1].split("/")[0])) as proxy:
        through = url.replace(f":{proxy.target[1]}/", f":{proxy.port}/")
        async with opened(BusSettings(transport="postgres", url=through)) as bus:
            member, producer = await bus.member().join(bus.name), await bus.producer()
            await eventually(lambda: member.held == bus.partitions)
            name = member.consumer.member_id
            proxy.cut()
            await eventually(lambda: proxy.connections >= 1)
            await until_sent(bus, producer)
            await eventually(lambda: len(member.records) >= 20)
            assert member.consumer.member_id == name
            assert [kind for kind, _ in member.history] == ["assigned"]


async def test_a_connection_in_an_unknown_state_is_thrown_away(url: str) -> None:
    """What asyncpg raises for a connection that was ended unnoticed is no crash, and the next use has a new one."""
    link = Link(url, "test")
    (first,) = await link.fetch("SELECT pg_backend_pid()")

    async def broken(connection: asyncpg.Connection) -> None:
        raise asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")

    with pytest.raises(BusUnavailable, match="does not answer"):
        await link.run(broken)
    (second,) = await link.fetch("SELECT pg_backend_pid()")
    assert second != first
    await link.close()


async def until_sent(bus: Bus, producer: object) -> None:
    async def attempt() -> bool:
        try:
            return bool(await producer.send(numbered(bus.name, 20)))  # type: ignore[attr-defined]
        except BusUnavailable:
            return False

    await eventually(attempt)


async def test_a_member_without_heartbeats_is_put_out(url: str, log: Bus, sql: asyncpg.Connection) -> None:
    member = await log.member().join(log.name)
    await eventually(lambda: member.held == log.partitions)
    await member.halt()
    await sql.execute("DELETE FROM bus_member")
    other = await log.member().join(log.name)
    await eventually(lambda: other.held == log.partitions)
    name = member.consumer.member_id
    member.go_on()
    await eventually(lambda: len(member.held) == len(other.held) == 2)
    assert member.consumer.member_id != name
    assert [kind for kind, _ in member.history[:3]] == ["assigned", "revoked", "assigned"]


async def test_hints_are_written_for_lag_tools(log: Bus, sql: asyncpg.Connection) -> None:
    transport = log.transport
    assert isinstance(transport, PostgresTransport)
    member = await log.member().join(log.name)
    await eventually(lambda: member.held == log.partitions)
    tp = TopicPartition(log.name, partition_of("k", 4))
    await member.consumer.commit_hint({tp: 17, TopicPartition("other.v1", 0): 3})
    hint = "SELECT next_offset FROM bus_lease WHERE topic = $1 AND part = $2"

    async def written() -> bool:
        return bool(await sql.fetchval(hint, log.name, tp.partition) == 17)

    await eventually(written)


async def test_a_database_without_the_tables_is_told(fresh_database: Databases) -> None:
    transport = PostgresTransport(await fresh_database(scripts=()))
    producer = transport.producer()
    with pytest.raises(BusUnavailable, match="holdfast topics"):
        await producer.send([Outgoing("t.v1", "k", b"")])
    await producer.stop()


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8"), max_size=9), st.binary(max_size=20)), max_size=9))
def test_headers_come_back_as_they_were(headers: list[tuple[str, bytes]]) -> None:
    assert unpack(pack(tuple(headers))) == tuple(headers)


@given(st.integers(1, 9), st.dictionaries(st.sampled_from("abcd"), st.integers(1, 12), min_size=1))
def test_every_partition_has_one_owner_and_shares_are_even(members: int, topics: dict[str, int]) -> None:
    names = [(f"m{n}", sorted(topics)) for n in range(members)]
    partitions = [TopicPartition(topic, part) for topic, count in topics.items() for part in range(count)]
    owners = range_assignment(names, partitions)
    assert set(owners) == set(partitions)
    for topic, count in topics.items():
        shares = [sum(o == name for tp, o in owners.items() if tp.topic == topic) for name, _ in names]
        assert max(shares) - min(shares) <= 1
        same = [t for t, other in topics.items() if other == count]
        for part in range(count):
            assert len({owners[TopicPartition(t, part)] for t in same}) == 1


def test_only_subscribers_are_given_a_topic() -> None:
    partitions = [TopicPartition("a", 0), TopicPartition("b", 0), TopicPartition("c", 0)]
    owners = range_assignment([("m1", ["a"]), ("m2", ["a", "b"])], partitions)
    assert owners == {TopicPartition("a", 0): "m1", TopicPartition("b", 0): "m2"}


async def test_large_records_are_read_a_few_at_a_time(log: Bus) -> None:
    """Sixty of them take 30 MB; at the limit of records they would all be in memory at once, in every partition. That
    the records before them were tiny says nothing of them."""
    producer, body = await log.producer(), b"x" * 500_000
    await producer.send([Outgoing(log.name, KEYS[0], b"x") for _ in range(1500)])
    for _ in range(6):
        await producer.send([Outgoing(log.name, KEYS[0], body) for _ in range(10)])
    member = log.member()
    member.max_records = 1000
    tracemalloc.start()
    try:
        await member.consumer.start([log.name], member)
        seen = 0
        while seen < 1560:
            seen += sum(map(len, (await member.consumer.poll(1.0, 1000)).values()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


async def test_a_long_backlog_of_one_partition_does_not_keep_back_what_is_appended_to_another(log: Bus) -> None:
    """Whoever polls more slowly than the log is read finds records at hand each time and never waits for any."""
    producer, member = await log.producer(), log.member()
    long = partition_of(KEYS[0], 4)
    other = next(key for key in KEYS if partition_of(key, 4) != long)
    await producer.send(numbered(log.name, 6_000, KEYS[:1]))
    await member.consumer.start([log.name], member)
    read: list[str | None] = []
    while other not in read and len(read) < 6_000:
        found = await member.consumer.poll(1.0, 100)
        if found and not read:
            await producer.send([Outgoing(log.name, other, b"x")])
        read += [record.key for records in found.values() for record in records]
        await asyncio.sleep(0.02)
    assert other in read[:2_000]
