"""Feeds events to the kernel as the runner does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg

from holdfast.bus.envelope import Incoming
from holdfast.bus.handlers import MoreParties
from holdfast.bus.port import Record
from holdfast.contracts.base import Payload
from holdfast.database.work import transaction
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.facts import FACT_HANDLERS
from holdfast.receivables.model import Party, Reservation
from holdfast.receivables.refresh import refresh
from holdfast.receivables.reservations import reserve

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
Item = Payload | Reservation


def incoming(payload: Payload) -> Incoming[Any]:
    """An event as the runner hands it to a handler."""
    record = Record(payload.topic.name, 0, 0, payload.partition_key(), (), b"", 0)
    return Incoming("1", "/erp", payload.event_type, NOW, payload, record, payload.partition_key())


def parties_of(items: Sequence[Item]) -> set[Party]:
    """Whom the events name."""
    found: set[Party] = set()
    for item in items:
        found |= {(item.company, item.customer)} if isinstance(item, Reservation) else set(item.parties())
    return found


async def feed_batch(pool: asyncpg.Pool, items: Sequence[Item], parties: set[Party]) -> None:
    """One batch in one transaction: lock, facts by type, refresh; begun again when it touches more customers."""
    try:
        async with transaction(pool) as work:
            await lock_accounts(work, parties)
            by_type: dict[type[Payload], list[Incoming[Any]]] = {}
            for item in items:
                if not isinstance(item, Reservation):
                    by_type.setdefault(type(item), []).append(incoming(item))
            for payload_type, events in by_type.items():
                await FACT_HANDLERS[payload_type](work, events)
            await reserve(work, [item for item in items if isinstance(item, Reservation)])
            await refresh(work, parties)
    except MoreParties as more:
        if more.parties <= parties:
            raise AssertionError("the same customers again would never end") from more
        await feed_batch(pool, items, parties | more.parties)
