"""A database with the bus's and the toy service's tables, and a way to feed it batches as the runner does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from shared.tests.bus_core import toy

from holdfast.bus import offsets
from holdfast.bus.batch import BatchProcessor
from holdfast.bus.poison import PoisonLimit
from holdfast.bus.port import Outgoing, Record, TopicPartition
from holdfast.contracts.topics import ERP_ORDERS
from holdfast.database.pool import create_pool
from holdfast.testing.databases import BASE, Databases

BUS = ("holdfast.bus", "0001_bus.sql")
ORDERS = TopicPartition(ERP_ORDERS.name, 0)


@dataclass
class Journal:
    """What has taken effect, from the database."""

    pool: asyncpg.Pool

    async def rows(self, what: str | None = None) -> list[asyncpg.Record]:
        return await self.pool.fetch("SELECT * FROM toy_journal WHERE $1::text IS NULL OR what = $1 ORDER BY n", what)

    async def ids(self, key: str | None = None) -> list[str]:
        """Event ids in the order in which they took effect."""
        return [row["event_id"] for row in await self.rows() if row["event_id"] and key in (None, row["key"])]

    async def waiting(self) -> list[tuple[str, str | None]]:
        """State and event id of what waits in the dead letters."""
        rows = await self.pool.fetch(
            "SELECT state, event_id FROM dead_letter WHERE state IN ('poison', 'behind') ORDER BY id"
        )
        return [(row["state"], row["event_id"]) for row in rows]

    async def somebody_waits(self) -> bool:
        """Whether a transaction waits for the lock of another."""
        return await self.who_wait() > 0

    async def who_wait(self) -> int:
        """How many transactions wait for the lock of another."""
        found: int = await self.value(
            """SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"""
        )
        return found

    async def value(self, query: str, *values: Any) -> Any:
        return await self.pool.fetchval(query, *values)


@dataclass
class Partition:
    """One partition as its owner handles it, batch by batch, without a bus."""

    pool: asyncpg.Pool
    processor: BatchProcessor
    log: list[Record] = field(default_factory=list)

    async def take(self, *events: Outgoing) -> None:
        """Append events to the log and handle them in one batch."""
        batch = [toy.record(len(self.log) + n, event) for n, event in enumerate(events)]
        self.log += batch
        await self.handle(batch)

    async def handle(self, batch: Sequence[Record]) -> None:
        """Turn by turn, until the partition goes on after the batch."""
        while batch:
            await self.processor.process(batch)
            batch = [record for record in batch if record.offset >= self.processor.claim.position]


@pytest.fixture
async def database_url(fresh_database: Databases) -> str:
    """A fresh database of the toy service."""
    url = await fresh_database(scripts=(BASE, BUS))
    connection = await asyncpg.connect(url)
    await connection.execute(toy.TABLES)
    await connection.close()
    return url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on the toy service's database."""
    async with await create_pool(database_url, application_name="test") as opened:
        yield opened


@pytest.fixture
def journal(pool: asyncpg.Pool) -> Journal:
    return Journal(pool)


@pytest.fixture
async def partition(pool: asyncpg.Pool) -> Partition:
    """The partition erp.orders.v1:0, owned."""
    claim = await offsets.take(pool, ORDERS, "test")
    return Partition(pool, BatchProcessor(toy.SERVICE, pool, claim, PoisonLimit()))
