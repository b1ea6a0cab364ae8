"""Poison and what waits behind it: park, replay, drop, supersede, and the limit."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import asyncpg
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared.tests.bus_core.conftest import ORDERS, Journal, Partition
from shared.tests.bus_core.toy import SERVICE, mangled, order, request, sent

from holdfast.bus import dead_letters, offsets, parking
from holdfast.bus.batch import BatchProcessor
from holdfast.bus.dead_letters import NoSuchDeadLetter
from holdfast.bus.poison import PartitionStopped, PoisonLimit
from holdfast.bus.port import Outgoing
from holdfast.contracts.dead_letters import DeadLetterParked
from holdfast.database.work import transaction
from holdfast.testing.waiting import eventually


async def first_letter(pool: asyncpg.Pool) -> int:
    number: int = await pool.fetchval("SELECT min(id) FROM dead_letter WHERE state IN ('poison', 'behind')")
    return number


async def mend(pool: asyncpg.Pool) -> None:
    """The bug of the toy service is fixed."""
    await pool.execute("INSERT INTO toy_mended VALUES (1)")


async def test_row_4_4_19_a_crash_is_alone_in_the_dead_letters_with_headers_reason_and_stack(
    partition: Partition, journal: Journal
) -> None:
    await partition.take(sent("1", order("A", "BAD-1")), *[sent(f"b{n}", order("B", f"O-{n}")) for n in range(9)])
    assert await journal.waiting() == [("poison", "1")]
    assert len(await journal.ids("DE01/B")) == 9
    letter = await dead_letters.show(journal.pool, await first_letter(journal.pool))
    assert letter["reason"] == "ValueError: cannot handle BAD-1"
    assert "crash_on" in letter["stack"]
    assert "During handling" not in letter["stack"]
    assert ["ce_source", "/erp"] in letter["headers"]
    assert orjson.loads(letter["value"])["order"] == "BAD-1"


async def test_row_4_4_19_an_unreadable_record_says_field_value_and_remedy(
    partition: Partition, journal: Journal
) -> None:
    await partition.take(mangled("1", order("A", "O-1"), total="much"), sent("2", order("B", "O-2")))
    letter = await dead_letters.show(journal.pool, await first_letter(journal.pool))
    assert (letter["field"], letter["shown"], letter["key"]) == ("total", "much", "DE01/A")
    assert letter["remedy"]
    assert await journal.ids() == ["2"]


async def test_a_dead_letter_is_announced_on_the_topic_of_the_service(partition: Partition, journal: Journal) -> None:
    await partition.take(mangled("1", order("A", "O-1"), total="much"))
    row = await journal.pool.fetchrow("SELECT aggregatetype, aggregateid, type, payload FROM outbox")
    assert row is not None
    assert (row["aggregatetype"], row["aggregateid"]) == ("toy-service.dead-letters.v1", "DE01/A")
    assert row["type"] == DeadLetterParked.event_type
    notice = DeadLetterParked.model_validate_json(row["payload"])
    assert (notice.ce_id, notice.field, notice.value) == ("1", "total", "much")
    assert notice.reason
    assert notice.remedy


async def test_row_4_4_20_later_events_of_the_key_wait_and_follow_in_order(
    partition: Partition, journal: Journal
) -> None:
    later = [sent(f"a{n}", order("A", f"O-{n}")) for n in range(10)]
    others = [sent(f"b{n}", order("B", f"P-{n}")) for n in range(10)]
    mixed = [event for pair in zip(later[:5], others[:5], strict=True) for event in pair]
    await partition.take(sent("a", order("A", "BAD-1")), *mixed)
    await partition.take(*later[5:], *others[5:])
    assert await journal.waiting() == [("poison", "a"), *(("behind", f"a{n}") for n in range(10))]
    assert await journal.ids() == [f"b{n}" for n in range(10)]

    still = await dead_letters.replay(journal.pool, SERVICE, await first_letter(journal.pool))
    assert (still.applied, still.failed) == (0, await first_letter(journal.pool))
    assert still.remedy == parking.CRASH_REMEDY
    await mend(journal.pool)
    done = await dead_letters.replay(journal.pool, SERVICE, await first_letter(journal.pool))
    assert (done.applied, done.failed) == (11, None)
    assert await journal.ids("DE01/A") == ["a", *(f"a{n}" for n in range(10))]
    assert await journal.waiting() == []
    assert await journal.value("SELECT count(*) FROM parked_key") == 0
    await partition.take(sent("a10", order("A", "O-10")))
    assert (await journal.ids("DE01/A"))[-1] == "a10"


async def test_a_replay_stops_at_the_first_that_still_fails(partition: Partition, journal: Journal) -> None:
    await partition.take(
        mangled("1", order("A", "O-1"), total="much"), sent("2", order("A", "O-2")), sent("3", order("A", "BAD-3")),
        sent("4", order("A", "O-4")),
    )  # fmt: skip
    done = await dead_letters.drop(journal.pool, SERVICE, await first_letter(journal.pool), "test data")
    assert done.applied == 1
    assert done.reason == "ValueError: cannot handle BAD-3"
    assert await journal.ids() == ["2"]
    assert await journal.waiting() == [("poison", "3"), ("behind", "4")]
    assert (await dead_letters.show(journal.pool, 1))["note"] == "test data"


async def test_row_4_4_22_replay_run_twice_at_once_while_live_events_flow(
    partition: Partition, journal: Journal
) -> None:
    await partition.take(sent("0", order("A", "BAD-0")), *[sent(f"{n}", order("A", f"O-{n}")) for n in range(1, 20)])
    await mend(journal.pool)
    number = await first_letter(journal.pool)

    async def live() -> None:
        for n in range(20, 40):
            await partition.take(sent(f"{n}", order("A", f"O-{n}")))

    async def both_wait() -> bool:
        return await journal.who_wait() == 2

    async with journal.pool.acquire() as other:
        async with other.transaction():
            await other.execute("SELECT FROM parked_key FOR UPDATE")
            replays = [asyncio.create_task(dead_letters.replay(journal.pool, SERVICE, number)) for _ in range(2)]
            await eventually(both_wait)
        await asyncio.gather(*replays, live())
    await dead_letters.free_mended(journal.pool, SERVICE, ORDERS.topic)
    assert await journal.ids("DE01/A") == [str(n) for n in range(40)]
    assert await journal.waiting() == []
    with pytest.raises(NoSuchDeadLetter, match="replayed already"):
        await dead_letters.replay(journal.pool, SERVICE, number)


async def test_row_4_4_22_an_unreadable_event_that_came_twice_takes_effect_once(
    partition: Partition, journal: Journal
) -> None:
    bad = mangled("1", order("A", "O-1"), total="much")
    await partition.take(bad, bad)
    good = orjson.dumps(orjson.loads(bad.value or b"") | {"total": "5.00"})
    await journal.pool.execute("UPDATE dead_letter SET value = $1", good)
    done = await dead_letters.replay(journal.pool, SERVICE, await first_letter(journal.pool))
    assert done.applied == 2
    assert await journal.ids() == ["1"]


async def test_row_4_5_8_a_customer_whose_events_wait_is_known_as_parked(
    partition: Partition, journal: Journal
) -> None:
    await partition.take(sent("1", order("A", "BAD-1")), sent("2", request("A", "O-1")), sent("3", request("B", "O-2")))
    async with transaction(journal.pool) as work:
        assert await parking.parked(work, [("DE01", "A"), ("DE01", "B")]) == {("DE01", "A")}
    await mend(journal.pool)
    await dead_letters.replay(journal.pool, SERVICE, await first_letter(journal.pool))
    async with transaction(journal.pool) as work:
        assert await parking.parked(work, [("DE01", "A"), ("DE01", "B")]) == set()
    assert [row["key"] for row in await journal.rows("freed")] == ["DE01/A"]
    assert (await journal.rows("parked"))[0]["key"] == "DE01/A"


async def test_row_4_5_8_a_decision_sees_the_poison_before_it_and_none_after_it(
    partition: Partition, journal: Journal
) -> None:
    bad = mangled("p", order("A", "O-9"), total="much")
    await partition.take(sent("1", request("A", "O-1")), bad, sent("2", request("A", "O-2")))
    assert [(row["event_id"], row["parked"]) for row in await journal.rows("decided")] == [("1", False)]
    assert await journal.waiting() == [("poison", "p"), ("behind", "2")]


async def test_row_4_5_8_a_late_event_does_not_strand_behind_a_key_that_is_being_freed(
    partition: Partition, journal: Journal
) -> None:
    await partition.take(sent("1", order("A", "BAD-1")), sent("2", order("A", "O-2")))
    async with transaction(journal.pool) as replaying:
        await parking.parked_keys(replaying, ORDERS.topic, ["DE01/A"])
        late = asyncio.ensure_future(partition.take(sent("3", order("A", "O-3"))))
        await eventually(journal.somebody_waits)
        await replaying.conn.execute("UPDATE dead_letter SET state = 'dropped'")
        await parking.unpark(SERVICE, replaying, ORDERS.topic, "DE01/A")
    await late
    assert await journal.ids() == ["3"]
    assert await journal.waiting() == []


async def test_row_4_5_9_a_newer_version_supersedes_the_dead_letter(partition: Partition, journal: Journal) -> None:
    await partition.take(
        mangled("1", order("A", "O-1"), total="much"), sent("2", order("A", "O-2")), sent("3", order("A", "O-1", 2)),
        sent("4", request("A", "O-1")),
    )  # fmt: skip
    assert partition.processor.mended == {"DE01/A"}
    await dead_letters.free_mended(journal.pool, SERVICE, ORDERS.topic)
    assert await journal.ids() == ["2", "3", "4"]
    letter = await dead_letters.show(journal.pool, 1)
    assert (letter["state"], letter["note"]) == ("superseded", "version 2 of the document arrived as event 3")


async def test_row_4_5_9_neither_an_older_version_nor_another_document_supersedes(
    partition: Partition, journal: Journal
) -> None:
    await partition.take(
        mangled("1", order("A", "O-1", 5), total="much"), sent("2", order("A", "O-1", 4)),
        sent("3", order("A", "O-9", 6)),
    )  # fmt: skip
    assert partition.processor.mended == set()
    assert await journal.waiting() == [("poison", "1"), ("behind", "2"), ("behind", "3")]


async def test_poison_without_a_key_parks_nothing(partition: Partition, journal: Journal) -> None:
    headers = (("content-type", b"application/json"),)
    lost = replace(sent("x", order("A", "O-1")), key="", headers=headers, value=b"{")
    batch = [lost, sent("1", order("A", "O-1"))]
    await partition.take(*batch)
    keyless = replace(partition.log[0], key=None, offset=2)
    await partition.handle([keyless])
    assert await journal.ids() == ["1"]
    letters = await dead_letters.waiting(journal.pool)
    assert [letter["key"] for letter in letters] == ["", None]
    assert await journal.value("SELECT count(*) FROM parked_key WHERE key = 'DE01/A'") == 0
    dropped = await dead_letters.drop(journal.pool, SERVICE, letters[1]["id"], "nonsense")
    assert dropped.failed is None


def limited(partition: Partition) -> Partition:
    claim = partition.processor.claim
    limit = PoisonLimit(window=100, least=5, share=0.1)
    return Partition(partition.pool, BatchProcessor(SERVICE, partition.pool, claim, limit), partition.log)


@pytest.mark.parametrize("crash", [True, False])
async def test_row_4_4_21_too_much_poison_stops_the_partition_and_diverts_nothing_more(
    crash: bool, partition: Partition, journal: Journal
) -> None:
    partition = limited(partition)

    def bad(n: int) -> Outgoing:
        if crash:
            return sent(f"p{n}", order(f"A{n}", f"BAD-{n}"))
        return mangled(f"p{n}", order(f"A{n}", f"O-{n}"), total="much")

    events = [bad(n) if n % 3 == 0 else sent(f"{n}", order("B", f"O-{n}")) for n in range(60)]
    with pytest.raises(PartitionStopped) as stopped:
        await partition.take(*events)
    assert stopped.value.reason == "too_much_poison"
    assert len(await journal.waiting()) == 4
    assert partition.processor.claim.position == 12
    assert await journal.ids() == [str(n) for n in range(12) if n % 3]


async def test_row_4_4_21_what_waits_behind_is_not_poison(partition: Partition, journal: Journal) -> None:
    partition = limited(partition)
    behind = [sent(f"{n}", order("A", f"O-{n}")) for n in range(50)]
    await partition.take(mangled("p", order("A", "O"), total="much"), *behind)
    assert len(await journal.waiting()) == 51


async def test_row_4_4_21_a_restart_does_not_divert_more(partition: Partition, journal: Journal) -> None:
    limit = PoisonLimit(window=100, least=5, share=0.1)
    await limited(partition).take(*[mangled(f"p{n}", order(f"A{n}", "O"), total="much") for n in range(4)])
    claim = await offsets.take(journal.pool, ORDERS, "restarted")
    limit.remember(claim.position, await dead_letters.recent_poison(journal.pool, ORDERS, claim.position - 100))
    assert limit.share == 1.0
    assert not limit.allows_one_more()


@given(st.lists(st.booleans(), max_size=80))
def test_the_limit_is_a_share_of_the_window_from_the_least_up(history: list[bool]) -> None:
    limit = PoisonLimit(window=20, least=4, share=0.25)
    for poison in history:
        limit.note(poison)
    window = [*history, True][-20:]
    assert limit.allows_one_more() == (sum(window) < 4 or sum(window) / len(window) <= 0.25)


async def test_what_is_dropped_while_a_replay_of_it_fails_stays_dropped(
    partition: Partition, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await partition.take(sent("1", order("A", "BAD-1")), sent("2", order("A", "O-2")))
    number, plain = await first_letter(journal.pool), dead_letters._still_fails

    async def drop_before(pool: asyncpg.Pool, row: Any, error: Exception) -> Any:
        await dead_letters.drop(pool, SERVICE, number, "given up")
        return await plain(pool, row, error)

    monkeypatch.setattr(dead_letters, "_still_fails", drop_before)
    await dead_letters.replay(journal.pool, SERVICE, number)
    assert (await dead_letters.show(journal.pool, number))["state"] == "dropped"
    assert await journal.waiting() == []
    assert await journal.ids() == ["2"]


async def test_a_drop_waits_for_the_replay_of_its_key(partition: Partition, journal: Journal) -> None:
    await partition.take(sent("1", order("A", "BAD-1")), sent("2", order("A", "O-2")))
    number = await first_letter(journal.pool)
    async with transaction(journal.pool) as work:
        await parking.parked_keys(work, ORDERS.topic, ["DE01/A"])
        dropping = asyncio.create_task(dead_letters.drop(journal.pool, SERVICE, number, "given up"))
        await eventually(journal.somebody_waits)
        assert await journal.waiting() == [("poison", "1"), ("behind", "2")]
    assert (await dropping).applied == 1
