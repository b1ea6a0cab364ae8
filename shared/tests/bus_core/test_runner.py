"""The runner itself: what it observes beside its partitions, and partitions that cannot be begun."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from shared.tests.bus_core.conftest import Journal
from shared.tests.bus_core.fixtures import bus_settings, world
from shared.tests.bus_core.toy import SERVICE, order, record, sent
from shared.tests.bus_core.world import World
from tests.bus.holes import send_before_a_hole

from holdfast.bus import metrics, offsets, partition, relay, runner
from holdfast.bus.partitioner import partition_of
from holdfast.bus.poison import PoisonLimit
from holdfast.bus.port import BusUnavailable, TopicPartition
from holdfast.bus.runner import Runner
from holdfast.bus.together import Together
from holdfast.contracts.topics import ERP_ORDERS
from holdfast.testing.waiting import eventually

__all__ = ["bus_settings", "world"]
A = "DE01/A"
PLACE = TopicPartition(ERP_ORDERS.name, partition_of(A, ERP_ORDERS.partitions))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often."""
    monkeypatch.setattr(runner, "OBSERVE_SECONDS", 0.05)
    monkeypatch.setattr(runner, "RESTART_SECONDS", 0.05)


class Faulty:
    """Raises what it is given, one at each call, before it goes on as before."""

    def __init__(self, plain: Any, *errors: Exception) -> None:
        self._plain, self.errors, self.calls = plain, list(errors), 0

    async def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return await self._plain(*arguments)


async def test_a_lost_connection_does_not_end_the_observing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")
    faulty = Faulty(relay.observe, lost, BusUnavailable("away"), OSError("gone"))
    monkeypatch.setattr(relay, "observe", faulty)
    async with world.running():
        await eventually(lambda: faulty.calls > 5)


async def test_an_error_nobody_expected_in_the_observing_ends_the_worker(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "observe", Faulty(relay.observe, ZeroDivisionError("not foreseen")))
    with pytest.raises(ZeroDivisionError, match="not foreseen"):
        async with asyncio.timeout(10):
            await Runner(SERVICE, world.pool, world.transport).run(asyncio.Event())


async def test_an_offset_without_a_record_at_the_end_is_no_lag(world: World) -> None:
    await send_before_a_hole(world.settings, ERP_ORDERS, [sent("e-1", order("A", "O-1"))])
    place = (SERVICE.name, PLACE.topic, PLACE.partition)
    fresh = "SELECT fresh_at FROM consumer_offset WHERE topic = $1 AND partition = $2"
    async with world.running():
        await world.reached(1)
        read = await world.pool.fetchval("SELECT clock_timestamp()")

        async def is_fresh() -> bool:
            noted = await world.pool.fetchval(fresh, PLACE.topic, PLACE.partition)
            return noted is not None and noted > read

        await eventually(is_fresh)
        assert metrics.LAG_RECORDS.labels(*place)._value.get() == 0
        assert metrics.LAG_SECONDS.labels(*place)._value.get() < 1


async def test_where_polls_are_limited_events_gather_after_a_burst(world: World) -> None:
    events = [sent(f"e-{n}", order(f"C{n}", f"O-{n}")) for n in range(runner.BURST + 20)]
    async with world.running(service=replace(SERVICE, polls_per_second=0.5)):
        for number, event in enumerate(events[: runner.BURST], 1):
            await world.send([event])
            await world.reached(number)
        for event in events[runner.BURST :]:
            await world.send([event])
        await world.passed(events)
    commits = "SELECT count(DISTINCT xmin::text) FROM toy_journal WHERE event_id = ANY($1)"
    assert await world.pool.fetchval(commits, [f"e-{n}" for n in range(runner.BURST, len(events))]) <= 2


class Refusing:
    """A transport whose first consumer cannot tell the end of one partition, once."""

    def __init__(self, plain: Any) -> None:
        self._plain, self.refused = plain, 0

    def consumer(self, group: str, member: str | None = None) -> Any:
        consumer = self._plain.consumer(group, member)
        ends = consumer.end_offsets

        async def end_offsets(tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
            asked = list(tps)
            if asked == [PLACE] and not self.refused:
                self.refused += 1
                await eventually(lambda: len(_at_work()) > 3)
                raise BusUnavailable("away for a moment")
            found: dict[TopicPartition, int] = await ends(asked)
            return found

        consumer.end_offsets = end_offsets
        return consumer


def _at_work() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("partition ")]


async def test_where_one_partition_cannot_be_begun_none_is_left_at_work_twice(world: World) -> None:
    events = [sent(f"e-{n}", order(f"C{n}", f"O-{n}")) for n in range(20)]
    await world.send(events)
    stop, refusing = asyncio.Event(), Refusing(world.transport)
    running = asyncio.create_task(Runner(SERVICE, world.pool, refusing).run(stop))  # type: ignore[arg-type]
    await world.passed(events)
    assert refusing.refused == 1
    assert len(_at_work()) == len(set(_at_work()))
    stop.set()
    await running
    assert _at_work() == []


class Paused:
    """A consumer that only notes whether it is paused."""

    def __init__(self) -> None:
        self.paused = False

    def pause(self, *_: TopicPartition) -> None:
        self.paused = True

    def resume(self, *_: TopicPartition) -> None:
        self.paused = False

    async def commit_hint(self, _: Any) -> None:
        """Nobody looks."""


async def test_a_few_large_records_pause_a_partition_until_they_are_handled(
    pool: asyncpg.Pool, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition, "BACKLOG_BYTES", 100_000)
    claim, consumer = await offsets.take(pool, PLACE, "test"), Paused()
    task = partition.PartitionTask(SERVICE, pool, consumer, claim, PoisonLimit(), Together(SERVICE, pool))  # type: ignore[arg-type]
    events = [sent(f"e-{n}", order("A", f"O-{n}")) for n in range(5)]
    records = [
        replace(record(n, event, PLACE.partition), value=event.value + b" " * 30_000) for n, event in enumerate(events)
    ]
    task.give(records[:2])
    assert not consumer.paused
    task.give(records[2:])
    assert consumer.paused

    async def handled() -> bool:
        return len(await journal.ids()) == 5 and not consumer.paused

    await eventually(handled)
    await task.close(5)
