"""Receivables events taken in by one worker (inbox, open items, exposure and all) against consume, decode, upsert."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import asyncpg
from tests.performance.bare import TABLES
from tests.performance.erp import put, receivables
from tests.performance.report import Result, result
from tests.performance.stage import bare, buses, drain_rate, hold_url, service, stage

from holdfast.contracts.topics import ERP_RECEIVABLES
from holdfast.platform.stack import Stack
from holdfast.testing.children import Child

CUSTOMERS, EVENTS, WARM_UP = 2_000, 24_000, 3_000
GOAL = 0.5
NAMES = [f"C-{n + 1}" for n in range(CUSTOMERS)]


async def run(runs: int) -> list[Result]:
    """Each run takes the same events twice: first the bare loop, then our worker, each in its own process."""
    results = []
    for bus in buses():
        async with stage(bus, CUSTOMERS) as stack:
            connection = await asyncpg.connect(hold_url(stack))
            await connection.execute(TABLES)
            pairs = [await _pair(stack, connection, number) for number in range(runs)]
            await connection.close()
        results.append(result("ingest of receivables", bus, "ev/s", pairs, GOAL))
    return results


async def _pair(stack: Stack, connection: asyncpg.Connection, number: int) -> tuple[float, float]:
    await put(stack.settings().bus, receivables(f"{number}w", WARM_UP, NAMES))
    done = (number + 1) * WARM_UP + number * EVENTS
    await _drained(connection, "bare_offset", bare(stack, "ingest"), done)
    await _drained(connection, "consumer_offset", service(stack, "hold-service", "worker"), done)
    await put(stack.settings().bus, receivables(str(number), EVENTS, NAMES))
    plain = await _drained(connection, "bare_offset", bare(stack, "ingest"), done + EVENTS)
    ours = await _drained(connection, "consumer_offset", service(stack, "hold-service", "worker"), done + EVENTS)
    return ours, plain


async def _drained(
    connection: asyncpg.Connection, table: str, process: AbstractAsyncContextManager[Child], end: int
) -> float:
    async with process:
        return await drain_rate(connection, table, [ERP_RECEIVABLES.name], end)
