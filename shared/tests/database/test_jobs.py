"""Jobs: each run happens once, whatever the number of replicas, and none is lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from holdfast.database.jobs import LEASE, Job, Upkeep, register, run_jobs, run_next
from holdfast.database.work import Work
from holdfast.testing.waiting import eventually

DAY = timedelta(days=1)


@pytest.fixture
async def ran(pool: asyncpg.Pool) -> asyncpg.Pool:
    """A table that notes what ran."""
    await pool.execute("CREATE TABLE ran (job text, at timestamptz)")
    return pool


def noting(name: str, every: timedelta = DAY) -> Job:
    async def run(work: Work) -> None:
        await work.conn.execute("INSERT INTO ran VALUES ($1, $2)", name, work.now)

    return Job(name, every, run)


async def runs(pool: asyncpg.Pool) -> dict[str, int]:
    return {row["job"]: row["n"] for row in await pool.fetch("SELECT job, count(*) AS n FROM ran GROUP BY job")}


async def test_row_4_4_28_ten_replicas_run_each_job_once(ran: asyncpg.Pool) -> None:
    jobs = [noting(name) for name in ("age", "prune", "retain")]
    await asyncio.gather(*(register(ran, jobs) for _ in range(10)))
    await asyncio.gather(*(run_next(ran, jobs) for _ in range(10)))
    assert await runs(ran) == {"age": 1, "prune": 1, "retain": 1}
    assert not await run_next(ran, jobs)


async def test_a_job_is_due_again_after_its_interval(ran: asyncpg.Pool) -> None:
    jobs = [noting("age", DAY)]
    await register(ran, jobs)
    assert await run_next(ran, jobs)
    left = await ran.fetchval("SELECT due_at - last_run FROM job")
    assert left == DAY
    await ran.execute("UPDATE job SET due_at = due_at - $1::interval", DAY)
    assert await run_next(ran, jobs)
    assert await runs(ran) == {"age": 2}


async def test_more_to_do_comes_at_once(ran: asyncpg.Pool) -> None:
    steps = [True, True, False]

    async def step(_: Work) -> bool:
        return steps.pop(0)

    jobs = [Job("long", DAY, step)]
    await register(ran, jobs)
    assert [await run_next(ran, jobs) for _ in range(4)] == [True, True, True, False]


async def test_a_failed_run_leaves_nothing_and_is_tried_again_later(ran: asyncpg.Pool) -> None:
    async def fail(work: Work) -> None:
        await noting("bad").run(work)
        raise ValueError("no such rate")

    jobs = [Job("bad", DAY, fail), noting("good")]
    await register(ran, jobs)
    while await run_next(ran, jobs):
        pass
    row = await ran.fetchrow("SELECT *, due_at - last_run AS pause FROM job WHERE name = 'bad'")
    assert row is not None
    assert (row["failures"], row["last_error"]) == (1, "ValueError: no such rate")
    assert row["pause"] == timedelta(seconds=5)
    assert await runs(ran) == {"good": 1}


async def test_the_loop_runs_what_is_due_and_stops_when_told(ran: asyncpg.Pool) -> None:
    stop = asyncio.Event()
    loop = asyncio.create_task(run_jobs(ran, [noting("often", timedelta(milliseconds=5))], stop, poll=0.005))
    await eventually(lambda: _at_least(ran, 3))
    stop.set()
    await loop


async def _at_least(pool: asyncpg.Pool, count: int) -> bool:
    return (await runs(pool)).get("often", 0) >= count


async def test_a_job_that_always_times_out_does_not_starve_the_others(ran: asyncpg.Pool) -> None:
    async def slow(work: Work) -> None:
        await work.conn.execute("SET LOCAL statement_timeout = 1")
        await work.conn.execute("SELECT pg_sleep(5)")

    jobs = [Job("slow", DAY, slow), noting("good")]
    await register(ran, jobs[:1])
    await register(ran, jobs)
    assert [await run_next(ran, jobs) for _ in range(3)] == [True, True, False]
    assert await runs(ran) == {"good": 1}
    row = await ran.fetchrow("SELECT *, due_at - last_run AS pause FROM job WHERE name = 'slow'")
    assert row is not None
    assert (row["failures"], row["pause"]) == (1, timedelta(seconds=5))
    assert row["last_error"].startswith("QueryCanceledError")


async def test_upkeep_holds_no_transaction_and_is_done_by_one_replica(ran: asyncpg.Pool) -> None:
    done, go_on = 0, asyncio.Event()

    async def keep_up() -> None:
        nonlocal done
        await go_on.wait()
        done += 1

    jobs = [Upkeep("upkeep", DAY, keep_up)]
    await register(ran, jobs)
    running = asyncio.create_task(run_next(ran, jobs))
    leased = "SELECT due_at > now() FROM job"
    await eventually(lambda: ran.fetchval(leased))
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
    assert await ran.fetchval(open_ones) == 0
    assert not await run_next(ran, jobs)
    go_on.set()
    assert await running
    assert (done, await ran.fetchval("SELECT runs FROM job")) == (1, 1)
    assert await ran.fetchval("SELECT due_at - last_run FROM job") == DAY


async def test_upkeep_that_fails_or_dies_is_done_again(ran: asyncpg.Pool) -> None:
    async def fail() -> None:
        raise ConnectionResetError("the bus is away")

    jobs = [Upkeep("upkeep", DAY, fail)]
    await register(ran, jobs)
    assert await run_next(ran, jobs)
    assert await ran.fetchval("SELECT due_at - last_run FROM job") == timedelta(seconds=5)

    async def die() -> None:
        raise asyncio.CancelledError

    await ran.execute("UPDATE job SET due_at = now()")
    with pytest.raises(asyncio.CancelledError):
        await run_next(ran, [Upkeep("upkeep", DAY, die)])
    left = await ran.fetchval("SELECT due_at - now() FROM job")
    assert timedelta(0) < left <= LEASE
