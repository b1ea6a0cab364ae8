"""A customer whose held orders cannot be decided keeps nobody else waiting."""

from __future__ import annotations

from typing import Any

import pytest

from hold_service.parameters import PARAMETERS
from hold_service.rechecks.jobs import FAILED, recheck_due

CUSTOMERS = [f"C-{n}" for n in range(1, 8)]
BREAK = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'cannot be closed'; END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON hold FOR EACH ROW WHEN (NEW.customer = 'C-4' AND NOT NEW.active)
EXECUTE FUNCTION refuse();
"""
PUT_OFF = """
SELECT customer, failures, last_error, extract(epoch FROM due_at - simulated_at)::int AS pause
FROM recheck_due, business_clock
"""


async def held(hold: Any) -> list[str]:
    rows = await hold.pool.fetch("SELECT customer FROM hold WHERE active ORDER BY customer")
    return [row["customer"] for row in rows]


async def test_who_cannot_be_decided_is_put_off_and_the_others_go_on(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="100")
    for name in CUSTOMERS:
        await hold.facts(
            ask.event("erp.customer.changed.v1", customer=name), ask.profile("100", customer=name, version=2)
        )
        await hold.check(ask.request(f"O-{name}", "600", customer=name))
    assert await held(hold) == CUSTOMERS
    await hold.pool.execute(BREAK)
    await hold.facts(*(ask.profile("1000", customer=name, version=3) for name in CUSTOMERS))
    before = FAILED._value.get()
    await hold.recheck()
    assert await held(hold) == ["C-4"]
    row = await hold.pool.fetchrow(PUT_OFF)
    assert (row["customer"], row["failures"], row["pause"]) == ("C-4", 1, 5)
    assert row["last_error"] == "RaiseError: cannot be closed"
    assert FAILED._value.get() == before + 1
    assert await recheck_due(hold.pool) is False
    await hold.pool.execute("UPDATE business_clock SET simulated_at = simulated_at + interval '6 s'")
    assert await recheck_due(hold.pool) is True
    row = await hold.pool.fetchrow(PUT_OFF)
    assert (row["failures"], row["pause"]) == (2, 10)
    await hold.pool.execute("DROP TRIGGER refuse ON hold")
    await hold.facts(ask.profile("2000", customer="C-4", version=4))
    await hold.recheck()
    assert await held(hold) == []
    assert await hold.pool.fetchval("SELECT count(*) FROM recheck_due") == 0


async def test_sums_may_be_larger_than_single_amounts(hold: Any, ask: Any) -> None:
    most = "999999999999999.99"
    await hold.set_up(limit="1")
    await hold.check(ask.request("O-1", most), ask.request("O-2", most))
    assert await held(hold) == ["C-1", "C-1"]
    await hold.facts(ask.profile("1", version=2, unlimited_credit=True))
    await hold.recheck()
    assert await held(hold) == []
    released = [event for kind, event in await hold.published() if kind == "hold.order.released.v1"]
    assert released[-1]["figures"]["exposure"] == "1999999999999999.98"


async def test_who_was_held_for_old_facts_and_cannot_be_decided_is_put_off_too(
    hold: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hold.set_up(limit="1000")
    for name in ("C-3", "C-4"):
        await hold.facts(
            ask.event("erp.customer.changed.v1", customer=name), ask.profile("1000", customer=name, version=2)
        )
        await hold.check(ask.request(f"O-{name}", "600", customer=name), most_facts_age=1)
    await hold.pool.execute(BREAK)
    read = "INSERT INTO consumer_offset (topic, partition, fresh_at) VALUES ('erp.orders.v1', 0, now())"
    await hold.pool.execute(read)
    monkeypatch.setattr(PARAMETERS, "most_facts_age", 60)
    rounds = 0
    while await recheck_due(hold.pool):
        rounds += 1
        assert rounds < 5
    assert await held(hold) == ["C-4"]
    assert (await hold.pool.fetchrow(PUT_OFF))["failures"] == 1
