"""A check that has been decided: the answer that is given, stored and published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from hold_service.checks import model
from hold_service.checks.again import Again
from hold_service.checks.known import Asked, Known
from hold_service.checks.loaded import ActiveHold, hold_number
from hold_service.checks.model import Verdict
from hold_service.checks.picture import picture_of
from hold_service.checks.saving import DecisionRow
from holdfast.bus.outbox import Row
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.contracts.holds import HoldNotice, HoldReason, OrderCleared, OrderHeld, ReasonCleared
from holdfast.contracts.topics import HOLDS
from holdfast.database.pool import to_json
from holdfast.receivables.model import PASSED, Party, Reservation

NOTICE_FIELDS = frozenset(HoldNotice.model_fields)


@dataclass(slots=True)
class Decided:
    """A request with what was decided; `hold` is its order's active hold when the order waits, for `reasons`, of which
    `gone` stand no longer. `again`: what the attempt comes to when the order was held before.
    """

    id: UUID
    request: CheckpointRequested
    asked: Asked
    known: Known
    verdict: Verdict
    reservation: Reservation
    figures: dict[str, Any] | None
    hold: ActiveHold | None
    again: Again | None
    reasons: dict[str, str]
    gone: list[str]

    @property
    def party(self) -> Party:
        """Company and customer."""
        return self.request.company, self.request.customer

    @property
    def status(self) -> str:
        """The order's credit status from now on."""
        return "held" if self.hold else "passed"

    @property
    def is_new_hold(self) -> bool:
        """Whether the order begins to wait."""
        return self.hold is not None and self.again is None

    @property
    def is_gone(self) -> bool:
        """Whether the order is known to be cancelled, or to be another customer's."""
        state, version = self.known.position.orders.get(self.request.order), self.request.order_version
        if state is None:
            return False
        moved = state.version >= version and state.customer not in (None, self.request.customer)
        return moved or state.is_cancelled(version)

    @property
    def binds(self) -> bool:
        """Whether the order's status and reservation change: not by a pro forma that passes, nor past a hold, nor where
        another customer's hold is met, who is not locked."""
        if self.hold is None:
            return not (self.request.proforma or self.again)
        return self.hold.customer == self.request.customer

    @property
    def frees_room(self) -> bool:
        """Whether its order takes less of the customer's room than before, which its state need not have told yet."""
        position, order = self.known.position, self.request.order
        state, promised = position.orders.get(order), position.reservations.get(order)
        if not self.binds or (state is None and promised is None):
            return False
        before = {state and state.credit_status, promised and promised.status}
        if before & PASSED and self.status not in PASSED:
            return True
        new = self.reservation
        return promised is not None and (new.currency != promised.currency or new.amount < promised.amount)


def answer_of(d: Decided, now: datetime) -> dict[str, Any]:
    """The decision as it is stored, answered over HTTP and published: the same words everywhere."""
    request, verdict = d.request, d.verdict
    answer: dict[str, Any] = {
        "decision": str(d.id), "outcome": _outcome(d), "company": request.company,
        "customer": request.customer, "order": request.order, "order_version": request.order_version,
        "order_currency": request.currency, "order_amount": model.open_amount(d.asked, d.known),
        "order_total": request.total,
        "order_created_at": d.reservation.created_at, "checkpoint": request.checkpoint.value,
        "attempt": request.attempt, "proforma": request.proforma, "checked": verdict.not_checked is None,
        "check_date": d.known.position.check_date, "decided_at": now, "facts_age_seconds": d.known.facts_age,
        "figures": d.figures,
    }  # fmt: skip
    answer = {name: value for name, value in answer.items() if value is not None}
    if verdict.not_checked:
        answer["not_checked_because"] = verdict.not_checked
    if d.again and d.again.let_through:
        answer["still_held"] = True
    if verdict.warnings:
        answer["warnings"] = [finding.text for finding in verdict.warnings]
    answer |= on_load(d.known, held=d.hold is not None)
    if d.hold:
        answer |= overdue_accounts(verdict)
        answer["hold"] = d.hold.number
        if d.hold.previous is not None:
            answer["previous_hold"] = hold_number(d.hold.previous)
        answer["reasons"] = sorted(d.reasons)
        answer["explanation"] = [d.reasons[reason] for reason in sorted(d.reasons)]
        answer["to_pass"] = [finding.to_pass for finding in verdict.findings]
    return answer


def on_load(known: Known, *, held: bool) -> dict[str, Any]:
    """What becomes of the load that the order is on (spec 3.12): a held order's lines leave it, or all of it waits."""
    terms, removes = known.terms, known.setup.parameters.remove_blocked_load_lines
    if terms is None or terms.load is None:
        return {}
    if held:
        return {"load": terms.load, "remove_from_load": removes}
    waits = terms.held_on_load if terms.held_on_load and not removes else ()
    return {"load": terms.load} | ({"load_waits_for": list(waits)} if waits else {})


def overdue_accounts(verdict: Verdict) -> dict[str, Any]:
    """The other members of the credit group that are why the order is held."""
    accounts = {account for finding in verdict.findings for account in finding.accounts}
    return {"overdue_accounts": sorted(accounts)} if accounts else {}


def row_of(d: Decided, answer: str) -> DecisionRow:
    request = d.request
    return DecisionRow(
        d.id, request.company, request.customer, request.order, request.checkpoint.value, request.attempt,
        _outcome(d), d.known.position.check_date, d.hold.id if d.hold else None, answer,
        to_json(picture_of(d.asked, d.known, d.verdict)),
    )  # fmt: skip


def _outcome(d: Decided) -> str:
    return "held" if d.hold else "cleared"


def events_of(d: Decided, answer: str) -> list[Row]:
    """The decision, and the reasons of the hold that it has not found again."""
    key = f"{d.request.company}/{d.request.customer}"
    told = [(HOLDS.name, key, (OrderHeld if d.hold else OrderCleared).event_type, answer)]
    if d.hold is not None and (gone := [reason for reason in d.gone if reason != HoldReason.READY_FOR_RELEASE]):
        common = {name: value for name, value in orjson.loads(answer).items() if name in NOTICE_FIELDS}
        more = [common | {"reason": reason, "reasons_left": sorted(d.reasons)} for reason in gone]
        told += [(HOLDS.name, key, ReasonCleared.event_type, to_json(body)) for body in more]
    return told
