"""Interleavings that break such a design (engineering notes, 4.5), forced one step at a time."""

from __future__ import annotations

import asyncio
import signal

import asyncpg
import pytest
from tests.faults.load import has_no_crash, is_stopped
from tests.faults.system import System, happens_in_database, waiting
from tests.oracle.trade import event, invoice, order, request
from tests.oracle.trade import sent as sent_by

from hold_service.app import SERVICE
from holdfast.bus import outbox
from holdfast.bus.relay import Relay
from holdfast.contracts.topics import HOLD_DEAD_LETTERS, HOLDS
from holdfast.database.work import transaction
from holdfast.erp.answers import read_topic
from holdfast.testing.topics import read_topic as read_records
from holdfast.testing.waiting import eventually

pytestmark = pytest.mark.fault

LOCK = "SELECT FROM account WHERE company = 'DE01' AND customer = 'C-1' FOR UPDATE"


async def test_row_4_5_1_two_checks_that_waited_for_one_lock_do_not_both_pass(embedded: System) -> None:
    """Over two processes: each meets what the one before it has reserved, not the snapshot of when it began."""
    system = embedded
    await system.set_up(["C-1"])
    async with system.worker(), system.api() as one, system.api() as two:
        await system.passed(system.goals)
        connection = await asyncpg.connect(system.database)
        async with connection.transaction():
            await connection.fetch(LOCK)
            checks = [
                asyncio.create_task(api.check(request("C-1", f"SO-00000{n}", "600")))
                for n, api in enumerate((one, two))
            ]
            await happens_in_database(system, waiting(2))
        await connection.close()
        answers = await asyncio.gather(*checks)
    assert sorted(answer.json()["outcome"] for answer in answers) == ["cleared", "held"]


async def test_row_4_5_2_facts_that_arrive_during_a_check_wait_for_it(embedded: System) -> None:
    """A worker stands still inside the transaction of an invoice: a check waits, and then sees the invoice."""
    system = embedded
    await system.set_up(["C-1"])
    async with system.worker() as first:
        await system.passed(system.goals)
        await first.stop()
    async with system.worker("before_commit=stop") as worker, system.api() as api:
        goals = await system.say([invoice("C-1", "INV-1", "900")])
        await eventually(lambda: is_stopped(worker), 30)
        check = asyncio.create_task(api.check(request("C-1", "SO-000001", "300")))
        await happens_in_database(system, waiting(1))
        worker.send(signal.SIGCONT)
        assert (await check).json()["outcome"] == "held"
        await system.passed(goals)
        has_no_crash(worker)


async def test_row_4_5_3_an_older_state_does_not_end_a_reservation(embedded: System) -> None:
    system = embedded
    await system.set_up(["C-1"])
    async with system.worker():
        await system.passed(system.goals)
        for payload in (
            request("C-1", "SO-000001", "500", version=2),
            order("C-1", "SO-000001", "100", version=1),
            request("C-1", "SO-000002", "600"),
            order("C-1", "SO-000001", "300", version=2),
        ):
            await system.passed(await system.say([payload]))
        await system.noon()
        await system.is_as_it_should_be()
    assert [d.what for d in system.oracle.history["DE01/C-1"]] == ["cleared", "held", "released"]


async def test_row_4_5_4_a_state_that_overtakes_the_invoice(embedded: System) -> None:
    """The order says that it is invoiced; until the invoice itself is there, the amount counts as before."""
    system = embedded
    await system.set_up(["C-1"])
    line = {"line": 1, "ordered": "1", "net_amount": "600", "delivered": "1", "invoiced": "1"}
    async with system.worker():
        await system.passed(system.goals)
        await system.passed(await system.say([request("C-1", "SO-000001", "600")]))
        await system.passed(await system.say([order("C-1", "SO-000001", "600", version=2, lines=[line])]))
        await system.passed(await system.say([request("C-1", "SO-000002", "500")]))
        await system.passed(await system.say([invoice("C-1", "INV-1", "600", order="SO-000001")]))
        await system.passed(await system.say([request("C-1", "SO-000000", "400")]))
        await system.is_as_it_should_be()
    assert [d.what for d in system.oracle.history["DE01/C-1"]] == ["cleared", "held", "cleared"]


async def test_row_4_5_7_a_row_written_later_is_published_later(embedded: System) -> None:
    """The second writer of a key waits for the commit of the first; another key does not."""
    system = embedded
    bodies = {"first": "K-1", "second": "K-1", "elsewhere": "K-2"}

    async def write(name: str) -> None:
        async with transaction(system.pool) as work:
            body = f'{{"name":"{name}"}}'
            await outbox.publish(work, [(HOLD_DEAD_LETTERS.name, bodies[name], "test.v1", body)])

    async with transaction(system.pool) as work:
        await outbox.publish(work, [(HOLD_DEAD_LETTERS.name, "K-1", "test.v1", '{"name":"first"}')])
        second = asyncio.create_task(write("second"))
        await write("elsewhere")
        await happens_in_database(system, waiting(1))
        relay = Relay(SERVICE.name, SERVICE.source, system.pool, system.producer)
        assert await relay.drain() == 1
        assert not second.done()
    await second
    assert await relay.drain() == 2
    records = [r for r in await read_records(system.transport, HOLD_DEAD_LETTERS.name) if r.key == "K-1"]
    assert [r.value for r in records] == [b'{"name":"first","sequence":1}', b'{"name":"second","sequence":2}']


async def test_row_4_5_10_two_erps_use_the_same_event_id(system: System) -> None:
    await system.set_up(["C-1"])
    async with system.worker():
        await system.passed(system.goals)
        facts = [invoice("C-1", "INV-1", "10"), invoice("C-1", "INV-2", "20")]
        await system.passed(await system.put([
            sent_by(fact, "same", source) for fact, source in zip(facts, ("/erp/one", "/erp/two"), strict=True)
        ]))  # fmt: skip
    assert await system.pool.fetchval("SELECT balance FROM balance WHERE customer = 'C-1'") == 30


async def test_row_4_5_14_two_known_orders_do_not_hold_each_other(system: System) -> None:
    await system.set_up(["C-1"])
    async with system.worker():
        await system.passed(system.goals)
        await system.passed(await system.say([order("C-1", f"SO-00000{n}", "600") for n in (1, 2)]))
        await system.passed(await system.say([request("C-1", f"SO-00000{n}", "600") for n in (2, 1)]))
        await system.passed(await system.say([event("erp.order.cancelled.v1", "C-1", order="SO-000001", version=2)]))
        await system.noon()
        await system.is_as_it_should_be()
    published = [(e.type, e.payload.order) for e in await read_topic(system.transport, HOLDS)]
    assert published == [
        ("hold.order.held.v1", "SO-000002"),
        ("hold.order.cleared.v1", "SO-000001"),
        ("hold.order.released.v1", "SO-000002"),
    ]
