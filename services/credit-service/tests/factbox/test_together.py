"""Fact boxes that are asked for at the same moment."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from credit_service.factbox.together import AT_ONCE, Boxes

CUSTOMERS = ("A", "B", "C", "D")


class Counting:
    """A pool that counts the transactions begun."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool, self.begun = pool, 0

    async def acquire(self) -> Any:
        self.begun += 1
        return await self._pool.acquire()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


async def test_who_asks_at_the_same_moment_shares_a_transaction(credit: Any, made: Any) -> None:
    await credit.facts(*(made("erp.invoice.posted.v1", customer=c, document=f"I-{c}") for c in CUSTOMERS))
    pool = Counting(credit.pool)
    boxes = Boxes(pool)  # type: ignore[arg-type]
    asked = [("DE01", customer) for customer in CUSTOMERS] * 5
    found = await asyncio.gather(*(boxes.make(party) for party in asked))
    assert [box.view.exposure.position.customer for box in found] == [customer for _, customer in asked]
    assert pool.begun <= AT_ONCE
    assert await credit.pool.fetchval("SELECT count(*) FROM kept_fact_box") == len(CUSTOMERS)


async def test_a_caller_who_leaves_takes_nothing_from_others(credit: Any, made: Any) -> None:
    await credit.facts(made("erp.invoice.posted.v1", customer="A"))
    boxes = Boxes(credit.pool)
    leaving, staying = (asyncio.create_task(boxes.make(("DE01", "A"))) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).view.exposure.position.customer == "A"


async def test_what_fails_is_told_to_each_who_waits(credit: Any) -> None:
    boxes = Boxes(credit.pool)
    await credit.pool.execute("ALTER TABLE customer_statistics RENAME TO gone")
    try:
        asked = await asyncio.gather(*(boxes.make(("DE01", "A")) for _ in range(3)), return_exceptions=True)
    finally:
        await credit.pool.execute("ALTER TABLE gone RENAME TO customer_statistics")
    assert {type(error) for error in asked} == {asyncpg.UndefinedTableError}
    assert (await boxes.make(("DE01", "A"))).view.exposure.position.customer == "A"
