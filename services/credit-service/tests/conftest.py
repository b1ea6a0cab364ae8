"""A credit-service on a fresh database, over real HTTP; facts go in as a worker's batch would take them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import orjson
import pytest

from credit_service.app import MIGRATIONS, SERVICE, create_api
from holdfast.bus import batch
from holdfast.bus.envelope import Incoming
from holdfast.bus.port import Record
from holdfast.contracts import REGISTRY
from holdfast.contracts.base import Payload
from holdfast.database.pool import create_pool
from holdfast.database.work import set_business_clock, transaction
from holdfast.platform.settings import Settings, load_settings
from holdfast.testing.http import serving
from holdfast.web.auth import issue_token

TODAY = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Credit:
    """Drives the service's own code paths without a bus."""

    pool: asyncpg.Pool
    settings: Settings

    async def facts(self, *payloads: Payload) -> None:
        """Let events take effect in one transaction, as a batch from the bus does."""
        async with transaction(self.pool) as work:
            await batch.apply(SERVICE, work, [_incoming(p, n) for n, p in enumerate(payloads)], set())

    async def published(self, event_type: str | None = None) -> list[dict[str, Any]]:
        """Everything in the outbox, or what is of a type, each checked against the catalogue."""
        rows = await self.pool.fetch("SELECT type, payload FROM outbox ORDER BY seq")
        for row in rows:
            REGISTRY[row["type"]].model_validate_json(row["payload"])
        return [orjson.loads(row["payload"]) for row in rows if event_type in (None, row["type"])]


def _incoming(payload: Payload, place: int) -> Incoming[Any]:
    record = Record(payload.topic.name, 0, place, payload.partition_key(), (), b"", 0)
    return Incoming(str(uuid4()), "/erp", payload.event_type, TODAY, payload, record, payload.partition_key())


def event(event_type: str, **changes: Any) -> Any:
    """The catalogue's example of an event type, with changes."""
    cls = REGISTRY[event_type]
    return cls.model_validate_json(orjson.dumps({**cls.example, **changes}))


@pytest.fixture
def made() -> Callable[..., Any]:
    return event


@pytest.fixture
async def credit(fresh_database: Callable[..., Awaitable[str]], tmp_path: Path) -> AsyncIterator[Credit]:
    url = await fresh_database(MIGRATIONS)
    pool = await create_pool(url, application_name="test", max_size=10)
    async with pool.acquire() as connection:
        await set_business_clock(connection, TODAY)
    settings = load_settings(credit_database_url=url, data_dir=tmp_path)
    made = Credit(pool, settings)
    await made.facts(event("erp.company.changed.v1"), event("erp.customer.changed.v1"))
    await pool.execute("INSERT INTO credit_parameters VALUES ('DE01', $1, 1)", {"allow_manual_limit_edit": True})
    await pool.execute("INSERT INTO master_data VALUES ('policy-types', 'DE01', 'GENERAL', '{}', 1)")
    yield made
    await pool.close()


@pytest.fixture
async def address(credit: Credit) -> AsyncIterator[str]:
    async with serving(create_api(credit.settings)) as address:
        yield address


@pytest.fixture
async def client(address: str, credit: Credit) -> AsyncIterator[httpx.AsyncClient]:
    token = issue_token(credit.settings, "kim", ["administer"])
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as client:
        yield client
