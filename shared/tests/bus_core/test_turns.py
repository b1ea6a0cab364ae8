"""The busiest customer of a partition does not keep the others waiting; each key keeps its order."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import asyncpg
from hypothesis import given
from hypothesis import strategies as st
from shared.tests.bus_core import toy
from shared.tests.bus_core.conftest import ORDERS, Journal, Partition
from shared.tests.bus_core.toy import SERVICE, mangled, order, request, sent

from holdfast.bus import offsets
from holdfast.bus.batch import BatchProcessor
from holdfast.bus.poison import PoisonLimit
from holdfast.bus.port import Outgoing, Record
from holdfast.bus.turns import DEEP, Turns

HOT, LIGHT = "A", "B"


def asked(customer: str, *numbers: int) -> list[Outgoing]:
    """The state of each order and a request to check it."""
    return [
        sent(f"{customer}-{n}-{what}", make(customer, f"{customer}-{n}"))
        for n in numbers
        for what, make in (("order", order), ("request", request))
    ]


def records(events: list[Outgoing]) -> list[Record]:
    """The events as the log has them."""
    return [toy.record(n, event) for n, event in enumerate(events)]


async def test_another_customer_waits_for_one_order_of_the_busiest(partition: Partition, journal: Journal) -> None:
    log = records([*asked(HOT, *range(50)), *asked(LIGHT, 1)])
    await partition.processor.process(log)
    done = await journal.ids()
    assert sorted(done) == ["A-0-order", "A-0-request", "B-1-order", "B-1-request"]
    assert partition.processor.claim.position == 2


async def test_several_orders_share_a_transaction_while_nobody_else_waits(
    partition: Partition, journal: Journal
) -> None:
    await partition.processor.process(records(asked(HOT, *range(50))))
    assert partition.processor.claim.position == 2 * DEEP
    assert await journal.value("SELECT count(DISTINCT xmin::text) FROM toy_journal") == 1


async def test_what_was_handled_ahead_is_passed_over_later_and_after_a_crash(
    pool: asyncpg.Pool, partition: Partition, journal: Journal
) -> None:
    log = records([*asked(HOT, 1, 2, 3), *asked(LIGHT, 1)])
    await partition.processor.process(log)
    claim = await offsets.take(pool, ORDERS, "successor")
    assert claim.position == 2
    successor = Partition(pool, BatchProcessor(SERVICE, pool, claim, PoisonLimit()))
    await successor.handle(log[claim.position :])
    assert successor.processor.claim.position == len(log)
    hot = [f"A-{n}-{what}" for n in (1, 2, 3) for what in ("order", "request")]
    assert await journal.ids("DE01/A") == hot
    assert sorted(await journal.ids()) == [*hot, "B-1-order", "B-1-request"]


async def test_where_something_cannot_be_read_the_order_of_the_log_decides(
    partition: Partition, journal: Journal
) -> None:
    bad = mangled("bad", order("C", "O-1"), total="much")
    await partition.processor.process(records([*asked(HOT, 1, 2), bad, *asked(LIGHT, 1)]))
    assert partition.processor.claim.position == 7
    assert await journal.waiting() == [("poison", "bad")]


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from([order, request])), max_size=40), st.data())
def test_every_record_has_one_turn_and_a_key_keeps_its_order(
    choice: list[tuple[str, Any]], data: st.DataObject
) -> None:
    log = records([sent(f"{n}", make(customer, f"O-{n}")) for n, (customer, make) in enumerate(choice)])
    turns, at, seen = Turns(SERVICE), 0, 0
    order_of = defaultdict(list)
    while at < len(log):
        seen = data.draw(st.integers(max(at + 1, seen), len(log)), label="arrived")
        items = turns.next(log[at:seen])
        last = turns.reached(items)
        turns.handled(items)
        assert items[0].record is log[at]
        for item in items:
            order_of[item.record.key].append(item.record.offset)
        assert last is not None
        at = last.offset + 1
    handled = [offset for offsets_ in order_of.values() for offset in offsets_]
    assert sorted(handled) == list(range(len(log)))
    assert all(offsets_ == sorted(offsets_) for offsets_ in order_of.values())
