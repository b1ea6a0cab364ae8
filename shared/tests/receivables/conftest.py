"""A database with the kernel's tables, and a way to feed it events as the runner does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import asyncpg
import pytest
from shared.tests.receivables.feeding import Item, feed_batch, parties_of

from holdfast.database.pool import create_pool
from holdfast.testing.databases import BASE, Databases

KERNEL = ("holdfast.receivables", "0001_receivables.sql")
Feed = Callable[[Sequence[Item]], Awaitable[None]]


@pytest.fixture
async def pool(fresh_database: Databases) -> AsyncIterator[asyncpg.Pool]:
    """A pool on a database with the kernel's tables."""
    url = await fresh_database(scripts=(BASE, KERNEL))
    async with await create_pool(url, application_name="test") as opened:
        yield opened


@pytest.fixture
def feed(pool: asyncpg.Pool) -> Feed:
    """Feed a batch of events."""

    async def run(items: Sequence[Item]) -> None:
        await feed_batch(pool, items, parties_of(items))

    return run
