"""An event whose (source, id) another event has used already is no repeat: it waits in the dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest
from shared.tests.bus_core.conftest import Journal, Partition
from shared.tests.bus_core.fixtures import bus_settings, world
from shared.tests.bus_core.test_together import at_once, partitions, positions
from shared.tests.bus_core.toy import SERVICE, order, request, sent
from shared.tests.bus_core.world import World

from holdfast.bus import dead_letters
from holdfast.bus.port import Outgoing
from holdfast.database.work import transaction
from holdfast.testing.waiting import eventually

__all__ = ["bus_settings", "partitions", "world"]
FIRST = sent("1", order("A", "O-1"))
OTHERS = {"type": sent("1", request("A", "O-1")), "key": sent("1", order("B", "O-1"))}
OTHER = pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
MARK = "INSERT INTO inbox (source, id, digest) VALUES ('/erp', '1', $1)"


async def the_letter(journal: Journal) -> dict[str, object]:
    """The only dead letter that waits."""
    (listed,) = await dead_letters.waiting(journal.pool)
    return await dead_letters.show(journal.pool, listed["id"])


@OTHER
@pytest.mark.parametrize("batches", [1, 2])
async def test_an_id_used_for_another_type_or_key_is_poison(
    other: Outgoing, batches: int, partition: Partition, journal: Journal
) -> None:
    events = [FIRST, sent("2", order("C", "O-2")), other, sent("3", order("D", "O-3")), FIRST]
    for batch in (events,) if batches == 1 else (events[:2], events[2:]):
        await partition.take(*batch)
    assert await journal.ids() == ["1", "2", "3"]
    assert await journal.waiting() == [("poison", "1")]
    letter = await the_letter(journal)
    assert (letter["field"], letter["shown"], letter["key"]) == ("ce_id", "1", other.key)
    assert letter["reason"] == "an event of another type or key from the source /erp has used this id"
    assert letter["remedy"] == "Send this event with an id of its own, then drop this dead letter."


async def test_later_events_of_its_key_wait_until_it_is_dropped(partition: Partition, journal: Journal) -> None:
    await partition.take(FIRST, OTHERS["key"], sent("2", order("B", "O-2")))
    await partition.take(sent("3", order("B", "O-1")))
    assert await journal.waiting() == [("poison", "1"), ("behind", "2"), ("behind", "3")]
    number = (await dead_letters.waiting(journal.pool))[0]["id"]
    done = await dead_letters.replay(journal.pool, SERVICE, number)
    assert (done.applied, done.failed) == (0, number)
    assert await journal.ids() == ["1"]
    await dead_letters.drop(journal.pool, SERVICE, number, "was sent again as 3")
    assert await journal.ids() == ["1", "2", "3"]


async def test_behind_a_dead_letter_it_is_poison_of_its_own(partition: Partition, journal: Journal) -> None:
    await partition.take(FIRST, sent("2", order("B", "BAD-1")), OTHERS["key"])
    assert await journal.waiting() == [("poison", "2"), ("poison", "1")]


async def test_what_is_dropped_may_come_again_and_stays_a_repeat(partition: Partition, journal: Journal) -> None:
    """The mark is that of the first: the other one never takes it."""
    await partition.take(FIRST, OTHERS["key"])
    await dead_letters.drop(journal.pool, SERVICE, (await the_letter(journal))["id"], "test")
    await partition.take(FIRST)
    assert await journal.ids() == ["1"]
    await partition.take(OTHERS["key"])
    assert await journal.waiting() == [("poison", "1")]


@OTHER
async def test_in_a_transaction_that_partitions_share(
    other: Outgoing, partitions: Sequence[Partition], journal: Journal
) -> None:
    assert await at_once(partitions[:2], FIRST, sent("2", order("C", "O-2"))) == [None, None]
    assert await at_once(partitions, sent("3", order("D", "O-3")), other, FIRST, sent("4", order("E", "O"))) == (
        [None] * 4
    )
    assert sorted(await journal.ids()) == ["1", "2", "3", "4"]
    assert await journal.waiting() == [("poison", "1")]
    assert positions(partitions) == [2, 2, 1, 1]


async def test_of_two_that_meet_in_a_transaction_one_takes_effect(
    partitions: Sequence[Partition], journal: Journal
) -> None:
    assert await at_once(partitions[:2], FIRST, OTHERS["key"]) == [None, None]
    assert await journal.ids() == ["1"]
    assert await journal.waiting() == [("poison", "1")]


@pytest.mark.parametrize("shares", [False, True])
async def test_a_mark_that_commits_meanwhile_is_compared(
    shares: bool, pool: asyncpg.Pool, partitions: Sequence[Partition], partition: Partition, journal: Journal
) -> None:
    """The statement that waited for it cannot see it: it was begun before."""
    taker = partitions[3] if shares else partition
    async with transaction(pool) as work:
        await work.conn.execute(MARK, 7)
        handling = asyncio.ensure_future(taker.take(FIRST))
        await eventually(journal.somebody_waits)
    await handling
    assert await journal.ids() == []
    assert await journal.waiting() == [("poison", "1")]


async def test_on_either_bus_the_first_takes_effect_and_repeats_stay_silent(world: World) -> None:
    await world.send([FIRST, FIRST])
    async with world.running():
        await world.reached(1)
        await world.send([OTHERS["key"], FIRST, sent("2", order("A", "O-2")), sent("3", order("C", "O-3"))])
        await world.reached(3)

        async def waits() -> bool:
            return await world.journal.waiting() == [("poison", "1")]

        await eventually(waits)
    assert sorted(await world.journal.ids()) == ["1", "2", "3"]
