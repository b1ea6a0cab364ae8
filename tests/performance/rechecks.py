"""The re-check of 10,000 held orders after one rule has changed, against single checks over HTTP: cost of an order."""

from __future__ import annotations

import time
from uuid import uuid4

import asyncpg
import httpx
from tests.performance.credit_checks import checks, measure
from tests.performance.report import Result, result
from tests.performance.stage import COMPANY, hold_url, service, stage, until

from holdfast.platform.stack import Stack
from holdfast.web.auth import issue_token

HELD, SINGLE, GOAL = 10_000, 500, 0.2
RULE = {"company": COMPANY, "kind": "sales_order", "currency": "EUR", "value": "100"}
FREE = RULE | {"value": "1000000"}


async def run(runs: int) -> list[Result]:
    """Each run: single checks one after another; 10,000 customers with an order each that the rule holds; the rule
    changes, and all are released."""
    async with stage("postgres", HELD) as stack:
        port = stack.port("hold-service")
        async with service(stack, "hold-service", "worker"), service(stack, "hold-service", "api", port=port):
            connection = await asyncpg.connect(hold_url(stack))
            pairs = [await _pair(stack, connection, port) for _ in range(runs)]
            await connection.close()
    return [result(f"re-check of {HELD:,} held orders", "postgres", "ms", pairs, GOAL, "less")]


async def _pair(stack: Stack, connection: asyncpg.Connection, port: int) -> tuple[float, float]:
    token = issue_token(stack.settings(), "bench", ["work", "administer"])
    single = await measure(port, 1, checks(token, SINGLE, 0))
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
        made = await client.post("/v1/rules", json=RULE, headers={"idempotency-key": uuid4().hex})
        await measure(port, 32, checks(token, HELD, 0))
        assert await _held(connection) == HELD
        path = f"/v1/rules/{made.json()['id']}"
        start = time.perf_counter()
        changed = await client.put(
            path, json=FREE, headers={"idempotency-key": uuid4().hex, "if-match": made.headers["etag"]}
        )
        changed.raise_for_status()
        await until(lambda: _freed(connection), 120, "orders are still held")
        took = time.perf_counter() - start
    return 1000 * took / HELD, 1000 * single.seconds / SINGLE


async def _held(connection: asyncpg.Connection) -> int:
    found: int = await connection.fetchval("SELECT count(*) FROM hold WHERE active")
    return found


async def _freed(connection: asyncpg.Connection) -> bool:
    freed: bool = await connection.fetchval("SELECT NOT EXISTS (SELECT FROM hold WHERE active)")
    return freed
