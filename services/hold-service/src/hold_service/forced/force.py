"""A person puts orders on hold, whatever the rules say (spec 3.11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from hold_service.checks import saving
from hold_service.checks import store as checks
from hold_service.checks.known import Asked, Known, Said, with_state
from hold_service.checks.loaded import hold_number
from hold_service.checks.model import Verdict, figures, rejudge
from hold_service.checks.picture import picture_of
from hold_service.checks.saving import DecisionRow
from hold_service.holds import reasons, store
from hold_service.holds.model import FORCED
from hold_service.holds.store import NewHold
from hold_service.rules.model import Finding
from holdfast.bus import outbox
from holdfast.contracts.erp_orders import Checkpoint
from holdfast.contracts.holds import HoldReason, OrderHeld
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.receivables.model import CheckedOrder, Party
from holdfast.receivables.reservations import set_credit_status


@dataclass(frozen=True, slots=True)
class Force:
    """Who puts orders on hold, and the reason of type hold."""

    by: str
    reason: str
    note: str | None


async def force(work: Work, rows: Sequence[asyncpg.Record], given: Force) -> dict[str, str]:
    """Hold orders of locked customers that are not held yet; answers the number of each order's hold."""
    if not rows:
        return {}
    decisions = {row["order_no"]: uuid4() for row in rows}
    text = f"{given.by} has put the order on hold: {given.note or given.reason}."
    ids = await store.insert(work, [_new(row, decisions[row["order_no"]], given) for row in rows])
    await reasons.see(work, [(hold_id, {FORCED: text}) for hold_id, _ in ids.values()])
    await set_credit_status(work, [(row["company"], row["order_no"], "held") for row in rows])
    known = await _known(work, rows)
    told = [_told(work, row, ids, decisions, known[row["order_no"]], given, text) for row in rows]
    await saving.save_decisions(work, [decision for _, decision in told])
    await outbox.emit(work, [event for event, _ in told])
    return {order: hold_number(hold_id) for (_, order), (hold_id, _) in ids.items()}


def _new(row: asyncpg.Record, decision: UUID, given: Force) -> NewHold:
    return NewHold(
        row["company"], row["customer"], row["order_no"], row["version"], row["currency"], row["total"],
        row["created_at"], Checkpoint.CONFIRMATION.value, f"forced-{decision}", False, decision, None,
        _said(row), given.reason,
    )  # fmt: skip


def _said(row: asyncpg.Record) -> Said:
    return Said(row["payment_terms"], row["cash_discount"], row["excluded"])


def _asked(row: asyncpg.Record, known: Known) -> Asked:
    order = CheckedOrder(row["order_no"], row["version"], row["currency"], row["total"], row["created_at"])
    return with_state(order, _said(row), known, proforma=False)


async def _known(work: Work, rows: Sequence[asyncpg.Record]) -> dict[str, Known]:
    orders: dict[Party, set[str]] = {}
    for row in rows:
        orders.setdefault((row["company"], row["customer"]), set()).add(row["order_no"])
    loaded = await checks.load(work, orders, {row["currency"] for row in rows})
    document = Checkpoint.CONFIRMATION.value
    return {
        row["order_no"]: loaded.known((row["company"], row["customer"]), document, row["order_no"], None)
        for row in rows
    }


def _told(
    work: Work, row: asyncpg.Record, ids: dict[tuple[str, str], tuple[int, int | None]], decisions: dict[str, UUID],
    known: Known, given: Force, text: str,
) -> tuple[OrderHeld, DecisionRow]:  # fmt: skip
    order, decision = row["order_no"], decisions[row["order_no"]]
    hold_id, previous = ids[row["company"], order]
    asked = _asked(row, known)
    verdict = rejudge(asked, known)
    stopped = Finding(HoldReason.FORCED_HOLD, None, text, "Let somebody release it; nothing else ends a forced hold.")
    forced = Verdict([stopped], parts=verdict.parts, limits=verdict.limits)
    body: dict[str, Any] = {
        "company": row["company"], "customer": row["customer"], "sequence": 1, "order": order,
        "order_version": row["version"], "order_currency": row["currency"], "order_amount": row["open_amount"],
        "order_total": row["total"],
        "decision": str(decision), "decided_at": work.business_now, "check_date": known.position.check_date,
        "order_created_at": row["created_at"], "checkpoint": Checkpoint.CONFIRMATION, "attempt": f"forced-{decision}",
        "hold": hold_number(hold_id), "reasons": (FORCED,), "explanation": (text,), "figures": figures(verdict),
        "forced": True, "forced_reason": given.reason, "previous_hold": hold_number(previous) if previous else None,
    }  # fmt: skip
    event = OrderHeld.model_validate(body)
    answer = event.model_dump(mode="json", exclude={"sequence"}, exclude_none=True) | {"outcome": "held"}
    return event, DecisionRow(
        decision, row["company"], row["customer"], order, Checkpoint.CONFIRMATION.value, f"forced-{decision}", "held",
        known.position.check_date, hold_id, to_json(answer), to_json(picture_of(asked, known, forced)),
    )  # fmt: skip
