"""The unit of work: commit, roll back, clocks, what is worth another try."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import asyncpg
import pytest

from holdfast.database import work as work_module
from holdfast.database.bulk import chunks, columns, columns_of
from holdfast.database.pool import create_pool
from holdfast.database.work import Chain, Work, is_transient, savepoint, set_business_clock, transaction, woken_by_clock
from holdfast.testing.databases import Databases
from holdfast.testing.proxy import Proxy
from holdfast.testing.waiting import eventually


def fail() -> None:
    raise ZeroDivisionError


async def test_commits_then_runs_callbacks(pool: asyncpg.Pool) -> None:
    ran: list[str] = []
    async with transaction(pool) as work:
        await work.conn.execute("CREATE TABLE t (n int)")
        work.on_commit(lambda: ran.append("first"))
        work.on_commit(fail)
        work.on_commit(lambda: ran.append("last"))
        assert ran == []
    assert ran == ["first", "last"]
    assert await pool.fetchval("SELECT count(*) FROM t") == 0


async def test_an_error_rolls_back_and_runs_nothing(pool: asyncpg.Pool) -> None:
    ran: list[str] = []

    async def fail_inside() -> None:
        async with transaction(pool) as work:
            work.on_commit(lambda: ran.append("no"))
            await work.conn.execute("CREATE TABLE t (n int)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_inside()
    assert ran == []
    assert await pool.fetchval("SELECT to_regclass('t')") is None


BACKEND = "SELECT pg_backend_pid()"
OPEN = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"


async def test_in_a_chain_each_commit_begins_the_next_transaction(pool: asyncpg.Pool) -> None:
    ran: list[str] = []
    chain = Chain(pool)
    async with chain.transaction() as work:
        await work.conn.execute("CREATE TABLE t AS SELECT pg_current_xact_id()::text AS xact")
        work.on_commit(lambda: ran.append("committed"))
        backend = await work.conn.fetchval(BACKEND)
    assert ran == ["committed"]
    assert await pool.fetchval("SELECT count(*) FROM t") == 1
    async with chain.transaction() as work:
        assert await work.conn.fetchval(BACKEND) == backend
        assert await work.conn.fetchval("SELECT pg_current_xact_id()::text <> xact FROM t")
    await chain.close()
    assert await pool.fetchval(OPEN) == 0


async def test_a_chain_that_nobody_goes_on_with_gives_its_connection_back(database_url: str) -> None:
    async with await create_pool(database_url, application_name="two", max_size=2) as small:
        async with Chain(small).transaction() as work:
            backend = await work.conn.fetchval(BACKEND)
        async with small.acquire():
            assert await small.fetchval(BACKEND, timeout=5) == backend


async def test_a_chain_does_not_go_on_where_it_would_keep_others_waiting(database_url: str) -> None:
    async with await create_pool(database_url, application_name="one", max_size=1) as small:
        chain, begun = Chain(small), asyncio.Event()

        async def go_on() -> None:
            while True:
                async with chain.transaction():
                    begun.set()

        going = asyncio.create_task(go_on())
        try:
            await begun.wait()
            async with asyncio.timeout(5):
                assert await small.fetchval("SELECT 1") == 1
        finally:
            going.cancel()
            await asyncio.wait([going])
            await chain.close()
        assert small.get_idle_size() == 1


async def test_an_error_ends_the_chain_and_undoes_its_own_transaction_alone(pool: asyncpg.Pool) -> None:
    chain = Chain(pool)

    async def fail_inside() -> None:
        async with chain.transaction() as work:
            await work.conn.execute("INSERT INTO t VALUES (2)")
            fail()

    async with chain.transaction() as work:
        await work.conn.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
    with pytest.raises(ZeroDivisionError):
        await fail_inside()
    assert await pool.fetchval(OPEN) == 0
    async with chain.transaction() as work:
        assert await work.conn.fetchval("SELECT array_agg(n) FROM t") == [1]
    await chain.close()


@pytest.mark.parametrize("most", [1, 2])
async def test_an_error_that_was_swallowed_is_not_taken_for_a_commit(most: int, database_url: str) -> None:
    async with await create_pool(database_url, application_name="test", max_size=most) as pool:
        chain, ran = Chain(pool), list[str]()

        async def swallow() -> None:
            async with chain.transaction() as work:
                work.on_commit(lambda: ran.append("no"))
                with suppress(asyncpg.UndefinedTableError):
                    await work.conn.execute("INSERT INTO nowhere VALUES (1)")

        with pytest.raises(RuntimeError, match="nothing was committed"):
            await swallow()
        assert ran == []
        assert await pool.fetchval(OPEN) == 0
        await chain.close()


async def test_a_chain_whose_connection_is_lost_goes_on_with_another(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_module, "REST_SECONDS", 60)
    chain = Chain(pool)

    async def go_on() -> int:
        async with chain.transaction() as work:
            found: int = await work.conn.fetchval(BACKEND)
            return found

    lost = await go_on()
    assert await pool.fetchval("SELECT pg_terminate_backend($1, 5000)", lost)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)) as raised:
        await go_on()
    assert is_transient(raised.value)
    assert await go_on() != lost
    await chain.close()


async def test_row_4_4_8_a_chain_ends_well_while_the_server_stalls(
    fresh_database: Databases, postgres_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_module, "RELEASE_TIMEOUT_SECONDS", 0.2)
    url = await fresh_database()
    async with Proxy(postgres_port) as proxy:
        through = url.replace(f":{postgres_port}/", f":{proxy.port}/")
        async with await create_pool(
            through, application_name="test", max_size=2, statement_timeout=0.2, grace=0.1
        ) as pool:
            chain = Chain(pool)
            async with chain.transaction():
                pass
            proxy.stall()
            await chain.close()
            proxy.heal()
            async with chain.transaction() as work:
                assert await work.conn.fetchval("SELECT 1") == 1
            await chain.close()


async def test_what_fails_in_a_savepoint_is_undone_and_the_transaction_goes_on(pool: asyncpg.Pool) -> None:
    chain = Chain(pool)

    async def fail_inside(work: Work) -> None:
        async with savepoint(work):
            async with savepoint(work):
                await work.conn.execute("INSERT INTO t VALUES (2)")
            await work.conn.execute("INSERT INTO t VALUES (3)")
            fail()

    async with chain.transaction() as work:
        await work.conn.execute("CREATE TABLE t (n int)")
        async with savepoint(work):
            await work.conn.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(ZeroDivisionError):
            await fail_inside(work)
    await chain.close()
    assert await pool.fetchval("SELECT array_agg(n) FROM t") == [1]


async def test_business_time_is_the_simulated_clock_when_set(pool: asyncpg.Pool) -> None:
    noon = datetime(2026, 2, 28, 12, tzinfo=UTC)
    async with transaction(pool) as work:
        assert work.business_now == work.now
        await set_business_clock(work.conn, noon)
    async with transaction(pool) as work:
        assert work.business_now == noon
        assert work.now > noon
        await set_business_clock(work.conn, None)
    async with transaction(pool) as work:
        assert work.business_now == work.now


async def test_json_keeps_decimals_exact(pool: asyncpg.Pool) -> None:
    value = {"amount": Decimal("1234567890.10"), "list": [1, "é", None]}
    found = await pool.fetchval("SELECT $1::jsonb", value)
    assert found == {"amount": "1234567890.10", "list": [1, "é", None]}


async def test_the_isolation_is_the_one_asked_for(pool: asyncpg.Pool) -> None:
    async with transaction(pool, isolation="serializable") as work:
        assert await work.conn.fetchval("SHOW transaction_isolation") == "serializable"


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (asyncpg.DeadlockDetectedError("x"), True),
        (asyncpg.SerializationError("x"), True),
        (asyncpg.LockNotAvailableError("x"), True),
        (asyncpg.AdminShutdownError("x"), True),
        (asyncpg.CannotConnectNowError("x"), True),
        (asyncpg.TooManyConnectionsError("x"), True),
        (asyncpg.DiskFullError("x"), True),
        (asyncpg.ConnectionDoesNotExistError("x"), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (asyncpg.UniqueViolationError("x"), False),
        (asyncpg.DataError("invalid input for query argument $1"), False),
        (asyncpg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"), False),
        (asyncpg.UndefinedTableError("x"), False),
        (ValueError("closed"), False),
    ],
)  # fmt: skip
def test_what_is_worth_another_try(error: Exception, transient: bool) -> None:
    assert is_transient(error) is transient


async def fails_transiently(pool: asyncpg.Pool, fault: Callable[[], None]) -> bool:
    try:
        async with transaction(pool) as work:
            fault()
            await work.conn.execute("SELECT 1")
    except Exception as error:
        return is_transient(error)
    return False


async def test_row_4_4_7_a_cut_connection_is_transient_and_the_pool_recovers(
    fresh_database: Databases, postgres_port: int
) -> None:
    url = await fresh_database()
    async with Proxy(postgres_port) as proxy:
        through = url.replace(f":{postgres_port}/", f":{proxy.port}/")
        async with await create_pool(through, application_name="test", max_size=2) as pool:
            assert await fails_transiently(pool, proxy.cut)
            async with transaction(pool) as work:
                assert await work.conn.fetchval("SELECT 1") == 1


async def test_row_4_4_7_who_waits_for_the_clock_ends_well_after_its_connection_was_lost(pool: asyncpg.Pool) -> None:
    async with woken_by_clock(pool, lambda: None):
        others = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1"
        )
        async with pool.acquire() as connection:
            await connection.execute("SELECT 1")
            assert await connection.fetch(others, connection.get_server_pid())
        await eventually(lambda: pool.get_size() == 1)


async def test_row_4_4_8_a_stalled_server_does_not_hang_the_client(
    fresh_database: Databases, postgres_port: int
) -> None:
    url = await fresh_database()
    async with Proxy(postgres_port) as proxy:
        through = url.replace(f":{postgres_port}/", f":{proxy.port}/")
        pool = await create_pool(through, application_name="test", max_size=1, statement_timeout=0.5, grace=0.2)
        try:
            assert await fails_transiently(pool, proxy.stall)
            proxy.heal()
            async with transaction(pool) as work:
                assert await work.conn.fetchval("SELECT 1") == 1
        finally:
            await pool.close()


def test_rows_become_columns() -> None:
    assert columns([(1, "a"), (2, "b")]) == [[1, 2], ["a", "b"]]
    assert columns([], 3) == [[], [], []]
    with pytest.raises(ValueError, match="shorter"):
        columns([(1, 2), (3,)])


def test_attributes_become_columns() -> None:
    items = [datetime(2026, 1, 2, tzinfo=UTC), datetime(2027, 3, 4, tzinfo=UTC)]
    assert columns_of(items, "year", "tzinfo.__class__.__name__") == [[2026, 2027], ["timezone", "timezone"]]
    assert list(chunks([1, 2, 3], 2)) == [[1, 2], [3]]
