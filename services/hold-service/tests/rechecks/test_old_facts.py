"""While facts are older than allowed nothing is decided again; afterwards everything is that had to wait."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hold_service.parameters import PARAMETERS


@pytest.fixture(autouse=True)
def at_most_a_minute() -> Iterator[None]:
    PARAMETERS.most_facts_age = 60
    yield
    PARAMETERS.most_facts_age = None


async def facts_are_from(hold: Any, ago: str) -> None:
    await hold.pool.execute(
        """INSERT INTO consumer_offset (topic, partition, event_time)
           VALUES ('erp.orders.v1', 0, now() - $1::text::interval)
           ON CONFLICT (topic, partition) DO UPDATE SET event_time = excluded.event_time""",
        ago,
    )


async def told(hold: Any) -> list[str]:
    return [kind.removeprefix("hold.order.") for kind, _ in await hold.published()]


async def test_what_falls_due_during_a_lag_is_decided_after_it(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="100")
    await facts_are_from(hold, "1 second")
    await hold.check(ask.request("O-1", "600"), most_facts_age=60)
    await facts_are_from(hold, "1 hour")
    await hold.facts(ask.profile("5000", 2))
    await hold.recheck()
    assert await told(hold) == ["held.v1"]
    assert await hold.pool.fetchval("SELECT count(*) FROM recheck_due") == 1
    await facts_are_from(hold, "1 second")
    await hold.recheck()
    assert await told(hold) == ["held.v1", "released.v1"]


async def test_what_is_held_during_a_lag_is_decided_after_it(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="100")
    await facts_are_from(hold, "1 hour")
    (small, large) = await hold.check(ask.request("O-1", "10"), ask.request("O-2", "600"), most_facts_age=60)
    assert (small["reasons"], large["reasons"]) == (["facts_too_old"], ["facts_too_old"])
    await hold.recheck()
    await facts_are_from(hold, "1 second")
    await hold.recheck()
    assert await told(hold) == ["held.v1", "held.v1", "released.v1", "hold.reason.cleared.v1"]
    rows = await hold.pool.fetch("SELECT reason FROM hold_reason WHERE hold_id = 2 AND active")
    assert [row["reason"] for row in rows] == ["credit_exceeded"]
    assert await hold.pool.fetchval("SELECT count(*) FROM recheck_due") == 0
