"""What hold-service decided about orders: so that *available* is one number everywhere (spec 2.1)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from credit_service.exposure.store import mark_figures
from holdfast.bus.envelope import Incoming
from holdfast.contracts.holds import OrderCleared, OrderDecision, OrderHeld, OrderRejected, OrderReleased
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


async def refresh_and_mark(work: Work, parties: Collection[Party]) -> None:
    """Recompute what follows from the facts, and mark whose figures have changed. Raises MoreParties."""
    await refresh(work, parties)
    await mark_figures(work, recomputed(work))


async def apply_decisions(work: Work, events: Sequence[Incoming[Any]]) -> None:
    """Keep the credit status of orders and what is reserved for them; a pro forma that passes reserves nothing."""
    binding = [e.payload for e in events if not (isinstance(e.payload, OrderCleared) and e.payload.proforma)]
    await set_credit_status(work, [(p.company, p.order, STATUS[type(p)]) for p in binding])
    await reserve(work, [_reservation(p) for p in binding])


async def apply_ends(work: Work, events: Sequence[Incoming[Any]]) -> None:
    """A cancelled order reserves nothing, nor does one whose state never came."""
    await end_reservations(work, {(e.payload.company, e.payload.order) for e in events})


def _reservation(p: OrderDecision) -> Reservation:
    value = p.order_amount if p.order_total is None else p.order_total
    return Reservation(
        p.company, p.order, p.customer, p.order_currency, value, p.order_version, STATUS[type(p)],
        p.order_created_at, p.decided_at,
    )  # fmt: skip
