"""Periodic work: any number of replicas, each run happens once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from logging import ERROR, WARNING

import asyncpg
from structlog import get_logger

from holdfast.database.work import Work, is_transient, transaction

POLL_SECONDS = 1.0
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=10)
LEASE = timedelta(hours=1)
"""How long upkeep belongs to who has claimed it; after a crash somebody else begins then."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do every `every`, in a transaction that also notes that it was done.

    `run` returns True when there is more to do at once: long work goes in steps of a second or two.
    """

    name: str
    every: timedelta
    run: Callable[[Work], Awaitable[bool | None]]


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Long work every `every`, on connections and in transactions of its own; doing it twice does no harm.

    It is claimed by a lease, since no transaction may stay open so long.
    """

    name: str
    every: timedelta
    run: Callable[[], Awaitable[None]]


Jobs = Sequence[Job | Upkeep]


async def register(pool: asyncpg.Pool, jobs: Jobs) -> None:
    """Make the jobs known to the database; new ones are due at once."""
    async with transaction(pool, clock=False) as work:
        await work.conn.execute(
            """INSERT INTO job (name, due_at) SELECT name, $2 FROM unnest($1::text[]) AS name
               ON CONFLICT DO NOTHING""",
            [job.name for job in jobs],
            work.now,
        )


async def run_next(pool: asyncpg.Pool, jobs: Jobs) -> bool:
    """Claim one due job that nobody else runs, and run it. False when none is due.

    Claim, effects and next due time are one commit: a crash leaves the run to another replica. After any error the
    others have their turn before it is tried again.
    """
    job: Job | Upkeep | None = None
    try:
        async with transaction(pool) as work:
            job = await _claim(work, jobs)
            if isinstance(job, Upkeep):
                await _lease(work, job)
            elif job is not None:
                await _finish(work, job, more=bool(await job.run(work)))
        if isinstance(job, Upkeep):
            await _keep_up(pool, job)
    except Exception as error:
        if job is None:
            raise
        log.log(WARNING if is_transient(error) else ERROR, "job_failed", job=job.name, exc_info=error)
        await _postpone(pool, job.name, error)
    return job is not None


async def _lease(work: Work, job: Upkeep) -> None:
    await work.conn.execute("UPDATE job SET due_at = $2 WHERE name = $1", job.name, work.now + LEASE)


async def _keep_up(pool: asyncpg.Pool, job: Upkeep) -> None:
    await job.run()
    async with transaction(pool, clock=False) as work:
        await _finish(work, job, more=False)


async def _claim(work: Work, jobs: Jobs) -> Job | Upkeep | None:
    name = await work.conn.fetchval(
        """SELECT name FROM job WHERE due_at <= $1 AND name = ANY($2::text[])
           ORDER BY due_at, name LIMIT 1 FOR UPDATE SKIP LOCKED""",
        work.now,
        [job.name for job in jobs],
    )
    return next((job for job in jobs if job.name == name), None)


async def _finish(work: Work, job: Job | Upkeep, *, more: bool) -> None:
    await work.conn.execute(
        """UPDATE job SET due_at = $2, last_run = $3, runs = runs + 1, failures = 0, last_error = NULL
           WHERE name = $1""",
        job.name,
        work.now if more else work.now + job.every,
        work.now,
    )


async def _postpone(pool: asyncpg.Pool, name: str, error: Exception) -> None:
    async with transaction(pool, clock=False) as work:
        await work.conn.execute(
            """UPDATE job SET failures = failures + 1, last_error = $2, last_run = $3::timestamptz,
                      due_at = $3::timestamptz
                               + least($4::interval * power(2, least(failures, 20)), $5::interval)
               WHERE name = $1""",
            name,
            f"{type(error).__name__}: {error}"[:2000],
            work.now,
            FIRST_PAUSE,
            LONGEST_PAUSE,
        )


async def run_jobs(pool: asyncpg.Pool, jobs: Jobs, stop: asyncio.Event, *, poll: float = POLL_SECONDS) -> None:
    """Run what falls due until `stop` is set; the run under way is finished. A lost database is waited for.

    `poll` is the pause between two looks, in seconds.
    """
    registered = False
    while not stop.is_set():
        try:
            if not registered:
                await register(pool, jobs)
                registered = True
            if await run_next(pool, jobs):
                continue
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("jobs_wait_for_database", error=str(error))
        await _pause(stop, poll)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
