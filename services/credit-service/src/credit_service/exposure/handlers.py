"""What hold-service decided about orders: so that *available* is one number everywhere (spec 2.1)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from credit_service.exposure.store import mark_figures
from holdfast.bus.envelope import Incoming
from holdfast.contracts.holds import (
    HoldCancelled,
    OrderCleared,
    OrderDecision,
    OrderHeld,
    OrderRejected,
    OrderReleased,
    ReservationExpired,
)
from holdfast.database.work import Work
from holdfast.receivables.accounts import recomputed
from holdfast.receivables.model import Party, Reservation
from holdfast.receivables.refresh import refresh
from holdfast.receivables.reservations import end_reservations, reserve, set_credit_status

STATUS: dict[type[OrderDecision], str] = {
    OrderCleared: "passed",
    OrderHeld: "held",
    OrderReleased: "released",
    OrderRejected: "rejected",
}


ENDS = (HoldCancelled, ReservationExpired)
"""After which an order reserves nothing."""


async def refresh_and_mark(work: Work, parties: Collection[Party]) -> None:
    """Recompute what follows from the facts, and mark whose figures have changed. Raises MoreParties."""
    await refresh(work, parties)
    await mark_figures(work, recomputed(work))


async def apply_decisions(work: Work, events: Sequence[Incoming[Any]]) -> None:
    """Keep the credit status of orders and what is reserved for them, as the last event of each has it.

    A pro forma that passes, and a document that goes on although its order stays held, change neither; a cancelled
    order reserves nothing, nor does one whose state never came.
    """
    binding = [e.payload for e in events if not _binds_nothing(e.payload)]
    decided = [p for p in binding if not isinstance(p, ENDS)]
    await set_credit_status(work, [(p.company, p.order, STATUS[type(p)]) for p in decided])
    ended = {(p.company, p.order): place for place, p in enumerate(binding) if isinstance(p, ENDS)}
    await end_reservations(work, ended)
    valid = [p for place, p in enumerate(binding) if place > ended.get((p.company, p.order), -1)]
    await reserve(work, [_reservation(p) for p in valid])


def _binds_nothing(p: OrderDecision | HoldCancelled | ReservationExpired) -> bool:
    return isinstance(p, OrderCleared) and (p.proforma or p.still_held)


def _reservation(p: OrderDecision) -> Reservation:
    value = p.order_amount if p.order_total is None else p.order_total
    return Reservation(
        p.company, p.order, p.customer, p.order_currency, value, p.order_version, STATUS[type(p)],
        p.order_created_at, p.decided_at,
    )  # fmt: skip
