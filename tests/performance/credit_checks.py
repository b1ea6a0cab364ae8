"""`POST /v1/credit-checks` against a bare route that does one indexed SELECT."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from uuid import uuid4

import orjson
from tests.performance.load import Load, generate, request
from tests.performance.report import Result, result
from tests.performance.stage import COMPANY, bare, service, stage

from holdfast.platform.processes import free_port
from holdfast.platform.stack import Stack
from holdfast.web.auth import issue_token

CUSTOMERS = 20_000
CALLERS = {8: 0.35, 32: 0.60}
"""Callers at a time, and the goal of the ratio."""
BARE_REQUESTS, CHECKS, WARM_UP = 8_000, 2_000, 300


def checks(token: str, count: int, start: int) -> list[bytes]:
    """Whole requests, each for another customer and a new order."""
    return checks_of(token, [(n % CUSTOMERS + 1, f"SO-{uuid4().hex[:12]}") for n in range(start, start + count)])


def checks_of(token: str, orders: Iterable[tuple[int, str]]) -> list[bytes]:
    """Whole requests for these customers' orders, each a new attempt."""
    found = []
    for n, order in orders:
        body = {
            "company": COMPANY, "customer": f"C-{n}", "order": order, "order_version": 1,
            "checkpoint": "confirmation", "attempt": uuid4().hex, "currency": "EUR", "total": "119.00",
            "created_at": "2026-03-01T09:15:00Z", "payment_terms": "N30",
        }  # fmt: skip
        headers = {"authorization": f"Bearer {token}", "idempotency-key": uuid4().hex,
                   "content-type": "application/json"}  # fmt: skip
        found.append(request("POST", "/v1/credit-checks", headers, orjson.dumps(body)))
    return found


def reads(count: int, start: int) -> list[bytes]:
    """Whole requests to the bare route."""
    return [request("GET", f"/customers/C-{n % CUSTOMERS + 1}", {}) for n in range(start, start + count)]


async def measure(port: int, callers: int, requests: list[bytes]) -> Load:
    """Send the requests. Raises RuntimeError when one fails."""
    load = await generate(port, callers, requests)
    if load.failed:
        raise RuntimeError(f"{load.failed} of {load.answered} requests failed")
    return load


async def run(runs: int) -> list[Result]:
    """Each run: the bare route, then ours, at 8 and at 32 callers; a worker with its relay runs all the time."""
    async with stage("postgres", CUSTOMERS) as stack, routes(stack) as (ours, plain):
        pairs = await compare(stack, runs, ours, plain, checks)
    return results("credit checks", pairs)


@asynccontextmanager
async def routes(stack: Stack) -> AsyncIterator[tuple[int, int]]:
    """The ports of our route and of the bare one, with a worker beside them."""
    ours, plain = stack.port("hold-service"), free_port()
    async with (
        service(stack, "hold-service", "worker"),
        service(stack, "hold-service", "api", port=ours),
        bare(stack, "api", port=plain),
    ):
        yield ours, plain


def results(name: str, pairs: dict[int, list[tuple[float, float]]]) -> list[Result]:
    """A result for each number of callers."""
    return [
        result(f"{name}, {callers} callers", "http", "req/s", found, CALLERS[callers])
        for callers, found in pairs.items()
    ]


async def compare(
    stack: Stack, runs: int, ours: int, plain: int, made: Callable[[str, int, int], list[bytes]]
) -> dict[int, list[tuple[float, float]]]:
    """Pairs by number of callers: checks a second of the requests that `made` makes, and bare reads a second."""
    token = issue_token(stack.settings(), "bench", ["work"])
    await measure(plain, 8, reads(WARM_UP, 0))
    await measure(ours, 8, made(token, WARM_UP, 0))
    pairs: dict[int, list[tuple[float, float]]] = {callers: [] for callers in CALLERS}
    start = WARM_UP
    for _ in range(runs):
        for callers, found in pairs.items():
            base = await measure(plain, callers, reads(BARE_REQUESTS, start))
            load = await measure(ours, callers, made(token, CHECKS, start))
            found.append((load.per_second, base.per_second))
            start += CHECKS
    return pairs
