"""What the hold list shows of orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hold_service.checkpoints import store as checkpoints
from hold_service.holds import orders
from holdfast.bus.envelope import Incoming
from holdfast.contracts.base import Payload
from holdfast.contracts.erp_orders import OrderChanged
from holdfast.database.work import Work
from holdfast.receivables.accounts import touched

Handle = Callable[[Work, Sequence[Incoming[Any]]], Awaitable[None]]


def with_details(payload: type[Payload], handle: Handle) -> Handle:
    """The handler of a fact; that of orders keeps the details too, and what they mean for releases and holds."""
    if payload is not OrderChanged:
        return handle

    async def handle_and_keep(work: Work, events: Sequence[Incoming[Any]]) -> None:
        await handle(work, events)
        states = [event.payload for event in events]
        await apply_order_details(work, events)
        await checkpoints.end_grace_of_raised(work, states)
        # The order may have been another customer's when it was held: that one decides about the hold.
        touched(work).buyers |= await orders.holders(work, states)

    return handle_and_keep


async def apply_order_details(work: Work, events: Sequence[Incoming[Any]]) -> None:
    """Keep the newest state of each order."""
    newest: dict[tuple[str, str], OrderChanged] = {}
    for event in events:
        key = (event.payload.company, event.payload.order)
        if key not in newest or newest[key].version <= event.payload.version:
            newest[key] = event.payload
    await orders.keep(work, list(newest.values()))
