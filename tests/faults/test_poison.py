"""Records that nobody can digest, in the real service: parked, replayed, and never in the way of others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from tests.faults.load import has_no_crash
from tests.faults.system import System, happens_in_database
from tests.oracle.comparing import same_facts
from tests.oracle.trade import invoice, payment, request, sent

from holdfast.bus.port import Outgoing

pytestmark = pytest.mark.fault

BUG = """
CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a bug with %', NEW.document USING ERRCODE = 'raise_exception';
END $$;
CREATE TRIGGER crash BEFORE INSERT OR UPDATE ON document FOR EACH ROW WHEN (NEW.document LIKE 'BAD%')
    EXECUTE FUNCTION crash();
"""
SETTLED = "nothing is left to do"
FIX = "DROP TRIGGER crash ON document"


def mangled(payload: Any, event_id: str, **changes: Any) -> Outgoing:
    """An event whose body nobody can read."""
    good = sent(payload, event_id)
    return Outgoing(good.topic, good.key, orjson.dumps(orjson.loads(good.value or b"") | changes), good.headers)


async def letters(system: System, state: str) -> list[str]:
    """Events that wait, in their order."""
    rows = await system.pool.fetch("SELECT event_id FROM dead_letter WHERE state = $1 ORDER BY id", state)
    return [row[0] for row in rows]


async def first_letter(system: System) -> str:
    return str(await system.pool.fetchval("SELECT min(id) FROM dead_letter WHERE state = 'poison'"))


async def test_row_4_4_19_poison_first_in_a_partition(system: System) -> None:
    await system.set_up(["C-1"])
    await system.put([mangled(invoice("C-9", "INV-9", "1"), "bad", amount="much")])
    async with system.worker() as worker:
        await system.passed(await system.say([invoice("C-1", f"INV-{n}", "10") for n in range(20)]))
        await same_facts(system.pool, system.oracle)
        status, shown = await system.command("dead-letters", "show", "hold-service", await first_letter(system))
        assert status == 0, shown
        letter = orjson.loads(shown)
        assert (letter["field"], letter["key"], letter["event_id"]) == ("amount", "DE01/C-9", "bad")
        assert ["ce_source", "/erp"] in letter["headers"]
        assert letter["remedy"]
        has_no_crash(worker)


async def test_row_4_4_20_later_events_of_the_key_wait_and_follow_in_order(system: System) -> None:
    await system.set_up(["C-1", "C-2"])
    await system.pool.execute(BUG)
    behind = [invoice("C-1", f"INV-{n}", "10", version=2) for n in range(5)]
    behind += [payment("C-1", f"PAY-{n}", "10", (f"INV-{n}", "10"), document_date="2026-03-02") for n in range(5)]
    async with system.worker() as worker:
        await system.passed(system.goals)
        goals = await system.say([invoice("C-1", "BAD-1", "50"), *behind])
        await system.passed(goals + await system.say([invoice("C-2", f"INV-2{n}", "10") for n in range(10)]))
        await system.passed(await system.say([request("C-2", "SO-2", "900")]))
        assert [len(await letters(system, state)) for state in ("poison", "behind")] == [1, 10]
        assert await system.pool.fetchval("SELECT balance FROM balance WHERE customer = 'C-2'") == 100
        await system.pool.execute(FIX)
        status, said = await system.command("dead-letters", "replay", "hold-service", await first_letter(system))
        assert (status, said.splitlines()[-1]) == (0, "11 event(s) applied")
        await system.passed(await system.say([request("C-1", "SO-1", "960")]))
        await system.is_as_it_should_be()
        has_no_crash(worker)
    replayed = await letters(system, "replayed")
    assert replayed == sorted(replayed, key=lambda text: int(text.removeprefix("e-")))


async def test_row_4_4_22_two_replays_at_once_while_events_flow(system: System) -> None:
    await system.set_up(["C-1"])
    await system.pool.execute(BUG)
    async with system.worker() as worker:
        await system.passed(system.goals)
        await system.passed(await system.say(in_order("BAD-0", range(30))))
        await system.pool.execute(FIX)
        number = await first_letter(system)
        command = ("dead-letters", "replay", "hold-service", number)
        goals, *said = await asyncio.gather(flow(system), system.command(*command), system.command(*command))
        assert all(status == 0 or SETTLED in text for status, text in said), said
        await system.passed(goals)
        await happens_in_database(system, "SELECT NOT EXISTS (SELECT FROM parked_key)")
        status, text = await system.command(*command)
        assert SETTLED in text
        assert status != 0
        await system.is_as_it_should_be()
        has_no_crash(worker)
    assert await system.pool.fetchval("SELECT count(*) FROM stale_event") == 0


def in_order(first: str, numbers: Sequence[int]) -> list[Any]:
    """An invoice, and then one document after the other with growing versions: an exchange would be stale."""
    return [invoice("C-1", first, "50"), *(invoice("C-1", "INV-1", f"{n + 1}", version=n + 1) for n in numbers)]


async def flow(system: System) -> list[Any]:
    """Live events of the parked customer, one by one."""
    goals = []
    for n in range(30, 90):
        goals += await system.say([invoice("C-1", "INV-1", f"{n + 1}", version=n + 1)])
    return goals
