"""The plain answer: what the toy service must have done when each event took effect once and in order."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from shared.tests.bus_core.toy import order, request, sent

from holdfast.bus.port import Outgoing

Effect = tuple[str, str, int]
"""What, event id, and for a decision how many orders were known."""


def stream(seed: int, count: int, customers: int = 20) -> list[Outgoing]:
    """Order facts and checkpoint requests of some customers, drawn from a seed."""
    chance = random.Random(seed)
    events = []
    for n in range(count):
        customer = f"C{chance.randrange(customers)}"
        content = request(customer, f"O-{seed}-{n}") if chance.random() < 0.2 else order(customer, f"O-{seed}-{n}")
        events.append(sent(f"{seed}-{n}", content))
    return events


def expected(events: Sequence[Outgoing]) -> dict[str, list[Effect]]:
    """Effects by key; an event that comes again has none."""
    effects: dict[str, list[Effect]] = defaultdict(list)
    seen: set[bytes] = set()
    for event in events:
        headers = dict(event.headers)
        if headers["ce_id"] in seen:
            continue
        seen.add(headers["ce_id"])
        decides = headers["ce_type"].endswith(b"checkpoint-requested.v1")
        known = sum(what == "fact" for what, _, _ in effects[event.key])
        effects[event.key].append(
            ("decided", headers["ce_id"].decode(), known) if decides else ("fact", headers["ce_id"].decode(), 0)
        )
    return effects
