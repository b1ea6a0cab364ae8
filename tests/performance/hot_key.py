"""One customer with 90 % of the events, at 70 % of the capacity: what it does to the p99 of the others."""

from __future__ import annotations

import random
import time
from uuid import uuid4

from tests.performance.erp import event
from tests.performance.pacing import Batch, attempt_of, pace, timed
from tests.performance.report import Result, result
from tests.performance.stage import COMPANY, buses, service, stage

from holdfast.bus.connect import connect
from holdfast.bus.port import Transport
from holdfast.contracts.topics import HOLDS

CUSTOMERS, SHARE, OF_CAPACITY = 20_000, 0.9, 0.7
BURST, SECONDS = 1_500, 6
GOAL = 2.0
HOT = 1


def order(customer: int) -> Batch:
    """The state of an order and its checkpoint request; the attempt names the customer."""
    number = f"{customer}-{uuid4().hex[:12]}"
    fields = {"company": COMPANY, "customer": f"C-{customer}", "order": number, "total": "119.00", "currency": "EUR",
              "created_at": "2026-03-01T09:15:00Z"}  # fmt: skip
    state = event("erp.order.changed.v1", uuid4().hex, version=1, lines=[], charges="0", **fields)
    return [
        state,
        event("erp.order.checkpoint-requested.v1", uuid4().hex, attempt=number, order_version=1, **fields),
    ]


def orders(count: int, share: float, seed: int) -> list[Batch]:
    """Orders, a share of them of the hot customer."""
    chance = random.Random(seed)
    return [order(HOT if chance.random() < share else chance.randrange(2, CUSTOMERS)) for _ in range(count)]


def is_other(attempt: str) -> bool:
    """Whether a request is not the hot customer's."""
    return not attempt.startswith(f"{HOT}-")


async def run(runs: int) -> list[Result]:
    """Each run: the capacity with the hot customer; then at 70 % of it the p99 of the others, without and with."""
    results = []
    for bus in buses():
        async with stage(bus, CUSTOMERS) as stack, service(stack, "hold-service", "worker"):
            transport = connect(stack.settings().bus)
            await capacity(transport, 0)
            pairs = [await _pair(transport, seed) for seed in range(runs)]
        results.append(result("others' p99 beside a hot customer", bus, "ms", pairs, GOAL, "less"))
    return results


async def capacity(transport: Transport, seed: int) -> float:
    """Orders a second that are decided when they come all at once."""
    batches = orders(BURST, SHARE, seed)
    async with timed(transport, HOLDS.name) as (clock, producer):
        start = time.perf_counter()
        clock.sent |= {attempt_of(batch[-1]): start for batch in batches}
        await pace(clock, producer, batches, BURST * 10)
        return BURST / max(clock.took.values())


async def _pair(transport: Transport, seed: int) -> tuple[float, float]:
    per_second = OF_CAPACITY * await capacity(transport, seed + 100)
    count = int(per_second * SECONDS)
    plain = await _others(transport, orders(count, 0.0, seed), per_second)
    return await _others(transport, orders(count, SHARE, seed), per_second), plain


async def _others(transport: Transport, batches: list[Batch], per_second: float) -> float:
    async with timed(transport, HOLDS.name) as (clock, producer):
        await pace(clock, producer, batches, per_second)
        return clock.percentile(0.99, is_other)
