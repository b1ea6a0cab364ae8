"""Compares what hold-service has in its database and on the bus with the plain answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import asyncpg
from tests.oracle.decisions import Decision, Oracle

from holdfast.bus.envelope import Incoming
from holdfast.bus.port import Transport
from holdfast.contracts.holds import (
    HoldCancelled,
    OrderCleared,
    OrderHeld,
    OrderRejected,
    OrderReleased,
    ReasonCleared,
)  # fmt: skip
from holdfast.contracts.topics import HOLDS
from holdfast.erp.answers import read_topic

WORDS = {
    OrderCleared: "cleared", OrderHeld: "held", OrderReleased: "released", OrderRejected: "rejected",
    HoldCancelled: "cancelled",
}  # fmt: skip


def as_decision(payload: Any) -> Decision:
    """An event of `holds.v1` as the oracle notes it."""
    if isinstance(payload, ReasonCleared):
        return Decision(f"cleared of {payload.reason}", payload.order, tuple(sorted(payload.reasons_left)))
    found = getattr(payload, "figures", None)
    reasons = tuple(sorted(payload.reasons)) if isinstance(payload, OrderHeld) else ()
    exposures = (found.exposure, found.group_exposure) if found else (None, None)
    return Decision(WORDS[type(payload)], payload.order, reasons, *exposures)


async def published(transport: Transport) -> dict[str, list[Incoming[Any]]]:
    """What is on `holds.v1`, by customer, in order; numbers of a customer have no gap."""
    found: dict[str, list[Incoming[Any]]] = defaultdict(list)
    for event in await read_topic(transport, HOLDS):
        found[event.key].append(event)
    for key, events in found.items():
        numbers = [event.payload.sequence for event in events]
        assert numbers == list(range(1, len(numbers) + 1)), f"{key}: {numbers}"
    return found


async def same_decisions(transport: Transport, oracle: Oracle) -> None:
    """Every decision on the bus is the oracle's, in its order; none is missing, none is there twice."""
    events = await published(transport)
    found = {key: [as_decision(event.payload) for event in of_key] for key, of_key in events.items()}
    different = {key for key in found.keys() | oracle.history.keys() if found.get(key) != oracle.history.get(key)}
    assert not different, "\n".join(_first_difference(key, found, oracle) for key in sorted(different)[:5])


def _first_difference(key: str, found: dict[str, list[Decision]], oracle: Oracle) -> str:
    pairs = zip_longest(found.get(key, []), oracle.history.get(key, []))
    at, (mine, wanted) = next((n, pair) for n, pair in enumerate(pairs) if pair[0] != pair[1])
    return f"{key}, decision {at}: found {mine}, wanted {wanted}"


async def same_facts(pool: asyncpg.Pool, oracle: Oracle) -> None:
    """Open items by customer and currency, and what is held, are the oracle's."""
    rows = await pool.fetch("SELECT company, customer, currency, balance FROM balance WHERE balance <> 0")
    found = {(row["company"], row["customer"], row["currency"]): row["balance"] for row in rows}
    wanted: dict[tuple[str, str, str], Decimal] = {}
    for party, book in oracle.books.items():
        wanted |= {(*party, code): amount for code, amount in book.balances(*party).items() if amount}
    assert found == wanted
    held = await pool.fetch("SELECT order_no FROM hold WHERE active ORDER BY 1")
    assert [row[0] for row in held] == sorted(hold.order.order for of_one in oracle.holds.values() for hold in of_one)


async def in_history(transport: Transport, oracle: Oracle, requests: Sequence[Any]) -> None:
    """Decisions that raced are each the oracle's for those that came before, in the order the bus shows."""
    by_attempt = {(r.order, r.attempt): r for r in requests}
    for key, events in (await published(transport)).items():
        company, _, customer = key.partition("/")
        for event in events:
            if isinstance(event.payload, OrderCleared | OrderHeld):
                oracle.check(by_attempt[event.payload.order, event.payload.attempt])
            elif isinstance(event.payload, OrderReleased):
                oracle.release((company, customer), event.payload.order)
        assert [as_decision(event.payload) for event in events] == oracle.history[key]
