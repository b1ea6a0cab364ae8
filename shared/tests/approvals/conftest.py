"""A subject that needs approval: an amount in a table of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from holdfast.approvals.kinds import Asked, Kind
from holdfast.approvals.model import State
from holdfast.database.pool import create_pool
from holdfast.database.work import Work
from holdfast.testing.databases import BASE, Databases

SCRIPTS = (
    BASE, ("holdfast.bus", "0001_bus.sql"), ("holdfast.web", "0001_web.sql"),
    ("holdfast.receivables", "0001_receivables.sql"), ("holdfast.approvals", "0001_approvals.sql"),
)  # fmt: skip
MADE = "CREATE TABLE thing (id text PRIMARY KEY, amount numeric NOT NULL, times integer NOT NULL DEFAULT 0)"


async def _lock(work: Work, asked: Asked) -> None:
    await work.conn.execute("SELECT 1 FROM thing WHERE id = $1 FOR UPDATE", asked.subject)


async def _basis(work: Work, asked: Asked) -> Any:
    return await work.conn.fetchval("SELECT amount FROM thing WHERE id = $1", asked.subject)


async def _amount(work: Work, asked: Asked) -> Decimal:
    return Decimal(asked.proposal["amount"])


async def _take_effect(work: Work, asked: Asked, who: str) -> None:
    await work.conn.execute(
        "UPDATE thing SET amount = $2, times = times + 1 WHERE id = $1", asked.subject, await _amount(work, asked)
    )


async def _told(work: Work, asked: Asked, state: State, who: str) -> None:
    await work.conn.execute("INSERT INTO heard VALUES ($1, $2)", asked.subject, state)


THING = Kind("thing", "a thing", _lock, _basis, _amount, _take_effect, _told, ("other",))


@pytest.fixture
def thing() -> Kind:
    return THING


@pytest.fixture
async def pool(fresh_database: Databases) -> AsyncIterator[asyncpg.Pool]:
    url = await fresh_database(scripts=SCRIPTS)
    async with await create_pool(url, application_name="test") as opened:
        await opened.execute(f"{MADE}; CREATE TABLE heard (id text, state text); INSERT INTO thing VALUES ('T', 100)")
        yield opened
