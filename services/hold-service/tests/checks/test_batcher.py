"""Whoever waits for a check is answered, whatever becomes of the batch that it is in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import asyncpg
import pytest

from hold_service.checks import batcher
from hold_service.checks.batcher import MOST_TOGETHER, TRIES, Batcher
from holdfast.testing.waiting import eventually
from holdfast.web.idempotency import Answer, Request

STALLED = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
"""


@asynccontextmanager
async def deciding(pool: Any) -> AsyncIterator[Batcher]:
    """A batcher for the length of a block."""
    running = Batcher(pool)
    running.start()
    try:
        yield running
    finally:
        await running.stop()


def ask_for(running: Batcher, ask: Any, numbers: Sequence[int], customers: int = 1) -> list[asyncio.Task[Answer]]:
    """Callers that wait for the check of an order each; the orders are of so many customers by turns."""
    requests = [ask.request(f"O-{n}", "10", customer=f"C-{n % customers + 1}") for n in numbers]
    named = [(Request("kim", f"key-{n}", str(n)), request) for n, request in zip(numbers, requests, strict=True)]
    return [asyncio.create_task(running.submit(key, request)) for key, request in named]


async def test_every_check_of_a_load_that_ebbs_is_answered(hold: Any, ask: Any) -> None:
    """Two large batches are under way when the last caller comes: whoever ends them waits for nobody after it."""
    await hold.set_up(limit="1000000")
    async with deciding(hold.pool) as running, hold.pool.acquire() as other:
        async with other.transaction():
            await other.execute("LOCK TABLE business_clock IN ACCESS EXCLUSIVE MODE")
            many = ask_for(running, ask, range(MOST_TOGETHER + 20), customers=MOST_TOGETHER + 20)

            async def stalled() -> bool:
                return await hold.pool.fetchval(STALLED) >= batcher.AT_ONCE

            await eventually(stalled)
            (last,) = ask_for(running, ask, [1000])
            await asyncio.sleep(0)
        answers = await asyncio.wait_for(asyncio.gather(*many, last), 10)
    assert {answer.status for answer in answers} == {200}
    assert await hold.pool.fetchval("SELECT count(*) FROM decision") == MOST_TOGETHER + 21


async def test_what_comes_for_a_customer_while_it_is_decided_is_the_next_batch(hold: Any, ask: Any) -> None:
    """Neither in batches that meet each other's lock, nor one by one."""
    await hold.set_up(limit="1000000")
    async with deciding(hold.pool) as running, hold.pool.acquire() as other:
        async with other.transaction():
            await other.execute("LOCK TABLE business_clock IN ACCESS EXCLUSIVE MODE")
            first = ask_for(running, ask, [0])

            async def stalled() -> bool:
                return await hold.pool.fetchval(STALLED) >= 1

            await eventually(stalled)
            more = ask_for(running, ask, range(1, 11))
            await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.gather(*first, *more), 10)
    sizes = "SELECT array_agg(size ORDER BY size) FROM (SELECT count(*) AS size FROM decision GROUP BY xmin::text) b"
    assert await hold.pool.fetchval(sizes) == [1, 10]


class Away:
    """A pool of a database that is away."""

    def __init__(self) -> None:
        self.tries = 0

    async def acquire(self) -> NoReturn:
        self.tries += 1
        raise ConnectionRefusedError("the database is away")


async def test_what_does_not_pass_in_time_fails_the_whole_batch_after_a_few_tries(ask: Any) -> None:
    pool = Away()
    async with deciding(pool) as running:
        waiting = ask_for(running, ask, range(MOST_TOGETHER))
        answers = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
    assert {type(answer) for answer in answers} == {ConnectionRefusedError}
    assert pool.tries == TRIES


async def test_an_error_that_does_not_pass_is_the_one_requests(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000000")
    await hold.pool.execute("ALTER TABLE decision ADD CHECK (order_no <> 'O-7')")
    async with deciding(hold.pool) as running:
        waiting = ask_for(running, ask, range(20))
        answers = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 30)
    failed = [n for n, answer in enumerate(answers) if isinstance(answer, asyncpg.CheckViolationError)]
    assert failed == [7]
    assert sum(isinstance(answer, Answer) for answer in answers) == 19


async def test_an_error_in_the_batcher_itself_is_an_answer_too(
    hold: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hold.set_up(limit="1000000")

    def broken(*_: Any) -> NoReturn:
        raise RuntimeError("not foreseen")

    async with deciding(hold.pool) as running:
        with monkeypatch.context() as patched:
            patched.setattr(batcher, "_tell", broken)
            waiting = ask_for(running, ask, range(8 * batcher.AT_ONCE))
            answers = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
        assert {type(answer) for answer in answers} == {RuntimeError}
        (after,) = ask_for(running, ask, [1000])
        assert (await asyncio.wait_for(after, 10)).status == 200


async def test_who_waits_when_the_batcher_stops_is_told(hold: Any, ask: Any) -> None:
    async with hold.pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE business_clock IN ACCESS EXCLUSIVE MODE")
        async with deciding(hold.pool) as running:
            waiting = ask_for(running, ask, range(5))

            async def stalled() -> bool:
                return await hold.pool.fetchval(STALLED) >= 1

            await eventually(stalled)
        await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
    assert all(task.cancelled() for task in waiting)
