"""Checks that decide nothing: an order that does not exist yet, and a limit check without a hold (spec 3.17, 5).

They read what a check reads, take no lock and leave no trace.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from hold_service.checks import model, store
from hold_service.checks.again import attempt_again, found_by
from hold_service.checks.known import Asked, Known, asked_of
from hold_service.checks.limits import Limits, limits_of, parts_of
from hold_service.checks.picture import picture_of
from hold_service.checks.running import off
from hold_service.checks.stops import stops
from hold_service.rules.model import amount, number_of
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.database.work import Work
from holdfast.receivables.limits import Level
from holdfast.receivables.model import CheckedOrder, Party
from holdfast.receivables.money import ZERO, rounded
from holdfast.receivables.rates import IDENTITY, Rate

NO_ORDER = "-"
Kind = Literal["free_text_invoice", "on_account"]


async def preview(work: Work, request: CheckpointRequested, most_facts_age: float | None) -> dict[str, Any]:
    """What a check of this order would answer now, with the numbers and what it would take to pass."""
    party, place = (request.company, request.customer), request.checkpoint.value
    asked_for = {party: [(request.created_at, request.order)]}
    loaded = await store.load(
        work, {party: {request.order}}, {request.currency}, locked=False, places=asked_for
    )  # fmt: skip
    known = loaded.known(party, place, request.order, most_facts_age)
    asked = asked_of(request, known, work.business_now)
    hold = loaded.holds.get((request.company, request.order))
    again = None if hold is None else attempt_again(asked, known, hold)
    verdict = model.judge(asked, known) if again is None else again.verdict
    waits = None if hold is None or again is None or again.let_through else again.reasons_of(hold) | found_by(verdict)
    reasons = found_by(verdict) if waits is None else waits
    answer: dict[str, Any] = {
        "outcome": "cleared" if waits is None and verdict.passes else "held", "checked": verdict.not_checked is None,
        "not_checked_because": verdict.not_checked, "check_date": known.position.check_date,
        "hold": None if waits is None or hold is None else hold.number,
        "reasons": sorted(reasons), "explanation": [reasons[reason] for reason in sorted(reasons)],
        "to_pass": [finding.to_pass for finding in verdict.findings],
        "warnings": [finding.text for finding in verdict.warnings],
        "figures": model.figures(verdict), "picture": picture_of(asked, known, verdict),
    }  # fmt: skip
    return {name: value for name, value in answer.items() if value is not None}


async def limit_check(work: Work, party: Party, kind: Kind, amount: Decimal, currency: str) -> dict[str, Any]:
    """Whether an amount fits the limits: with limit, temporary limit and policies, without rules and hold list."""
    places = {party: [(work.business_now, NO_ORDER)]}
    loaded = await store.load(work, {party: {NO_ORDER}}, {currency}, locked=False, places=places)
    known = loaded.known(party, "", NO_ORDER, None)
    asked = Asked(CheckedOrder(NO_ORDER, 0, currency, amount, work.business_now))
    found = parts_of(asked, known)
    limits = limits_of(asked.order, known, found)
    untested = _untested(asked, known, kind)
    stopped = [] if untested else stops(known, found.missing_rates | limits.missing_rates)
    verdict = model.Verdict(stopped, untested, None, found, limits if not limits.missing_rates else None)
    room = amount if untested else ZERO if stopped else min(amount, _room(known, limits, amount, currency))
    return {
        **_answer(kind, amount, room, known, bool(stopped)), "currency": currency,
        "not_tested_because": untested, "explanation": [f.text for f in stopped] or _said(limits, room < amount),
        "figures": model.figures(verdict), "picture": picture_of(asked, known, verdict),
    }  # fmt: skip


def _untested(asked: Asked, known: Known, kind: Kind) -> str | None:
    """Why the limit is not tested. An excluded customer is not; an excluded or Commerce order is (spec 3.17)."""
    if (why := off(asked, known)) is not None:
        return why
    if known.profile is not None and known.profile.excluded:
        return "the customer is excluded from credit management"
    if known.profile is not None and known.profile.unlimited:
        return "the customer's credit is unlimited"
    if kind == "free_text_invoice" and not known.setup.credit.check_limit_on_free_text_invoice:
        return "the company does not test limits on free text invoices"
    return None


def _room(known: Known, limits: Limits, amount: Decimal, currency: str) -> Decimal:
    """What is available for the amount at every level, in its currency."""
    room = amount
    for test in limits.tests:
        over = test.exposure - test.limit
        if over > 0:
            room = min(room, amount - _into(over, test.level, known, currency))
    return max(ZERO, room)


def _into(value: Decimal, level: Level, known: Known, currency: str) -> Decimal:
    """An amount of a limit's currency in that of the check; the rates are there, or the check had stopped."""
    position = known.position
    if level is Level.GROUP and known.group is not None and known.group.currency != position.currency:
        value = _back(position.onward[known.group.currency], value)
    rate = IDENTITY if currency == position.currency else position.rates[currency]
    return rounded(_back(rate, value), currency)


def _back(rate: Rate, value: Decimal) -> Decimal:
    return Rate(rate.value, inverse=not rate.inverse).convert(value)


def _answer(kind: Kind, amount: Decimal, room: Decimal, known: Known, stopped: bool) -> dict[str, Any]:
    """On account as much is accepted as there is room; a free text invoice whole, with a warning, or not at all."""
    message = known.setup.credit.message_when_exceeding
    if room >= amount and not stopped:
        return {"accepted": True, "accepted_amount": amount, "message": "none"}
    if kind == "on_account":
        return {"accepted": False, "accepted_amount": room, "message": "error" if stopped else message}
    if message == "warning" and not stopped:
        return {"accepted": True, "accepted_amount": amount, "message": "warning"}
    return {"accepted": False, "accepted_amount": ZERO, "message": "error"}


def _said(limits: Limits, exceeded: bool) -> list[str]:
    test = limits.tightest
    if test is None or not exceeded:
        return []
    return [
        f"The new balance is {amount(test.exposure, test.currency)}; the {test.level} limit is "
        f"{number_of(test.limit, test.currency)}, exceeded by {number_of(test.exposure - test.limit, test.currency)}."
    ]
