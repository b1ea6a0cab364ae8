"""The frame of unsafe routes: what changed meanwhile makes a request begin again, a few times, and then say so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from holdfast.database.pool import create_pool
from holdfast.database.work import TryAgain, Work
from holdfast.platform.settings import load_settings
from holdfast.testing.databases import BASE, Databases
from holdfast.testing.http import serving
from holdfast.web.app import create_app, with_pool
from holdfast.web.auth import Caller, issue_token, require
from holdfast.web.changes import TRIES, answer, once
from holdfast.web.idempotency import Answer, IdempotencyKey

router = APIRouter(prefix="/v1/things")
SCRIPTS = (BASE, ("holdfast.bus", "0001_bus.sql"), ("holdfast.web", "0001_web.sql"))


@router.post("/{fails}")
async def make(
    request: Request, fails: int, caller: Annotated[Caller, Depends(require("holds:see"))], key: IdempotencyKey = None
) -> Response:
    """Fails so many times, and then makes a thing."""

    async def act(work: Work) -> Answer:
        request.app.state.tried += 1
        await work.conn.execute("INSERT INTO thing VALUES (1)")
        if request.app.state.tried <= fails:
            raise TryAgain("somebody has changed it")
        return answer({"tried": request.app.state.tried})

    return await once(request, caller, key, act)


@pytest.fixture
async def pool(fresh_database: Databases) -> AsyncIterator[asyncpg.Pool]:
    async with await create_pool(await fresh_database(scripts=SCRIPTS), application_name="test") as opened:
        await opened.execute("CREATE TABLE thing (n integer)")
        yield opened


@pytest.fixture
async def client(pool: asyncpg.Pool, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async def opened() -> asyncpg.Pool:
        return pool

    settings = load_settings(data_dir=tmp_path)
    app = create_app(title="Test", service="hold-service", settings=settings, routers=[router], state=with_pool(opened))
    app.state.tried = 0
    token = issue_token(settings, "kim", ["work"])
    async with (
        serving(app) as address,
        httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as sender,
    ):
        yield sender


async def test_what_changed_meanwhile_is_begun_again_and_done_once(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    named = {"idempotency-key": str(uuid4())}
    done = [await client.post(f"/v1/things/{TRIES - 1}", headers=named) for _ in range(2)]
    assert [(d.status_code, d.json()["tried"]) for d in done] == [(200, TRIES), (200, TRIES)]
    assert await pool.fetchval("SELECT count(*) FROM thing") == 1


async def test_it_ends_with_a_problem_that_says_what_to_do(
    client: httpx.AsyncClient, pool: asyncpg.Pool, caplog: pytest.LogCaptureFixture
) -> None:
    given_up = await client.post("/v1/things/99", headers={"idempotency-key": str(uuid4())})
    assert (given_up.status_code, given_up.headers["content-type"]) == (503, "application/problem+json")
    assert (given_up.headers["retry-after"], given_up.json()["type"].rsplit("/")[-1]) == ("2", "unavailable")
    assert "again and again" in given_up.json()["detail"]
    assert not [record for record in caplog.records if record.exc_info]
    assert await pool.fetchval("SELECT count(*) FROM thing") == 0
