"""The events of `holds.v1` about a hold."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hold_service.checks.known import Known
from hold_service.checks.loaded import hold_number
from hold_service.holds.model import FORCED, READY, Row
from holdfast.contracts.holds import (
    HoldCancelled,
    OrderEscalated,
    OrderReady,
    OrderRejected,
    ReasonCleared,
    ReservationExpired,
)
from holdfast.database.work import Work
from holdfast.receivables.model import Reservation


def fields(row: Row, known: Known, work: Work, amount: Any, decision: UUID | None = None) -> dict[str, Any]:
    """What every event about a hold carries; `amount` is what the order still comes to, in its currency."""
    return {
        "company": row["company"], "customer": row["customer"], "sequence": 1, "order": row["order_no"],
        "order_version": row["order_version"], "order_currency": row["order_currency"], "order_amount": amount,
        "order_total": row["order_total"], "decision": str(decision or row["decision"]),
        "decided_at": work.business_now, "check_date": known.position.check_date,
        "order_created_at": row["order_created_at"], "hold": hold_number(row["id"]),
    }  # fmt: skip


def cancelled(row: Row, known: Known, work: Work, reason: str | None) -> HoldCancelled:
    """The order of a hold was cancelled."""
    return HoldCancelled.model_validate({**fields(row, known, work, 0), "cancel_reason": reason})


def reason_cleared(
    row: Row, known: Known, work: Work, amount: Any, reason: str, left: tuple[str, ...], triggers: tuple[str, ...]
) -> ReasonCleared:
    """A reason is gone; others are left, or the release waits for a person."""
    more = {"reason": reason, "reasons_left": left, "triggers": triggers}
    return ReasonCleared.model_validate(fields(row, known, work, amount) | more)


def ready(row: Row, known: Known, work: Work, amount: Any, triggers: tuple[str, ...]) -> OrderReady:
    """Nothing but a person's release is missing."""
    cleared = tuple(sorted(r["reason"] for r in row["reasons"] if r["reason"] not in (READY, FORCED)))
    more = {"reasons_cleared": cleared, "triggers": triggers, "forced": row["forced_reason"] is not None}
    return OrderReady.model_validate(fields(row, known, work, amount) | more)


def rejected(row: Row, known: Known, work: Work, amount: Any, by: str, reason: str | None, note: str | None) -> Any:
    """A person refused to let the order go on."""
    more = {"rejected_by": by, "reject_reason": reason, "note": note}
    return OrderRejected.model_validate(fields(row, known, work, amount) | more)


def escalated(row: Row, known: Known, work: Work, amount: Any, days: int) -> OrderEscalated:
    """A hold waits too long: so many business dates have passed since the order was held."""
    more = {"held_days": days, "level": row["escalations"]}
    return OrderEscalated.model_validate(fields(row, known, work, amount) | more)


def reservation_expired(ended: Reservation, work: Work) -> ReservationExpired:
    """No state of the order ever came."""
    return ReservationExpired(
        company=ended.company, customer=ended.customer, sequence=1, order=ended.order,
        order_version=ended.order_version, order_currency=ended.currency, amount=ended.amount,
        reserved_at=ended.reserved_at, expired_at=work.business_now,
    )  # fmt: skip
