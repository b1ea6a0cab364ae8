"""Checkpoint request on the bus to decision on the bus, the whole stack up, against a bare echo at the same rate."""

from __future__ import annotations

from uuid import uuid4

import asyncpg
from tests.performance.bare import ANSWERS, REQUESTS, TABLES
from tests.performance.erp import event
from tests.performance.pacing import pace, timed
from tests.performance.report import Result, result
from tests.performance.stage import COMPANY, bare, buses, hold_url, service, stage

from holdfast.bus.connect import connect
from holdfast.bus.port import Outgoing, Transport
from holdfast.contracts.topics import HOLDS
from holdfast.platform.stack import Stack

CUSTOMERS, PER_SECOND, WARM_UP, ASKED = 20_000, 200, 1_000, 2_000
GOAL = 3.0


def asked(number: int) -> Outgoing:
    """A checkpoint request of a customer who has not ordered before."""
    order = f"SO-{uuid4().hex[:12]}"
    return event(
        "erp.order.checkpoint-requested.v1", uuid4().hex, company=COMPANY, customer=f"C-{number % CUSTOMERS + 1}",
        order=order, attempt=order, order_version=1, total="119.00", currency="EUR",
        created_at="2026-03-01T09:15:00Z",
    )  # fmt: skip


async def run(runs: int) -> list[Result]:
    """Each run: the echo, then ours."""
    results = []
    for bus in buses():
        async with stage(bus, CUSTOMERS) as stack:
            transport = connect(stack.settings().bus)
            await _prepare(stack, transport)
            pairs = [await _pair(stack, transport, number) for number in range(runs)]
        results.append(result("checkpoint to decision, p99 at 200/s", bus, "ms", pairs, GOAL, "less"))
    return results


async def _prepare(stack: Stack, transport: Transport) -> None:
    connection, admin = await asyncpg.connect(hold_url(stack)), transport.admin()
    await connection.execute(TABLES)
    await admin.create_topics([REQUESTS, ANSWERS])
    await admin.close()
    await connection.close()


async def _pair(stack: Stack, transport: Transport, number: int) -> tuple[float, float]:
    start = number * (WARM_UP + ASKED)
    async with bare(stack, "echo"):
        plain = await _p99(transport, REQUESTS.name, ANSWERS.name, start)
    async with service(stack, "credit-service", "worker"), service(stack, "hold-service", "worker"):
        ours = await _p99(transport, None, HOLDS.name, start)
    return ours, plain


async def _p99(transport: Transport, onto: str | None, answers: str, start: int) -> float:
    records = [asked(n) for n in range(start, start + WARM_UP + ASKED)]
    if onto:
        records = [Outgoing(onto, r.key, r.value, r.headers) for r in records]
    async with timed(transport, answers) as (clock, producer):
        await pace(clock, producer, [[r] for r in records[:WARM_UP]], PER_SECOND)
        clock.sent.clear(), clock.took.clear()
        await pace(clock, producer, [[r] for r in records[WARM_UP:]], PER_SECOND)
        return clock.percentile(0.99)
