"""Laws of segments and runs, for any batch."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count, pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from shared.tests.bus_core import toy

from holdfast.bus.envelope import Incoming
from holdfast.bus.handlers import Handle, HandlerTable
from holdfast.bus.port import Record
from holdfast.bus.segments import runs, segments
from holdfast.contracts.credit import ProfileChanged
from holdfast.contracts.erp_orders import CheckpointRequested, OrderCancelled, OrderChanged
from holdfast.database.work import Work

TABLE = HandlerTable()
DECISIONS = {"erp.order.checkpoint-requested.v1", "credit.profile.changed.v1"}


def made() -> Handle:
    """Stands in the table; it is never called."""

    async def nothing(work: Work, events: object) -> None: ...

    return nothing


TOGETHER, ONE = HandlerTable(), made()
for cls in (OrderChanged, OrderCancelled, CheckpointRequested, ProfileChanged):
    TABLE.on(cls, decides=cls.event_type in DECISIONS)(made())
    TOGETHER.on(cls)(ONE)
BODIES = {handler.payload.event_type: toy.payload(handler.payload.event_type) for handler in TABLE}
NUMBERS = count()


def event(event_type: str, key: str) -> Incoming[Any]:
    number = next(NUMBERS)
    record = Record("t", 0, number, key, (), b"", 0)
    return Incoming(str(number), "/erp", event_type, datetime(2026, 1, 1, tzinfo=UTC), BODIES[event_type], record, key)


batches = st.lists(st.builds(event, st.sampled_from(sorted(BODIES)), st.sampled_from("ABC")), max_size=30)


def handled(batch: list[Incoming[Any]]) -> list[Incoming[Any]]:
    """The order in which handlers see the events of a batch."""
    return [
        each
        for segment in segments(batch, TABLE)
        for decides in (False, True)
        for _, group in runs(segment, TABLE, decides=decides)
        for each in group
    ]


@given(batches)
def test_every_event_is_handled_once(batch: list[Incoming[Any]]) -> None:
    assert sorted(int(e.id) for e in handled(batch)) == sorted(int(e.id) for e in batch)


@given(batches)
def test_a_decision_sees_the_facts_before_it_and_none_after_it(batch: list[Incoming[Any]]) -> None:
    done = handled(batch)
    for key in "ABC":
        before = [e for e in batch if e.key == key]
        after = [e for e in done if e.key == key]
        for decision in (e for e in before if e.type in DECISIONS):
            earlier = {e.id for e in before[: before.index(decision)]}
            assert {e.id for e in after[: after.index(decision)]} == earlier


@given(batches)
def test_decisions_of_a_key_and_events_of_one_type_and_key_keep_their_order(batch: list[Incoming[Any]]) -> None:
    done = handled(batch)
    for key in "ABC":
        mine = [e for e in done if e.key == key]
        decisions = [int(e.id) for e in mine if e.type in DECISIONS]
        assert decisions == sorted(decisions)
        for event_type in BODIES:
            same = [int(e.id) for e in mine if e.type == event_type]
            assert all(a < b for a, b in pairwise(same))


@given(batches)
def test_a_key_without_decisions_stays_in_the_first_segment(batch: list[Incoming[Any]]) -> None:
    facts = [e for e in batch if e.type not in DECISIONS]
    assert len(segments(facts, TABLE)) <= 1


@given(batches)
def test_types_of_one_function_come_in_one_run_as_they_came(batch: list[Incoming[Any]]) -> None:
    found = [group for segment in segments(batch, TOGETHER) for _, group in runs(segment, TOGETHER, decides=False)]
    assert found == ([batch] if batch else [])
