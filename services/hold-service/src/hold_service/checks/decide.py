"""`decide_many`: the one function that decides checks, for the bus and for HTTP alike.

The customers are locked before it is called. Checks of one customer are decided one after another: what the one
before has taken is gone for the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from hold_service.checks import model, saving, store
from hold_service.checks.kept import KEEPER
from hold_service.checks.known import Asked, Known, asked_of
from hold_service.checks.loaded import ActiveHold, AttemptKey, Loaded, attempt_of, hold_number
from hold_service.checks.model import Verdict
from hold_service.checks.picture import picture_of
from hold_service.checks.saving import DecisionRow
from hold_service.holds import store as holds
from hold_service.holds.store import Attempt, NewHold
from hold_service.rechecks import store as rechecks
from hold_service.setups import store as setups
from holdfast.bus.outbox import Row
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.contracts.holds import HoldReason, OrderCleared, OrderHeld
from holdfast.contracts.topics import HOLDS
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.receivables.model import Party, Reservation
from holdfast.web.idempotency import Answer, Request


@dataclass(slots=True)
class Decided:
    """A request with what was decided; `hold` is its order's active hold when it is held.

    `let_through`: the document may go on although its order stays held.
    """

    id: UUID
    request: CheckpointRequested
    asked: Asked
    known: Known
    verdict: Verdict
    reservation: Reservation
    figures: dict[str, Any] | None
    hold: ActiveHold | None
    is_new_hold: bool
    let_through: bool

    @property
    def party(self) -> Party:
        """Company and customer."""
        return self.request.company, self.request.customer

    @property
    def status(self) -> str:
        """The order's credit status from now on."""
        return "held" if self.hold else "passed"

    @property
    def is_gone(self) -> bool:
        """Whether the order is known to be cancelled."""
        state = self.known.position.orders.get(self.request.order)
        return state is not None and state.is_cancelled(self.request.order_version)

    @property
    def binds(self) -> bool:
        """Whether the order's status and reservation change: not by a pro forma that passes, nor past a hold."""
        return bool(self.hold) or not (self.request.proforma or self.let_through)


async def decide_many(
    work: Work, requests: Sequence[CheckpointRequested], most_facts_age: float | None, keys: Sequence[Request] = ()
) -> list[str]:
    """Decide in order; answers one JSON document per request. An attempt that was answered gets the same answer.

    `keys` are the idempotency keys of the requests, under which their answers are kept.
    """
    loaded = await _load(work, requests)
    decided: dict[AttemptKey, Decided] = {}
    for request in requests:
        key = attempt_of(request)
        if key not in loaded.earlier and key not in decided:
            decided[key] = _decide(request, loaded, work.business_now, most_facts_age)
    await _save_holds(work, list(decided.values()), loaded)
    given = loaded.earlier | {key: to_json(answer_of(d, work.business_now)) for key, d in decided.items()}
    answers = [given[attempt_of(request)] for request in requests]
    kept = [(key, Answer(200, answer)) for key, answer in zip(keys, answers, strict=bool(keys))]
    await _save(work, list(decided.values()), given, kept)
    KEEPER.keep(work, loaded.kept_groups())
    return answers


async def _load(work: Work, requests: Sequence[CheckpointRequested]) -> Loaded:
    orders: dict[Party, set[str]] = {}
    for request in requests:
        orders.setdefault((request.company, request.customer), set()).add(request.order)
    currencies = {request.currency for request in requests}
    return await store.load(work, orders, currencies, [attempt_of(request) for request in requests], keeper=KEEPER)


def _decide(request: CheckpointRequested, loaded: Loaded, now: datetime, most_facts_age: float | None) -> Decided:
    known = loaded.known(
        (request.company, request.customer), request.checkpoint.value, request.order, most_facts_age
    )  # fmt: skip
    asked = asked_of(request, known, now)
    hold = loaded.holds.get((request.company, request.order))
    verdict = model.judge(asked, known) if hold is None else _while_held(asked, known, hold)
    let_through = hold is not None and verdict.not_checked == LET_THROUGH
    is_new = hold is None and not verdict.passes
    if is_new:
        hold = loaded.holds[request.company, request.order] = ActiveHold(None)
    held = None if let_through else hold
    if held is not None:
        held.reasons |= {finding.reason: finding.text for finding in verdict.findings}
    if verdict.uses_admission:
        del loaded.admissions[request.company, request.order, request.checkpoint.value]
    reservation = model.reservation_for(request, asked, "held" if held else "passed", now)
    shown = model.figures(verdict)
    decided = Decided(uuid4(), request, asked, known, verdict, reservation, shown, held, is_new, let_through)
    if decided.binds:
        loaded.move(decided.party, request.order, decided.status, decided.reservation)
    return decided


LET_THROUGH = "the order is held, and the company lets this document through"


def _while_held(asked: Asked, known: Known, hold: ActiveHold) -> Verdict:
    """A second attempt refreshes the hold (spec 3.5); some documents may go on, unless somebody forced the hold."""
    verdict = model.rejudge(asked, known)
    blocked = any(finding.reason is HoldReason.CUSTOMER_BLOCKED for finding in verdict.findings)
    if model.is_let_through(known) and not hold.is_forced and not blocked:
        return Verdict((), LET_THROUGH)
    return verdict


async def _save(
    work: Work,
    decided: Sequence[Decided],
    answers: Mapping[AttemptKey, str],
    kept: Sequence[tuple[Request, Answer]],
) -> None:
    binding = [d for d in decided if d.binds]
    await saving.save(
        work,
        [_row(d, answers[attempt_of(d.request)]) for d in decided],
        [(d.request.company, d.request.order, d.status) for d in binding],
        [d.reservation for d in binding],
        [_event(d, answers[attempt_of(d.request)]) for d in decided],
        kept,
    )
    used = {attempt_of(d.request)[:3] for d in decided if d.verdict.uses_admission}
    if used:
        await saving.use_admissions(work, used)


async def _save_holds(work: Work, decided: Sequence[Decided], loaded: Loaded) -> None:
    new = [d for d in decided if d.is_new_hold]
    ids = await holds.insert(work, [_new_hold(d) for d in new])
    for d in new:
        assert d.hold is not None
        d.hold.id = ids[d.request.company, d.request.order]
        d.hold.number = hold_number(d.hold.id)
    await holds.see_reasons(work, [(d.hold.id, d.hold.reasons) for d in decided if d.hold and d.hold.id])
    await holds.attempted_again(work, [_attempt(d) for d in decided if d.hold and not d.is_new_hold and d.hold.id])
    outdated = await _outdated(work, {d.party for d in decided if d.hold and not d.verdict.passes}, loaded)
    to_end = {d.party for d in decided if d.hold and (d.is_gone or (not d.is_new_hold and d.verdict.passes))}
    await rechecks.mark(work, outdated | to_end, {}, delay_seconds=0)


async def _outdated(work: Work, held: set[Party], loaded: Loaded) -> set[Party]:
    """Customers with orders that are held by what somebody has changed meanwhile, who could not see the holds.

    Who changes it later waits for the commit, and sees them. To be asked before customers are marked for a re-check:
    who has changed something holds it while marking.
    """
    if not held:
        return set()
    companies = set[str]().union(*(loaded.companies_beside(party) for party in held))
    now = await setups.share(work, companies, patient=not rechecks.has_marked(work))
    return {party for party in held if loaded.is_outdated(party, now)}


def _attempt(d: Decided) -> Attempt:
    request = d.request
    assert d.hold is not None
    assert d.hold.id is not None
    return Attempt(
        d.hold.id, request.checkpoint.value, request.attempt, request.order_version, request.total, request.proforma,
        request.posting_request,
    )  # fmt: skip


def _new_hold(d: Decided) -> NewHold:
    request = d.request
    return NewHold(
        request.company, request.customer, request.order, request.order_version, request.currency, request.total,
        d.reservation.created_at, request.checkpoint.value, request.attempt, request.proforma, d.id,
        request.posting_request, d.asked.payment_terms, d.asked.cash_discount, d.asked.excluded,
    )  # fmt: skip


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
    if verdict.warnings:
        answer["warnings"] = [finding.text for finding in verdict.warnings]
    answer |= on_load(d.known, held=d.hold is not None)
    if d.hold:
        answer |= overdue_accounts(verdict)
        answer["hold"] = d.hold.number
        answer["reasons"] = sorted(d.hold.reasons)
        answer["explanation"] = [d.hold.reasons[reason] for reason in sorted(d.hold.reasons)]
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
    """The other members of the credit group that are overdue, when one of them is why the order is held."""
    linked = any(f.reason is HoldReason.OPEN_TRANSACTIONS_OVERDUE_LINKED for f in verdict.findings)
    if not linked or verdict.facts is None:
        return {}
    return {"overdue_accounts": sorted(verdict.facts.linked_days_overdue)}


def _row(d: Decided, answer: str) -> DecisionRow:
    request = d.request
    return DecisionRow(
        d.id, request.company, request.customer, request.order, request.checkpoint.value, request.attempt,
        _outcome(d), d.known.position.check_date, d.hold.id if d.hold else None, answer,
        to_json(picture_of(d.asked, d.known, d.verdict)),
    )  # fmt: skip


def _outcome(d: Decided) -> str:
    return "held" if d.hold else "cleared"


def _event(d: Decided, answer: str) -> Row:
    event_type = (OrderHeld if d.hold else OrderCleared).event_type
    return HOLDS.name, f"{d.request.company}/{d.request.customer}", event_type, answer
