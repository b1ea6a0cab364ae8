"""What both transports promise: the same tests run on the log in PostgreSQL and on Apache Kafka."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from functools import partial

import pytest
from tests.bus.conftest import Bus
from tests.bus.holes import send_before_a_hole
from tests.bus.members import KEYS, Member, numbered

from holdfast.bus.partitioner import partition_of
from holdfast.bus.port import (
    OffsetGone,
    Outgoing,
    Position,
    Record,
    RecordRefused,
    TopicMissing,
    TopicPartition,
)
from holdfast.platform.settings import BusSettings
from holdfast.testing.waiting import eventually

TOO_LARGE = b"x" * 1_200_000


def by_key(records: list[Record]) -> dict[str | None, list[bytes | None]]:
    found: dict[str | None, list[bytes | None]] = defaultdict(list)
    for record in records:
        found[record.key].append(record.value)
    return found


def has_read(member: Member, count: int) -> bool:
    return len(member.records) == count


async def all_held(bus: Bus, *members: Member) -> None:
    """Until these members hold all partitions between them, and each some."""

    def settled() -> bool:
        held = [tp for member in members for tp in member.held]
        return sorted(held) == sorted(bus.partitions) and all(member.held for member in members)

    await eventually(settled, 30, what="the partitions are shared out")


async def test_a_key_stays_in_order_in_its_partition(bus: Bus) -> None:
    producer = await bus.producer()
    member = await bus.member().join(bus.name)
    sent = numbered(bus.name, 400)
    for start in range(0, 400, 80):
        await producer.send(sent[start : start + 80])
    await eventually(lambda: len(member.records) == 400, 20)
    wanted = defaultdict(list)
    for record in sent:
        wanted[record.key].append(record.value)
    assert by_key(member.records) == wanted
    assert {r.partition for r in member.records} == {partition_of(key, bus.topic.partitions) for key in KEYS}
    assert all(r.partition == partition_of(r.key or "", bus.topic.partitions) for r in member.records)


async def test_the_producer_says_where_a_reader_finds_each_record(bus: Bus) -> None:
    producer = await bus.producer()
    sent = numbered(bus.name, 30)
    positions = await producer.send(sent)
    consumer = (await bus.member().join(bus.name)).consumer
    for record, position in zip(sent, positions, strict=True):
        assert isinstance(position, Position)
        assert Position.parse(str(position)) == position
        found = await consumer.read_one(TopicPartition(position.topic, position.partition), position.offset)
        assert found is not None
        assert (found.key, found.value, found.offset) == (record.key, record.value, position.offset)


async def test_headers_and_empty_values_survive(bus: Bus) -> None:
    producer = await bus.producer()
    headers = (
        ("ce_id", b"1"),
        ("ce_source", "/erp/größe".encode()),
        ("raw", bytes(range(256))),
        ("ce_id", b"2"),
    )
    member = await bus.member().join(bus.name)
    await producer.send([Outgoing(bus.name, "k", None, headers), Outgoing(bus.name, "k", b"", ())])
    await eventually(lambda: len(member.records) == 2, 20)
    tombstone, empty = member.records
    assert (tombstone.value, tombstone.headers, tombstone.key) == (None, headers, "k")
    assert (empty.value, empty.headers) == (b"", ())
    assert 0 <= empty.timestamp_ms - tombstone.timestamp_ms < 60_000


async def test_row_4_4_13_a_large_record_is_refused_alone(bus: Bus) -> None:
    producer = await bus.producer()
    member = await bus.member().join(bus.name)
    sent = [Outgoing(bus.name, "k", v) for v in (b"before", TOO_LARGE, b"x" * 900_000, b"after")]
    answers = await producer.send(sent)
    assert [type(answer) for answer in answers] == [Position, RecordRefused, Position, Position]
    assert "1,200,001 bytes" in str(answers[1])
    await eventually(lambda: len(member.records) == 3, 20)
    assert member.values() == [b"before", b"x" * 900_000, b"after"]


async def test_a_missing_topic_is_named(bus: Bus) -> None:
    producer = await bus.producer()
    with pytest.raises(TopicMissing, match=r"no-such-topic.v1.*holdfast topics"):
        await producer.send([Outgoing("no-such-topic.v1", "k", b"")])
    with pytest.raises(TopicMissing, match=r"no-such-topic.v1.*holdfast topics"):
        await bus.member().consumer.start(["no-such-topic.v1"], bus.member())
    assert [type(p) for p in await producer.send(numbered(bus.name, 3))] == [Position] * 3


async def test_row_4_5_5_nothing_is_handed_out_before_the_seek(bus: Bus) -> None:
    await (await bus.producer()).send(numbered(bus.name, 40))
    first = await bus.member().join(bus.name)
    await eventually(lambda: len(first.records) == 40, 20)
    await first.consumer.commit_hint(dict.fromkeys(bus.partitions, 3))
    await first.leave()
    unsought = await bus.member(None).join(bus.name)
    await all_held(bus, unsought)
    assert await unsought.consumer.begin_offsets(bus.partitions) == dict.fromkeys(bus.partitions, 0)
    assert unsought.records == []
    await unsought.halt()
    assert await unsought.consumer.poll(0.3, 100) == {}
    for tp in unsought.held:
        unsought.consumer.seek(tp, 1)
    unsought.go_on()
    await eventually(lambda: len(unsought.records) == 40 - len({r.partition for r in first.records}), 20)
    assert min(r.offset for r in unsought.records) == 1


async def test_seek_back_and_forth(bus: Bus) -> None:
    producer = await bus.producer()
    positions = await producer.send([Outgoing(bus.name, "k", str(i).encode()) for i in range(50)])
    assert isinstance(positions[0], Position)
    tp = TopicPartition(bus.name, positions[0].partition)
    member = await bus.member(lambda _: 0).join(bus.name)
    await eventually(lambda: len(member.records) == 50, 20)
    await member.halt()
    for offset in (10, 0, 45, 30):
        member.records.clear()
        member.consumer.seek(tp, offset)
        member.go_on()
        await eventually(partial(has_read, member, 50 - offset), 20)
        await member.halt()
        assert member.values() == [str(i).encode() for i in range(offset, 50)]


async def test_a_paused_partition_keeps_still(bus: Bus) -> None:
    producer = await bus.producer()
    member = await bus.member().join(bus.name)
    await all_held(bus, member)
    await member.halt()
    quiet = TopicPartition(bus.name, partition_of("DEMF/1", bus.topic.partitions))
    loud = next(key for key in KEYS if partition_of(key, bus.topic.partitions) != quiet.partition)
    member.consumer.pause(quiet)
    await producer.send(numbered(bus.name, 10, ["DEMF/1", loud]))
    member.go_on()
    await eventually(lambda: len(member.records) == 5, 20)
    assert {r.key for r in member.records} == {loud}
    member.consumer.resume(quiet)
    await eventually(lambda: len(member.records) == 10, 20)
    assert member.values("DEMF/1") == [b"0", b"2", b"4", b"6", b"8"]


async def test_at_most_so_many_of_a_partition(bus: Bus) -> None:
    await (await bus.producer()).send(numbered(bus.name, 200))
    member = await bus.member().join(bus.name)
    await member.halt()
    seen = 0
    while seen < 200:
        polled = await member.consumer.poll(1.0, 7)
        assert all(len(records) <= 7 for records in polled.values())
        seen += sum(len(records) for records in polled.values())


async def test_members_share_and_take_over(bus: Bus) -> None:
    producer = await bus.producer()
    done: dict[TopicPartition, int] = defaultdict(int)
    first = await bus.member(lambda tp: done[tp]).join(bus.name)
    await all_held(bus, first)
    second = await bus.member(lambda tp: done[tp]).join(bus.name)
    await all_held(bus, first, second)
    assert {len(first.held), len(second.held)} == {2}
    assert first.consumer.member_id != second.consumer.member_id
    await producer.send(numbered(bus.name, 100))
    await eventually(lambda: len(first.records) + len(second.records) == 100, 20)
    for record in first.records + second.records:
        tp = TopicPartition(record.topic, record.partition)
        done[tp] = max(done[tp], record.offset + 1)
    await second.leave()
    assert second.held == set()
    await all_held(bus, first)
    await producer.send(numbered(bus.name, 100))
    await eventually(lambda: len(first.records) + len(second.records) == 200, 20)


async def test_a_partition_goes_over_only_after_it_was_given_up(bus: Bus) -> None:
    first = bus.member()
    let_go, asked = asyncio.Event(), asyncio.Event()
    plain = first.revoked

    async def slowly(partitions: set[TopicPartition]) -> None:
        asked.set()
        await let_go.wait()
        await plain(partitions)

    first.revoked = slowly  # type: ignore[method-assign]
    await first.join(bus.name)
    await all_held(bus, first)
    second = await bus.member().join(bus.name)
    await asyncio.wait_for(asked.wait(), 20)
    polls = len(second.history)
    await second.consumer.end_offsets(bus.partitions)
    assert second.held == set()
    assert len(second.history) == polls
    let_go.set()
    await all_held(bus, first, second)


async def test_row_4_5_5_what_the_listener_raises_comes_out_of_poll(bus: Bus) -> None:
    await (await bus.producer()).send(numbered(bus.name, 10))
    member = bus.member()
    plain, failures = member.assigned, [ValueError("first"), ValueError("second")]

    async def failing(partitions: set[TopicPartition]) -> None:
        if failures:
            raise failures.pop(0)
        await plain(partitions)

    member.assigned = failing  # type: ignore[method-assign]
    await member.join(bus.name)
    await eventually(lambda: len(member.records) == 10, 20)
    assert [str(error) for error in member.errors] == ["first", "second"]


async def test_begin_and_end(bus: Bus) -> None:
    producer = await bus.producer()
    positions = await producer.send(numbered(bus.name, 60))
    wanted = dict.fromkeys(bus.partitions, 0)
    for position in positions:
        assert isinstance(position, Position)
        wanted[TopicPartition(bus.name, position.partition)] = position.offset + 1
    consumer = (await bus.member().join(bus.name)).consumer
    assert await consumer.end_offsets(bus.partitions) == wanted
    assert await consumer.begin_offsets(bus.partitions) == dict.fromkeys(bus.partitions, 0)
    admin = bus.transport.admin()
    assert await admin.end_offsets([bus.name]) == wanted
    await admin.close()
    for tp, end in wanted.items():
        assert await consumer.read_one(tp, end) is None
        last = await consumer.read_one(tp, end - 1) if end else None
        assert (last.offset if last else None) == (end - 1 if end else None)


async def test_row_4_4_14_a_position_the_log_does_not_reach_is_told(bus: Bus) -> None:
    await (await bus.producer()).send([Outgoing(bus.name, "k", b"1")])
    tp = TopicPartition(bus.name, partition_of("k", bus.topic.partitions))
    member = await bus.member({tp: 5}).join(bus.name)
    await eventually(lambda: member.errors, 20)
    gone = member.errors[0]
    assert isinstance(gone, OffsetGone)
    assert (gone.tp, gone.offset, gone.begin, gone.end) == (tp, 5, 0, 1)
    await member.halt()
    assert await member.consumer.poll(0.2, 10) == {}
    member.consumer.seek(tp, 0)
    member.go_on()
    await eventually(lambda: member.values() == [b"1"], 20)


async def test_row_4_5_12_a_topic_made_anew(bus: Bus) -> None:
    producer = await bus.producer()
    await producer.send([Outgoing(bus.name, "k", str(i).encode()) for i in range(5)])
    tp = TopicPartition(bus.name, partition_of("k", bus.topic.partitions))
    first = await bus.member().join(bus.name)
    await eventually(lambda: len(first.records) == 5, 20)
    before = await first.consumer.read_one(tp, 4)
    await first.leave()
    admin = bus.transport.admin()
    await admin.delete_topics([bus.name, "never-was.v1"])
    assert await admin.create_topics([bus.topic]) == []
    await admin.close()
    anew = await bus.producer()
    await anew.send([Outgoing(bus.name, "k", f"new {i}".encode()) for i in range(8)])
    second = await bus.member({tp: 5}).join(bus.name)
    await eventually(lambda: len(second.records) == 3, 20)
    after = await second.consumer.read_one(tp, 4)
    assert before is not None
    assert after is not None
    assert (before.value, after.value) == (b"4", b"new 4")


async def test_topics_that_differ_are_reported(bus: Bus) -> None:
    admin = bus.transport.admin()
    said = await admin.create_topics([replace(bus.topic, partitions=7)])
    assert said[0].startswith(f"{bus.name} has 4 partitions instead of 7")
    assert await admin.create_topics([bus.topic]) == []
    await admin.close()


async def test_the_position_passes_over_an_offset_without_a_record(bus: Bus, bus_settings: BusSettings) -> None:
    tp = TopicPartition(bus.name, partition_of(KEYS[0], bus.topic.partitions))
    first, second, last = [key for key in KEYS if partition_of(key, bus.topic.partitions) == tp.partition][:3]
    await send_before_a_hole(bus_settings, bus.topic, [Outgoing(bus.name, key, b"") for key in (first, second)])
    member = await bus.member(lambda _: 0).join(bus.name)
    await eventually(lambda: len(member.records) == 2, 20)
    end = (await member.consumer.end_offsets([tp]))[tp]
    assert end > member.records[-1].offset + 1

    async def passed() -> bool:
        return await member.consumer.position(tp) == end

    await eventually(passed, 20)
    await send_before_a_hole(bus_settings, bus.topic, [Outgoing(bus.name, last, b"")])
    await eventually(lambda: [r.key for r in member.records if r.value is not None] == [first, second, last], 20)
    assert member.errors == []


async def test_the_position_is_not_beyond_what_was_not_handed_out(bus: Bus) -> None:
    producer = await bus.producer()
    await producer.send([Outgoing(bus.name, KEYS[0], b"%d" % n) for n in range(30)])
    tp = TopicPartition(bus.name, partition_of(KEYS[0], bus.topic.partitions))
    unsought = await bus.member(None).join(bus.name)
    await all_held(bus, unsought)
    assert await unsought.consumer.position(tp) is None
    await unsought.halt()
    unsought.consumer.seek(tp, 0)
    seen = 0
    while seen < 30:
        position = await unsought.consumer.position(tp)
        assert position is not None
        assert position <= seen
        seen += len((await unsought.consumer.poll(1.0, 7)).get(tp, []))
    unsought.consumer.pause(tp)
    await producer.send([Outgoing(bus.name, KEYS[0], b"30")])
    assert await unsought.consumer.poll(0.2, 7) == {}
    assert await unsought.consumer.position(tp) == 30
