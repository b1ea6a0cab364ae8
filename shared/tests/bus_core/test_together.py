"""Records that wait in several partitions share a transaction, and none of them suffers for another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest
from shared.tests.bus_core.conftest import Journal, Partition
from shared.tests.bus_core.toy import COMPANY, SERVICE, order, sent

from holdfast.bus import offsets
from holdfast.bus.batch import BatchProcessor
from holdfast.bus.handlers import Service
from holdfast.bus.offsets import Fenced
from holdfast.bus.poison import PoisonLimit
from holdfast.bus.port import TopicPartition
from holdfast.bus.together import Together
from holdfast.contracts.topics import ERP_ORDERS
from holdfast.database.work import transaction
from holdfast.testing.waiting import eventually

COMMITS = "SELECT count(DISTINCT xmin::text) FROM toy_journal"


async def owned(pool: asyncpg.Pool, service: Service) -> Sequence[Partition]:
    """Four partitions of one worker."""
    together, found = Together(service, pool), []
    for number in range(4):
        claim = await offsets.take(pool, TopicPartition(ERP_ORDERS.name, number), "test")
        found.append(Partition(pool, BatchProcessor(service, pool, claim, PoisonLimit(), together)))
    return found


@pytest.fixture
async def partitions(pool: asyncpg.Pool) -> Sequence[Partition]:
    """Four partitions of a worker of the toy service."""
    return await owned(pool, SERVICE)


async def at_once(partitions: Sequence[Partition], *events: object) -> list[BaseException | None]:
    """Each partition is given its event at the same time; answers the errors."""
    takes = (partition.take(event) for partition, event in zip(partitions, events, strict=True))
    return await asyncio.gather(*takes, return_exceptions=True)


def positions(partitions: Sequence[Partition]) -> list[int]:
    """Where each partition goes on."""
    return [partition.processor.claim.position for partition in partitions]


async def test_those_who_wait_share_a_transaction(partitions: Sequence[Partition], journal: Journal) -> None:
    assert await at_once(partitions, *(sent(f"{n}", order(f"C-{n}", f"O-{n}")) for n in range(4))) == [None] * 4
    assert sorted(await journal.ids()) == ["0", "1", "2", "3"]
    assert positions(partitions) == [1, 1, 1, 1]
    assert await journal.value(COMMITS) == 1
    kept = await journal.value("SELECT array_agg(next_offset ORDER BY partition) FROM consumer_offset")
    assert kept == [1, 1, 1, 1]


async def test_an_event_that_comes_twice_takes_effect_once(partitions: Sequence[Partition], journal: Journal) -> None:
    same = sent("1", order("A", "O-1"))
    assert await at_once(partitions[:2], same, same) == [None, None]
    await partitions[2].take(same)
    assert await journal.ids() == ["1"]
    assert positions(partitions) == [1, 1, 1, 0]


async def test_who_fails_fails_alone(partitions: Sequence[Partition], journal: Journal) -> None:
    events = [sent(f"{n}", order(f"C-{n}", "BAD-1" if n == 2 else f"O-{n}")) for n in range(4)]
    assert await at_once(partitions, *events) == [None] * 4
    assert sorted(await journal.ids()) == ["0", "1", "3"]
    assert await journal.waiting() == [("poison", "2")]
    assert positions(partitions) == [1, 1, 1, 1]


async def test_later_events_of_a_parked_key_wait_behind_it(partitions: Sequence[Partition], journal: Journal) -> None:
    await partitions[0].take(sent("0", order("A", "BAD-1")))
    assert await at_once(partitions[:2], sent("1", order("A", "O-1")), sent("2", order("B", "O-2"))) == [None, None]
    assert await journal.waiting() == [("poison", "0"), ("behind", "1")]
    assert await journal.ids() == ["2"]


async def test_who_waits_for_a_customer_waits_alone(
    pool: asyncpg.Pool, partitions: Sequence[Partition], journal: Journal
) -> None:
    async with transaction(pool) as work:
        await SERVICE.lock(work, {(COMPANY, f"C-{n}") for n in range(4)})
    async with transaction(pool) as work:
        await SERVICE.lock(work, {(COMPANY, "C-1")})
        events = [sent(f"{n}", order(f"C-{n}", f"O-{n}")) for n in range(4)]
        handling = asyncio.ensure_future(at_once(partitions, *events))
        await eventually(journal.somebody_waits)

        async def others() -> bool:
            return sorted(await journal.ids()) == ["0", "2", "3"]

        await eventually(others)
        assert not handling.done()
    assert await handling == [None] * 4
    assert sorted(await journal.ids()) == ["0", "1", "2", "3"]


async def test_who_has_lost_a_partition_loses_it_alone(
    pool: asyncpg.Pool, partitions: Sequence[Partition], journal: Journal
) -> None:
    await offsets.take(pool, partitions[1].processor.claim.tp, "successor")
    errors = await at_once(partitions, *(sent(f"{n}", order(f"C-{n}", f"O-{n}")) for n in range(4)))
    assert [type(error) for error in errors] == [type(None), Fenced, type(None), type(None)]
    assert sorted(await journal.ids()) == ["0", "2", "3"]


async def test_a_partition_that_is_given_up_is_not_written_to(
    pool: asyncpg.Pool, partitions: Sequence[Partition], journal: Journal
) -> None:
    together = Together(SERVICE, pool)
    claim = await offsets.take(pool, TopicPartition(ERP_ORDERS.name, 9), "test")
    leaving = Partition(pool, BatchProcessor(SERVICE, pool, claim, PoisonLimit(), together))
    async with transaction(pool) as work:
        await offsets.hold(work, claim)
        handling = asyncio.ensure_future(leaving.take(sent("1", order("A", "O-1"))))
        await eventually(journal.somebody_waits)
        handling.cancel()
        await asyncio.gather(handling, return_exceptions=True)
        await together.close()
    assert await journal.ids() == []
    await partitions[0].take(sent("2", order("A", "O-2")))
    assert await journal.ids() == ["2"]
