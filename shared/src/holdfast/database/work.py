"""The unit of work: one connection, one transaction, opened and closed at the edge only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast

import asyncpg
from structlog import get_logger

from holdfast.platform.clock import utc_now

Isolation = Literal["read_committed", "repeatable_read", "serializable"]

RELEASE_TIMEOUT_SECONDS = 5
REST_SECONDS = 0.05
"""How long a connection waits for the next transaction of its chain."""
CLOCK_CHANNEL = "holdfast_clock"
CLOCK = "SELECT simulated_at FROM business_clock"


class TryAgain(Exception):
    """What was locked is not what had to be locked: the same transaction, begun again, locks the right things."""


TRANSIENT: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.TransactionRollbackError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.ObjectInUseError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
    TryAgain,
)
"""Errors after which the same transaction may succeed: connection lost, deadlock, serialization failure, lock
or statement timeout, shutdown, too many connections, disk full, a read-only server during a fail-over. An
`InternalClientError` is what asyncpg makes of a connection that the server has ended while nothing was asked."""

LOSSES = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a connection may raise that is given up."""

_LOST = ("closed", "closing", "terminated", "not been initialized", "released back", "in progress")

log = get_logger(__name__)


@dataclass(slots=True)
class Work:
    """What a handler, route or job works with. Nothing below the edge commits.

    `now` is real time (UTC) at the start: leases, expiry, pruning. `business_now` is the simulated clock of
    this database if one is set, else `now`: due dates, checks, jobs.
    """

    conn: asyncpg.Connection
    now: datetime
    business_now: datetime
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    """What a part remembers for the length of this transaction, by the part's name."""

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Run `callback` after the commit (a wake-up); an error in it is logged, since the commit stands."""
        self.after_commit.append(callback)

    def run_callbacks(self) -> None:
        """Called once by whoever committed."""
        for callback in self.after_commit:
            try:
                callback()
            except Exception:
                log.exception("after_commit_failed")


@asynccontextmanager
async def transaction(
    pool: asyncpg.Pool, *, isolation: Isolation = "read_committed", clock: bool = True
) -> AsyncIterator[Work]:
    """Open a unit of work; commit at the end of the block, roll back on an error.

    `clock=False` skips the simulated clock where business time does not matter (or the database has none).
    A transient error (see `is_transient`) leaves the outcome unknown only if it came from the commit itself.
    """
    connection = await pool.acquire()
    try:
        async with connection.transaction(isolation=isolation):
            now = utc_now()
            simulated = await connection.fetchval(CLOCK) if clock else None
            work = Work(cast(asyncpg.Connection, connection), now, simulated or now)
            yield work
    finally:
        await pool.release(connection, timeout=RELEASE_TIMEOUT_SECONDS)
    work.run_callbacks()


class Chain:
    """Transactions one after another, for who has many: each commit begins the next, which saves it a round trip.

    One at a time. The connection goes back to the pool when no transaction has followed for a moment, after an error,
    and after each commit while the pool has no other to give. `now()` in a statement may be that moment older than the
    transaction: use `work.now`, or `statement_timestamp()`.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._begun: asyncpg.pool.PoolConnectionProxy | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._resting: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Work]:
        """Open a unit of work as `transaction` does, with `business_now` left to the caller."""
        connection, done, goes_on = await self._take(), False, False
        try:
            now = utc_now()
            work = Work(cast(asyncpg.Connection, connection), now, now)
            yield work
            goes_on = not _is_used_up(self._pool)
            answer = await connection.execute("COMMIT AND CHAIN" if goes_on else "COMMIT")
            if answer != "COMMIT":
                raise RuntimeError("nothing was committed: an error of the database was not passed on")
            done = True
        finally:
            if not done:
                await _end(self._pool, connection)
            elif goes_on:
                self._keep(connection)
            else:
                await _give_back(self._pool, connection)
        work.run_callbacks()

    async def close(self) -> None:
        """Give the connection back."""
        connection = self._taken()
        if connection is not None:
            await _end(self._pool, connection)
        if self._resting is not None:
            await self._resting

    async def _take(self) -> asyncpg.pool.PoolConnectionProxy:
        connection = self._taken()
        if connection is not None:
            return connection
        connection = await self._pool.acquire()
        try:
            await connection.execute("BEGIN")
        except BaseException:
            await _end(self._pool, connection)
            raise
        return connection

    def _taken(self) -> asyncpg.pool.PoolConnectionProxy | None:
        if self._rest is not None:
            self._rest.cancel()
        connection, self._begun, self._rest = self._begun, None, None
        return connection

    def _keep(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        self._begun = connection
        self._rest = asyncio.get_running_loop().call_later(REST_SECONDS, self._go_to_rest)

    def _go_to_rest(self) -> None:
        connection = self._taken()
        if connection is not None:
            self._resting = asyncio.create_task(_end(self._pool, connection))


async def _end(pool: asyncpg.Pool, connection: asyncpg.pool.PoolConnectionProxy) -> None:
    """Roll back and give back."""
    try:
        with suppress(*LOSSES):
            await connection.execute("ROLLBACK")
    finally:
        await _give_back(pool, connection)


async def _give_back(pool: asyncpg.Pool, connection: asyncpg.pool.PoolConnectionProxy) -> None:
    """A connection that cannot be used any more is thrown away by the pool, which then raises what it met."""
    with suppress(*LOSSES):
        await pool.release(connection, timeout=RELEASE_TIMEOUT_SECONDS)


def _is_used_up(pool: asyncpg.Pool) -> bool:
    return pool.get_size() == pool.get_max_size() and not pool.get_idle_size()


@asynccontextmanager
async def savepoint(work: Work) -> AsyncIterator[None]:
    """What is done in the block is undone when it raises, and the transaction goes on."""
    await work.conn.execute("SAVEPOINT block")
    try:
        yield
    except Exception:
        await work.conn.execute("ROLLBACK TO SAVEPOINT block; RELEASE SAVEPOINT block")
        raise
    await work.conn.execute("RELEASE SAVEPOINT block")


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction may succeed when it is tried again."""
    if isinstance(error, TRANSIENT):
        return True
    lost = isinstance(error, asyncpg.InterfaceError) and not isinstance(error, ValueError)
    return lost and any(word in str(error) for word in _LOST)


async def set_business_clock(connection: asyncpg.Connection, at: datetime | None) -> None:
    """Set the simulated clock of this database; None returns to real time. Wakes `woken_by_clock`."""
    await connection.execute(
        """WITH told AS (SELECT pg_notify($2, ''))
           INSERT INTO business_clock (id, simulated_at) SELECT 1, $1 FROM told
           ON CONFLICT (id) DO UPDATE SET simulated_at = EXCLUDED.simulated_at""",
        at,
        CLOCK_CHANNEL,
    )


@asynccontextmanager
async def woken_by_clock(pool: asyncpg.Pool, wake: Callable[[], None]) -> AsyncIterator[None]:
    """Call `wake` whenever the simulated clock of this database is set, for the length of the block.

    A help only: when its connection is lost nothing wakes any more, so whoever uses it polls as well.
    """

    def notified(*_: object) -> None:
        wake()

    async with pool.acquire() as connection:
        await connection.add_listener(CLOCK_CHANNEL, notified)
        try:
            yield
        finally:
            # A connection that was lost meanwhile has no listener any more, and cannot even be asked.
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await connection.remove_listener(CLOCK_CHANNEL, notified)
