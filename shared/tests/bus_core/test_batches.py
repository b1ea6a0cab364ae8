"""One batch, one transaction: the rows of the fault tables that need no bus."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest
from shared.tests.bus_core import toy
from shared.tests.bus_core.conftest import ORDERS, Journal, Partition
from shared.tests.bus_core.toy import SERVICE, cleared, mangled, order, payload, record, request, sent

from holdfast.bus import offsets
from holdfast.bus.batch import BatchProcessor
from holdfast.bus.offsets import Fenced
from holdfast.bus.poison import PoisonLimit
from holdfast.database.work import is_transient, transaction
from holdfast.testing.waiting import eventually


async def test_facts_come_before_the_decision_and_the_next_fact_after_it(
    partition: Partition, journal: Journal
) -> None:
    await partition.take(
        sent("1", order("A", "O-1")), sent("2", request("A", "O-1")), sent("3", order("A", "O-2")),
        sent("4", request("A", "O-2")), sent("5", order("B", "O-3")),
    )  # fmt: skip
    assert await journal.ids("DE01/A") == ["1", "2", "3", "4"]
    assert [row["known"] for row in await journal.rows("decided")] == [1, 2]
    assert await journal.value("SELECT total FROM toy_account WHERE customer = 'A'") == 200
    assert partition.processor.claim.position == 5


@pytest.mark.parametrize("times", [2, 3, 50])
async def test_row_4_4_1_an_event_delivered_often_has_one_effect(
    times: int, partition: Partition, journal: Journal
) -> None:
    twice = [sent("1", order("A", "O-1")), sent("2", request("A", "O-1"))]
    await partition.take(*twice * times)
    await partition.take(*twice)
    assert await journal.ids() == ["1", "2"]
    assert await journal.value("SELECT count(*) FROM outbox") == 1
    assert await journal.value("SELECT count(*) FROM inbox") == 2


async def test_row_4_5_10_two_erps_may_use_the_same_event_id(partition: Partition, journal: Journal) -> None:
    await partition.take(sent("1", order("A", "O-1"), "/erp/one"), sent("1", order("A", "O-2"), "/erp/two"))
    assert await journal.ids() == ["1", "1"]


async def test_row_4_5_2_further_customers_are_locked_before_the_batch_begins_again(
    partition: Partition, journal: Journal
) -> None:
    await partition.take(sent("1", order("A", "PAIR-C")), sent("2", order("B", "PAIR-D")))
    assert await journal.ids() == ["1", "2"]
    customers = await journal.value("SELECT array_agg(customer ORDER BY customer) FROM toy_account")
    assert customers == ["A", "B", "C", "D"]


async def test_row_4_5_2_a_customer_somebody_else_holds_is_waited_for(
    pool: asyncpg.Pool, partition: Partition, journal: Journal
) -> None:
    async with transaction(pool) as work:
        await SERVICE.lock(work, {("DE01", "A")})
        handling = asyncio.ensure_future(partition.take(sent("1", order("A", "O-1"))))
        await eventually(journal.somebody_waits)
        assert await journal.ids() == []
    await handling
    assert await journal.ids() == ["1"]


async def test_row_4_5_5_offsets_advance_by_compare_and_set_and_may_have_gaps(
    partition: Partition, journal: Journal
) -> None:
    await partition.handle([record(3, sent("1", order("A", "O-1"))), record(17, sent("2", order("A", "O-2")))])
    assert partition.processor.claim.position == 18
    await journal.pool.execute("UPDATE consumer_offset SET next_offset = 40")
    with pytest.raises(Fenced):
        await partition.handle([record(18, sent("3", order("A", "O-3")))])
    assert await journal.ids() == ["1", "2"]


async def test_row_4_5_6_an_earlier_owner_cannot_write(
    pool: asyncpg.Pool, partition: Partition, journal: Journal
) -> None:
    claim = await offsets.take(pool, ORDERS, "successor")
    with pytest.raises(Fenced):
        await partition.take(sent("1", order("A", "O-1")))
    assert await journal.ids() == []
    successor = Partition(pool, BatchProcessor(SERVICE, pool, claim, PoisonLimit()))
    await successor.take(sent("1", order("A", "O-1")))
    assert await journal.ids() == ["1"]


async def test_row_4_5_6_a_stalled_transaction_of_an_earlier_owner_is_ended(
    pool: asyncpg.Pool, partition: Partition
) -> None:
    async def stall() -> None:
        async with transaction(pool) as work:
            await offsets.hold(work, partition.processor.claim)
            await offsets.advance(work, partition.processor.claim, record(0, sent("1", order("A", "O-1"))))
            async with asyncio.timeout(5):
                claims.append(await offsets.take(pool, ORDERS, "successor"))

    claims: list[offsets.Claim] = []
    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)) as ended:
        await stall()
    assert is_transient(ended.value)
    assert claims[0].epoch == partition.processor.claim.epoch + 1


async def test_row_4_4_26_unknown_types_and_fields_and_tombstones_are_ignored(
    partition: Partition, journal: Journal
) -> None:
    known = sent("1", order("A", "O-1"))
    headers = tuple((n, b"erp.order.painted.v9" if n == "ce_type" else v) for n, v in known.headers)
    unknown = type(known)(known.topic, known.key, known.value, headers)
    elsewhere = sent("9", payload("erp.delivery.posted.v1"))
    await partition.take(unknown, elsewhere, mangled("2", order("A", "O-2"), colour="blue"))
    assert await journal.ids() == ["2"]
    assert await journal.waiting() == []
    assert partition.processor.claim.position == 3


async def test_the_trace_of_an_event_rides_on_what_follows_from_it(partition: Partition, journal: Journal) -> None:
    asked = sent("1", request("A", "O-1"))
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    traced = type(asked)(asked.topic, asked.key, asked.value, (*asked.headers, ("ce_traceparent", trace.encode())))
    await partition.take(traced, sent("2", request("B", "O-2")))
    assert await journal.value("SELECT traceparent FROM outbox WHERE aggregateid = 'DE01/A'") == trace
    assert await journal.value("SELECT traceparent FROM outbox WHERE aggregateid = 'DE01/B'") is None


async def test_events_of_a_key_are_numbered_across_transactions(partition: Partition, journal: Journal) -> None:
    for n in range(3):
        await partition.take(*[sent(f"{n}-{i}", request(c, f"O-{n}-{i}")) for i, c in enumerate("ABAB")])
    rows = await journal.pool.fetch("SELECT aggregateid, sequence, payload FROM outbox ORDER BY seq")
    for key in ("DE01/A", "DE01/B"):
        assert [row["sequence"] for row in rows if row["aggregateid"] == key] == [1, 2, 3, 4, 5, 6]
    assert all(f'"sequence":{row["sequence"]}' in row["payload"] for row in rows)
    assert cleared("A", "O-1", "1").topic.name == "holds.v1"


@pytest.mark.parametrize("ahead_ms", [4 * 3_600_000, 2**62])
async def test_a_producer_whose_clock_is_ahead_does_not_make_facts_younger(
    ahead_ms: int, partition: Partition, journal: Journal
) -> None:
    late = replace(toy.record(0, sent("1", order("A", "O-1"))), timestamp_ms=1_850_000_000_000 + ahead_ms)
    await partition.handle([late])
    assert await journal.ids() == ["1"]
    assert await journal.value("SELECT event_time = updated_at FROM consumer_offset WHERE partition = 0")
