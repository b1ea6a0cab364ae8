"""docs/runbooks/dead-letters.md, tried out: the sender mends it, we mend it, or it is given up."""

from __future__ import annotations

import orjson
import pytest
from tests.faults.system import System, happens_in_database
from tests.faults.test_poison import BUG, FIX, mangled
from tests.faults.watching import watched_worker
from tests.oracle.comparing import same_facts
from tests.oracle.trade import invoice, payment, request
from tests.runbooks.pages import command, follow, metrics

from holdfast.contracts.topics import HOLDS
from holdfast.erp.answers import read_topic

pytestmark = pytest.mark.fault
PAGE = "dead-letters.md"
OPEN = "SELECT id FROM dead_letter WHERE state = 'poison' AND key = $1"


async def number_of(system: System, customer: str) -> str:
    """The dead letter of a customer."""
    return str(await system.pool.fetchval(OPEN, f"DE01/{customer}"))


async def test_row_4_5_8_the_three_ways_out_of_the_dead_letters(system: System) -> None:
    customers = ["C-sender", "C-bug", "C-nonsense"]
    await system.set_up(customers)
    await system.pool.execute(BUG)
    async with watched_worker(system) as worker:
        await system.passed(system.goals)
        broken = mangled(invoice("C-sender", "INV-1", "100"), "bad-1", amount="much")
        goals = await system.put([broken, mangled(invoice("C-nonsense", "INV-3", "100"), "bad-3", amount="none")])
        goals += await system.say([invoice("C-bug", "BAD-2", "100"), *(behind(c) for c in customers)])
        await system.passed(goals)
        await worker.shows("holdfast_dead_letters", 3, state="poison")
        await worker.shows("holdfast_parked_keys", 3)
        asked = [request(c, f"SO-00000{n}", "10") for n, c in enumerate(customers)]
        await system.passed(await system.say(asked, to_oracle=False))
        held = [e.payload for e in await read_topic(system.transport, HOLDS)]
        assert {(e.customer, tuple(e.reasons)) for e in held} == {(c, ("technical_error",)) for c in customers}
        listed = await follow(system, PAGE, "dead-letters list")
        assert all(f"DE01/{c}" in listed for c in customers)
        await way_of_the_sender(system)
        await way_of_the_bug(system)
        number = await number_of(system, "C-nonsense")
        await follow(system, PAGE, "dead-letters drop", ID=number)
        assert {"holdfast_dead_letters", "holdfast_parked_keys"} <= metrics(PAGE)
        await worker.shows("holdfast_dead_letters", 0)
        await worker.shows("holdfast_parked_keys", 0)
        assert "no dead letters" in await follow(system, PAGE, "dead-letters list")
        await system.set_clock(12)
        await happens_in_database(system, "SELECT NOT EXISTS (SELECT FROM hold WHERE active)")
        await same_facts(system.pool, system.oracle)


def behind(customer: str) -> object:
    """A later event of the same customer and topic."""
    return payment(customer, f"PAY-{customer}", "10", document_date="2026-03-02")


async def way_of_the_sender(system: System) -> None:
    """A newer version of the document supersedes the dead letter; what waits behind follows by itself."""
    number = await number_of(system, "C-sender")
    shown = orjson.loads(await follow(system, PAGE, "dead-letters show", ID=number))
    assert (shown["field"], shown["shown"]) == ("amount", "much")
    await system.passed(await system.say([invoice("C-sender", "INV-1", "100", version=2)]))
    await happens_in_database(system, "SELECT NOT EXISTS (SELECT FROM parked_key WHERE key = 'DE01/C-sender')")
    shown = orjson.loads(await follow(system, PAGE, "dead-letters show", ID=number))
    assert shown["state"] == "superseded"


async def way_of_the_bug(system: System) -> None:
    """Fixed and replayed; a second replay does no harm."""
    await system.pool.execute(FIX)
    number = await number_of(system, "C-bug")
    assert "2 event(s) applied" in await follow(system, PAGE, "dead-letters replay", ID=number)
    status, said = await system.command(*command(PAGE, "dead-letters replay", ID=number))
    assert (status, "nothing is left to do" in said) == (2, True)
