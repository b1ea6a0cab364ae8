"""Held orders of locked customers are decided again, the oldest hold first (spec 2.1, 3.10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import asyncpg

from hold_service.checkpoints import store as checkpoints
from hold_service.checks import saving
from hold_service.checks import store as checks
from hold_service.checks.known import Asked, Known, brought_up_to_date
from hold_service.checks.loaded import Loaded, hold_number
from hold_service.checks.model import Verdict, figures, rejudge
from hold_service.checks.picture import picture_of
from hold_service.checks.saving import DecisionRow
from hold_service.holds import store as holds
from hold_service.holds.model import reservation_of
from hold_service.holds.store import Closing
from holdfast.bus import outbox
from holdfast.contracts.base import Payload
from holdfast.contracts.holds import HoldCancelled, HoldReason, OrderReleased
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.receivables.model import CheckedOrder, Party, open_value
from holdfast.receivables.reservations import end_reservations, reserve, set_credit_status

AUTOMATIC = "automatic"


async def recheck_many(work: Work, parties: Mapping[Party, Sequence[str]], most_facts_age: float | None) -> int:
    """Decide all held orders of these customers; answers how many were released or cancelled."""
    rows = await holds.active_of(work, parties)
    if not rows:
        return 0
    orders: dict[Party, set[str]] = {}
    for row in rows:
        orders.setdefault((row["company"], row["customer"]), set()).add(row["order_no"])
    loaded = await checks.load(work, orders, {row["order_currency"] for row in rows})
    batch = _Batch()
    for row in rows:
        triggers = tuple(parties[row["company"], row["customer"]])
        _recheck(row, loaded, batch, triggers, work, most_facts_age)
    await batch.save(work)
    return len(batch.closings)


class _Batch:
    """What the re-check of many orders writes."""

    def __init__(self) -> None:
        self.closings: list[Closing] = []
        self.admitted: list[tuple[asyncpg.Record, Decimal]] = []
        self.released: list[checkpoints.Released] = []
        self.seen: list[tuple[int, dict[str, str]]] = []
        self.gone: list[tuple[int, str]] = []
        self.statuses: list[tuple[str, str, str]] = []
        self.reservations: list[Any] = []
        self.ended: list[tuple[str, str]] = []
        self.events: list[Payload] = []
        self.decisions: list[DecisionRow] = []

    async def save(self, work: Work) -> None:
        await holds.clear_reasons(work, self.gone)
        await holds.see_reasons(work, self.seen)
        await holds.close(work, self.closings)
        await holds.admit(work, self.admitted)
        await checkpoints.note_releases(work, self.released)
        await set_credit_status(work, self.statuses)
        await reserve(work, self.reservations)
        await end_reservations(work, self.ended)
        if self.decisions:
            await saving.save_decisions(work, self.decisions)
        await outbox.emit(work, self.events)


def order_of(row: asyncpg.Record) -> CheckedOrder:
    """The order of a hold as it was when it was held; a newer state of it counts by itself."""
    return CheckedOrder(
        row["order_no"], row["order_version"], row["order_currency"], row["order_total"], row["order_created_at"]
    )


def asked_again(row: asyncpg.Record, known: Known) -> Asked:
    """The order of a hold with its terms."""
    asked = Asked(
        order_of(row), row["payment_terms"], row["cash_discount"], row["order_excluded"], proforma=row["proforma"]
    )
    return brought_up_to_date(asked, known)


def released_total(row: asyncpg.Record, known: Known) -> Decimal:
    """The order's value that is released: that of its newest state, in the currency it was held in."""
    state = known.position.orders.get(row["order_no"])
    newer = state is not None and state.version > row["order_version"] and state.currency == row["order_currency"]
    value: Decimal = state.total if state is not None and newer else row["order_total"]
    return value


def release_of(row: asyncpg.Record, known: Known) -> checkpoints.Released:
    """What is kept of a release: until when, and up to what value, the order is not checked again (spec 3.6)."""
    place, on = known.setup.checkpoints.get(row["checkpoint"]), known.position.check_date
    asked = asked_again(row, known)
    grace = on + timedelta(days=place.grace_days) if place is not None and place.grace_days else None
    return checkpoints.Released(
        row["company"], row["order_no"], row["customer"], row["id"], row["checkpoint"], on, grace,
        row["order_currency"], released_total(row, known), asked.payment_terms, asked.cash_discount,
    )  # fmt: skip


def admits(known: Known) -> bool:
    """Whether the held document goes through once after a release without posting."""
    return known.setup.parameters.release_admits_held_document


def _recheck(
    row: asyncpg.Record,
    loaded: Loaded,
    batch: _Batch,
    triggers: tuple[str, ...],
    work: Work,
    most_facts_age: float | None,
) -> None:
    party = (row["company"], row["customer"])
    known = loaded.known(party, row["checkpoint"], row["order_no"], most_facts_age)
    state = known.position.orders.get(row["order_no"])
    if state is not None and state.cancelled:
        _cancel(row, known, batch, work)
        return
    asked = asked_again(row, known)
    verdict = rejudge(asked, known)
    found = {finding.reason.value: finding.text for finding in verdict.findings} | _staying(row, known, verdict)
    active = {reason["reason"] for reason in row["reasons"] if reason["active"]}
    batch.gone += [(row["id"], reason) for reason in sorted(active - found.keys())]
    if found:
        batch.seen.append((row["id"], found))
        return
    _release(row, asked, known, verdict, batch, triggers, work)
    reservation = reservation_of(row, "released", amount_of(row, known), work.business_now)
    loaded.move(party, row["order_no"], "released", reservation)


def _staying(row: asyncpg.Record, known: Known, verdict: Verdict) -> dict[str, str]:
    """Why an order stays held although no rule does: somebody forced it, or leaves releases to people (spec 3.10)."""
    forced = row["forced_reason"]
    found = {HoldReason.FORCED_HOLD.value: f"The order was put on hold by hand: {forced}."} if forced else {}
    if verdict.passes and (forced or not known.setup.parameters.auto_release):
        found[HoldReason.READY_FOR_RELEASE.value] = "No rule holds the order any longer; release it by hand."
    return found


def amount_of(row: asyncpg.Record, known: Known) -> Any:
    """What the order of a hold still comes to, in its currency."""
    value = open_value(known.position, order_of(row))
    return row["order_total"] if value is None else value


def _release(
    row: asyncpg.Record,
    asked: Asked,
    known: Known,
    verdict: Verdict,
    batch: _Batch,
    triggers: tuple[str, ...],
    work: Work,
) -> None:
    decision, given = uuid4(), known.setup.parameters
    mode, reason = given.auto_release_mode, _automatic_reason(row, known)
    cleared = tuple(sorted(reason["reason"] for reason in row["reasons"]))
    batch.closings.append(Closing(row["id"], "released", AUTOMATIC, mode, reason, triggers))
    batch.released.append(release_of(row, known))
    if mode == "without_posting" and admits(known):
        batch.admitted.append((row, released_total(row, known)))
    batch.statuses.append((row["company"], row["order_no"], "released"))
    batch.reservations.append(reservation_of(row, "released", amount_of(row, known), work.business_now))
    event = OrderReleased.model_validate({
        **event_fields(row, decision, known, amount_of(row, known), work), "checkpoint": row["checkpoint"],
        "mode": mode, "automatic": True, "released_by": AUTOMATIC, "release_reason": reason, "triggers": triggers,
        "reasons_cleared": cleared, "figures": figures(verdict),
        "posting_request": row["posting_request"] if mode == "with_posting" else None,
    })  # fmt: skip
    batch.events.append(event)
    answer = event.model_dump(mode="json", exclude={"sequence"}, exclude_none=True) | {"outcome": "released"}
    batch.decisions.append(DecisionRow(
        decision, row["company"], row["customer"], row["order_no"], row["checkpoint"], row["attempt"], "released",
        known.position.check_date, row["id"], to_json(answer), to_json(picture_of(asked, known, verdict)),
    ))  # fmt: skip


def _automatic_reason(row: asyncpg.Record, known: Known) -> str | None:
    given, state = known.setup.parameters, known.position.orders.get(row["order_no"])
    if state is not None and state.version > row["order_version"] and given.modified_order_release_reason:
        return given.modified_order_release_reason
    return given.auto_release_reason


def _cancel(row: asyncpg.Record, known: Known, batch: _Batch, work: Work) -> None:
    reason = known.setup.parameters.cancel_reason or "order cancelled"
    batch.closings.append(Closing(row["id"], "cancelled", AUTOMATIC, None, reason))
    batch.ended.append((row["company"], row["order_no"]))
    batch.events.append(HoldCancelled.model_validate(event_fields(row, row["decision"], known, 0, work)))


def event_fields(row: asyncpg.Record, decision: Any, known: Known, amount: Any, work: Work) -> dict[str, Any]:
    """What every event about a hold carries."""
    return {
        "company": row["company"], "customer": row["customer"], "sequence": 1, "order": row["order_no"],
        "order_version": row["order_version"], "order_currency": row["order_currency"], "order_amount": amount,
        "decision": str(decision), "decided_at": work.business_now, "check_date": known.position.check_date,
        "order_created_at": row["order_created_at"], "hold": hold_number(row["id"]),
    }  # fmt: skip
