"""The local stack on durable servers in a folder of its own, with customers, and processes that run in it."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from holdfast.platform.kafka_files import KafkaUnavailable, needed
from holdfast.platform.processes import is_free
from holdfast.platform.settings import load_settings
from holdfast.platform.stack import Bus, Stack
from holdfast.testing.children import Child, running

COMPANY = "DE01"
START_SECONDS, MOST_SECONDS = 30.0, 120.0
PROGRAM_OF_OURS = ("-m", "holdfast.cli", "run")
SEED = """
INSERT INTO company (company, version, name, currency, time_zone, country, exchange_rate_type, live_version, live,
                     cut_over_date)
VALUES ('DE01', 1, 'Benchmark', 'EUR', 'Europe/Berlin', 'DE', 'default', 1, true, '2026-01-01');
INSERT INTO checkpoint SELECT 'DE01', d, true, true, 1
  FROM unnest('{confirmation,picking_list,packing_slip,invoice,warehouse_shipment}'::text[]) AS d;
INSERT INTO rule (id, company, kind, rule_type, valid_for, value, enabled, version, changed_at)
SELECT gen_random_uuid(), 'DE01', kind, 'blocking', 'all', value, true, 1, now()
  FROM (VALUES ('credit_limit_used', 100), ('days_overdue', 3000)) AS r (kind, value);
INSERT INTO customer (company, customer, version, name, currency, blocked, details)
SELECT 'DE01', 'C-' || n, 1, 'Customer ' || n, 'EUR', false, '{}' FROM generate_series(1, $N) AS n;
INSERT INTO account (company, customer) SELECT 'DE01', 'C-' || n FROM generate_series(1, $N) AS n;
INSERT INTO profile (company, customer, version, currency, credit_limit, mandatory, unlimited, excluded)
SELECT 'DE01', 'C-' || n, 1, 'EUR', 1000000000, false, false, false FROM generate_series(1, $N) AS n;
INSERT INTO document (company, document, version, customer, kind, currency, amount, document_date, due_date,
                      open_amount)
SELECT 'DE01', 'OPEN-' || n || '-' || i, 1, 'C-' || n, 'invoice', 'EUR', 500, current_date - 20, current_date + 10 * i,
       500
  FROM generate_series(1, $N) AS n, generate_series(1, 3) AS i;
INSERT INTO balance (company, customer, currency, open_debits, open_credits, balance, debit_count, credit_count,
                     oldest_due_date, overdue_on, overdue, next_due_date)
SELECT 'DE01', 'C-' || n, 'EUR', 1500, 0, 1500, 3, 0, current_date + 10, current_date, 0, current_date + 10
FROM generate_series(1, $N) AS n;
"""


def buses() -> list[Bus]:
    """The transports that can be measured here; says so where Kafka is left out."""
    try:
        needed("java"), needed("mvn")
    except KafkaUnavailable as missing:
        print(f"Figures on Apache Kafka are left out: {missing}", file=sys.stderr)
        return ["postgres"]
    return ["postgres", "kafka"]


@asynccontextmanager
async def stage(bus: Bus, customers: int) -> AsyncIterator[Stack]:
    """A stack whose hold-service knows customers C-1 to C-`customers` of one live company; gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-bench-"))
    folder.chmod(0o711)
    stack = Stack(load_settings(data_dir=folder), bus)
    try:
        await stack.start()
        connection = await asyncpg.connect(hold_url(stack))
        await connection.execute(SEED.replace("$N", str(customers)))
        await connection.execute("ANALYZE")
        await connection.close()
        yield stack
    finally:
        await stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


def hold_url(stack: Stack) -> str:
    """The database of hold-service."""
    return stack.settings("hold-service").database_url("hold-service")


def credit_url(stack: Stack) -> str:
    """The database of credit-service."""
    return stack.settings("credit-service").database_url("credit-service")


@asynccontextmanager
async def service(stack: Stack, name: str, *roles: str, port: int = 0) -> AsyncIterator[Child]:
    """Roles of a service in a process of their own; with a port it listens when the block begins."""
    env = stack.environment(port=port, log_level="WARNING")
    async with running(*PROGRAM_OF_OURS, name, *roles, env=env) as child:
        await until(lambda: _listens(port, child), START_SECONDS, f"{name} does not listen")
        yield child
        await child.stop()


@asynccontextmanager
async def bare(stack: Stack, *arguments: str, port: int = 0) -> AsyncIterator[Child]:
    """A bare loop in a process of its own, with the stack's settings."""
    env = stack.environment(port=port, log_level="WARNING")
    async with running("-m", "tests.performance.bare", *arguments, env=env) as child:
        await until(lambda: _listens(port, child), START_SECONDS, "the bare loop does not listen")
        yield child
        await child.stop()


async def _listens(port: int, child: Child) -> bool:
    if child.status is not None:
        raise RuntimeError(f"a process of the benchmark ended: {child.output}")
    return not port or not is_free(port)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float, problem: str) -> None:
    """Wait for a condition. Raises RuntimeError with `problem`."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{problem} after {seconds:.0f} s")
        await asyncio.sleep(0.02)


async def drain_rate(connection: asyncpg.Connection, table: str, topics: Sequence[str], end: int) -> float:
    """Records a second from the first progress that is seen until the offsets in `table` add up to `end`."""
    statement = f"SELECT coalesce(sum(next_offset), 0)::bigint FROM {table} WHERE topic = ANY($1)"
    begin = first = await connection.fetchval(statement, list(topics))
    deadline = time.monotonic() + MOST_SECONDS
    started = time.perf_counter()
    while (at := await connection.fetchval(statement, list(topics))) < end:
        if first == begin and at > begin:
            first, started = at, time.perf_counter()
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {at} of {end} records were handled after {MOST_SECONDS:.0f} s")
        await asyncio.sleep(0.01)
    return float(end - first) / (time.perf_counter() - started)
