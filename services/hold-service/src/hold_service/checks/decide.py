"""`decide_many`: the one function that decides checks, for the bus and for HTTP alike.

The customers are locked before it is called. Checks of one customer are decided one after another: what the one
before has taken is gone for the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import uuid4

from hold_service.checks import model, saving, store
from hold_service.checks.again import Again, attempt_again, found_by
from hold_service.checks.decided import Decided, answer_of, events_of, row_of
from hold_service.checks.kept import KEEPER
from hold_service.checks.known import Asked, asked_of, said_of
from hold_service.checks.loaded import ActiveHold, AttemptKey, Loaded, attempt_of
from hold_service.checks.model import Verdict
from hold_service.holds import reasons
from hold_service.holds import store as holds
from hold_service.holds.attempts import Attempt, attempted_again
from hold_service.holds.store import NewHold
from hold_service.rechecks import store as rechecks
from hold_service.releases import approval
from hold_service.setups import store as setups
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.receivables.model import Party
from holdfast.receivables.positions import AskedPlace
from holdfast.web import idempotency
from holdfast.web.idempotency import Answer, Name, Request
from holdfast.web.problems import Problem

Keyed = tuple[Request, CheckpointRequested]
"""A check with its idempotency key."""


async def decide_many(
    work: Work, requests: Sequence[CheckpointRequested], most_facts_age: float | None
) -> list[str]:  # fmt: skip
    """Decide in order; answers one JSON document per request. An attempt that was answered gets the same answer."""
    return await _decide_all(work, requests, await _load(work, requests), most_facts_age)


async def answer_many(
    work: Work, asked: Sequence[Keyed], taken: Sequence[int], most_facts_age: float | None
) -> dict[Name, Answer | Problem]:
    """As `decide_many` for requests with idempotency keys of which those at the places `taken`, from 1, are ours: a key
    that was answered gets the same answer, the answers of the others are kept."""
    keys = [key for key, _ in asked]
    loaded = await _load(work, [check for _, check in asked], keys)
    known = idempotency.outcomes(keys, taken, loaded.answered)
    fresh = [(key, check) for key, check in asked if known[key.name] is None]
    given = {name: outcome for name, outcome in known.items() if outcome is not None}
    if fresh:
        new = [key for key, _ in fresh]
        answers = await _decide_all(work, [check for _, check in fresh], loaded, most_facts_age, new)
        given |= {key.name: Answer(200, answer) for key, answer in zip(new, answers, strict=True)}
    return given


async def _load(work: Work, requests: Sequence[CheckpointRequested], keys: Sequence[Request] = ()) -> Loaded:
    orders: dict[Party, set[str]] = {}
    places: dict[Party, set[AskedPlace]] = {}
    for request in requests:
        party = request.company, request.customer
        orders.setdefault(party, set()).add(request.order)
        places.setdefault(party, set()).add((request.created_at, request.order))
    currencies = {request.currency for request in requests}
    attempts = [attempt_of(request) for request in requests]
    return await store.load(work, orders, currencies, attempts, keeper=KEEPER, requests=keys, places=places)


async def _decide_all(
    work: Work,
    requests: Sequence[CheckpointRequested],
    loaded: Loaded,
    most_facts_age: float | None,
    keys: Sequence[Request] = (),
) -> list[str]:
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


def _decide(request: CheckpointRequested, loaded: Loaded, now: datetime, most_facts_age: float | None) -> Decided:
    known = loaded.known(
        (request.company, request.customer), request.checkpoint.value, request.order, most_facts_age
    )  # fmt: skip
    asked = asked_of(request, known, now)
    hold = loaded.holds.get((request.company, request.order))
    again = None if hold is None else attempt_again(asked, known, hold)
    verdict = model.judge(asked, known) if again is None else again.verdict
    if hold is None and not verdict.passes:
        hold = loaded.holds[request.company, request.order] = _begun(request)
    before = set(hold.reasons) if hold else set[str]()
    if hold is not None:
        _note(hold, again, asked, known.checkpoint, verdict)
    waits = None if again and again.let_through else hold
    for used in verdict.uses:
        loaded.admissions[request.company, request.order, request.checkpoint.value].remove(used)
    decided = Decided(
        uuid4(), request, asked, known, verdict,
        model.reservation_for(request, asked, "held" if waits else "passed", now), model.figures(verdict), waits, again,
        waits.reasons | found_by(verdict) if waits else {}, sorted(before - set(hold.reasons)) if hold else [],
    )  # fmt: skip
    if decided.binds:
        loaded.move(decided.party, request.order, decided.status, decided.reservation)
    return decided


def _begun(request: CheckpointRequested) -> ActiveHold:
    return ActiveHold(None, request.customer, request.checkpoint.value, request.order_version, request.proforma)


def _note(hold: ActiveHold, again: Again | None, asked: Asked, checkpoint: str, verdict: Verdict) -> None:
    """The next attempt of the batch meets the hold as this one leaves it."""
    if again is None:
        hold.reasons = found_by(verdict)
        return
    hold.reasons = again.reasons_of(hold)
    if again.takes_order:
        hold.order_version = asked.order.version
    if again.takes_document:
        hold.checkpoint, hold.proforma, hold.was_attempted = checkpoint, asked.proforma, True


async def _save(
    work: Work,
    decided: Sequence[Decided],
    answers: Mapping[AttemptKey, str],
    kept: Sequence[tuple[Request, Answer]],
) -> None:
    binding = [d for d in decided if d.binds]
    await saving.save(
        work,
        [row_of(d, answers[attempt_of(d.request)]) for d in decided],
        [(d.request.company, d.request.order, d.status) for d in binding],
        [d.reservation for d in binding],
        [event for d in decided for event in events_of(d, answers[attempt_of(d.request)])],
        kept,
    )
    used = [admission.hold_id for d in decided for admission in d.verdict.uses]
    if used:
        await saving.use_admissions(work, used)


async def _save_holds(work: Work, decided: Sequence[Decided], loaded: Loaded) -> None:
    new = [d for d in decided if d.is_new_hold]
    ids = await holds.insert(work, [_new_hold(d) for d in new])
    for d in new:
        assert d.hold is not None
        d.hold.id, d.hold.previous = ids[d.request.company, d.request.order]
    await reasons.see(work, [(d.hold.id, d.reasons) for d in new if d.hold and d.hold.id])
    again = [d for d in decided if d.again and d.again.takes_order]
    seen = {d.hold.id: d.hold.reasons for d in again if d.hold and d.hold.id}
    gone = {(d.hold.id, reason) for d in again if d.hold and d.hold.id for reason in {*d.gone} - {*d.hold.reasons}}
    await reasons.change(work, list(seen.items()), gone)
    await attempted_again(work, [_attempt(d) for d in again])
    await _lapse_grown(work, [d.hold for d in again if d.hold])
    outdated = await _outdated(work, {d.party for d in decided if d.binds and not d.verdict.passes}, loaded)
    to_end = {d.party for d in decided if (d.hold and d.binds and d.is_gone) or (d.again and d.again.ends_hold)}
    freed = {d.party for d in decided if d.frees_room}
    await rechecks.mark(work, outdated | to_end | freed, {}, delay_seconds=0)


async def _lapse_grown(work: Work, attempted: Sequence[ActiveHold]) -> None:
    """What was asked for, or approved, ends when an attempt tells of more than it was asked on (spec 1.17)."""
    asked_for = {hold.id for hold in attempted if hold.is_asked_for and hold.id is not None}
    if asked_for:
        for row in await holds.read_holds(work, sorted(asked_for)):
            await approval.grown(work, row)


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
    request, again = d.request, d.again
    assert d.hold is not None
    assert d.hold.id is not None
    assert again is not None
    return Attempt(
        d.hold.id, request.order_version, request.currency, request.total, said_of(request), again.takes_document,
        request.checkpoint.value, request.attempt, request.proforma, request.posting_request, d.id,
    )  # fmt: skip


def _new_hold(d: Decided) -> NewHold:
    request = d.request
    return NewHold(
        request.company, request.customer, request.order, request.order_version, request.currency, request.total,
        d.reservation.created_at, request.checkpoint.value, request.attempt, request.proforma, d.id,
        request.posting_request, said_of(request),
    )  # fmt: skip
