"""What reminder-service, collections-service and the scoring of credit-service say about a customer."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from hold_service.standing import store
from holdfast.bus.envelope import Incoming
from holdfast.contracts.collections import CustomerBlockRequested, PromiseBroken
from holdfast.database.work import Work


async def apply_levels(work: Work, events: Sequence[Incoming[Any]]) -> None:
    """Keep the highest reminder level of each customer."""
    newest = _newest((e.payload for e in events), lambda p: (p.company, p.customer))
    await store.keep_levels(work, [(p.company, p.customer, p.level, p.sequence) for p in newest])


async def apply_risks(work: Work, events: Sequence[Incoming[Any]]) -> None:
    """Keep the risk group of each customer."""
    newest = _newest((e.payload for e in events), lambda p: (p.company, p.customer), lambda p: p.version)
    await store.keep_risks(work, [(p.company, p.customer, p.risk_group, p.version) for p in newest])


async def apply_promises(work: Work, events: Sequence[Incoming[Any]]) -> None:
    """Keep which promises are broken."""
    newest = _newest((e.payload for e in events), lambda p: (p.company, p.customer, p.promise))
    await store.keep_promises(
        work, [(p.company, p.customer, p.promise, p.sequence, isinstance(p, PromiseBroken)) for p in newest]
    )


async def apply_blocks(work: Work, events: Sequence[Incoming[Any]]) -> None:
    """Keep who wants which customers blocked."""
    newest = _newest((e.payload for e in events), lambda p: (p.company, p.customer, p.request))
    await store.keep_blocks(
        work, [(p.company, p.customer, p.request, p.sequence, _effect(p), p.reason) for p in newest]
    )


def _effect(request: Any) -> str:
    return request.effect if isinstance(request, CustomerBlockRequested) else "no"


def _sequence(payload: Any) -> int:
    return int(payload.sequence)


def _newest(
    payloads: Iterable[Any], key: Callable[[Any], Hashable], age: Callable[[Any], int] = _sequence
) -> list[Any]:
    found: dict[Hashable, Any] = {}
    for payload in payloads:
        known = found.get(key(payload))
        if known is None or age(known) < age(payload):
            found[key(payload)] = payload
    return list(found.values())
