"""What-if over 100,000 stored decisions against single checks over HTTP: cost of a decision."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from tests.performance.credit_checks import checks, measure
from tests.performance.report import Result, result
from tests.performance.stage import COMPANY, hold_url, service, stage, until

from holdfast.web.auth import issue_token

CUSTOMERS, STORED, SINGLE, GOAL = 1_000, 100_000, 500, 0.2
MORE = f"""
INSERT INTO decision (id, company, customer, order_no, checkpoint, attempt, outcome, check_date, decided_at, hold_id,
                      answer, picture)
SELECT gen_random_uuid(), company, customer, order_no, checkpoint, attempt || '-' || n, outcome, check_date,
       decided_at + n * interval '1 microsecond', hold_id, answer, picture
FROM decision, generate_series(2, {STORED // CUSTOMERS}) n
"""
"""Every decision so often that they are as many."""
RULES = [
    {"company": COMPANY, "kind": "sales_order", "currency": "EUR", "value": "100"},
    {"company": COMPANY, "kind": "credit_limit_used", "value": "90"},
]
"""A rule set that would have held them all."""


async def run(runs: int) -> list[Result]:
    """Each run: single checks one after another, then the question, from the request until its answer is complete."""
    async with stage("postgres", CUSTOMERS) as stack:
        port = stack.port("hold-service")
        async with service(stack, "hold-service", "jobs"), service(stack, "hold-service", "api", port=port):
            token = issue_token(stack.settings(), "bench", ["work", "administer"])
            await measure(port, 32, checks(token, CUSTOMERS, 0))
            connection = await asyncpg.connect(hold_url(stack))
            await connection.execute(MORE)
            await connection.execute("ANALYZE decision")
            await connection.close()
            pairs = [await _pair(token, port) for _ in range(runs)]
    return [result(f"what-if over {STORED:,} decisions", "postgres", "ms", pairs, GOAL, "less")]


async def _pair(token: str, port: int) -> tuple[float, float]:
    single = await measure(port, 1, checks(token, SINGLE, 0))
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
        start = time.perf_counter()
        asked = await client.post("/v1/what-if", json=_question(), headers={"idempotency-key": uuid4().hex})
        asked.raise_for_status()
        path = asked.headers["location"]

        async def done() -> bool:
            return bool((await client.get(path)).json()["state"] == "done")

        await until(done, 120, "what-if is not done")
        took = time.perf_counter() - start
        answer = (await client.get(path)).json()
    assert answer["tried"] >= STORED
    assert answer["would_be_held"] == answer["tried"]
    return 1000 * took / answer["tried"], 1000 * single.seconds / SINGLE


def _question() -> dict[str, Any]:
    now = datetime.now(UTC)
    period = {"since": (now - timedelta(days=1)).isoformat(), "until": (now + timedelta(days=1)).isoformat()}
    return {"company": COMPANY, "rules": RULES} | period
