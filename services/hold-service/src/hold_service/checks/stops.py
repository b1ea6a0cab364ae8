"""Stops: a customer's block, which nothing overrides, and figures that cannot be trusted (spec 3.1, 2.7)."""

from __future__ import annotations

from collections.abc import Iterable

from hold_service.checks.freshness import too_old
from hold_service.checks.known import Known
from hold_service.rules.model import Finding
from holdfast.contracts.holds import HoldReason

STOPS = frozenset({
    HoldReason.CUSTOMER_BLOCKED, HoldReason.COMPANY_NOT_LIVE, HoldReason.UNKNOWN_CUSTOMER, HoldReason.TECHNICAL_ERROR,
    HoldReason.FACTS_TOO_OLD,
})  # fmt: skip
"""The reasons that are found without rules."""
STOPPED_BY_INVOICE = frozenset({"packing_slip", "invoice", "warehouse_shipment"})
"""Documents that the hold effect `invoice` stops; `all` stops every document."""


def block(known: Known) -> Finding | None:
    """The stop of a blocked customer: by its account status, or because another service asked for it."""
    if known.profile is not None and _stops(known.profile.hold_effect, known.checkpoint):
        why = f" (account status {known.profile.account_status})" if known.profile.account_status else ""
        text = f"The customer is on hold for {_what(known.profile.hold_effect)}{why}."
        return _finding(HoldReason.CUSTOMER_BLOCKED, text, "Take the hold off the customer's credit profile.")
    if _stops(known.standing.block_effect, known.checkpoint):
        why = f": {known.standing.block_reason}" if known.standing.block_reason else ""
        text = f"The customer is blocked for {_what(known.standing.block_effect)}{why}."
        return _finding(HoldReason.CUSTOMER_BLOCKED, text, "Let collections end the request to block.")
    return None


def _stops(effect: str, checkpoint: str) -> bool:
    return effect == "all" or (effect == "invoice" and checkpoint in STOPPED_BY_INVOICE)


def _what(effect: str) -> str:
    return "every document" if effect == "all" else "deliveries and invoices"


def stops(known: Known, missing_rates: Iterable[str]) -> list[Finding]:
    """Reasons that make figures untrustworthy or absent: no rule is asked then."""
    found = [*_unknown(known), *_without_rates(known, missing_rates), *_incomplete(known)]
    return list({stop.reason: stop for stop in reversed(found)}.values())[::-1]


def _unknown(known: Known) -> Iterable[Finding]:
    position = known.position
    if position.currency is None:
        yield _finding(
            HoldReason.COMPANY_NOT_LIVE, f"Company {position.company} is not known.",
            "Correct the company's number, or let the ERP send the company and declare it live.")  # fmt: skip
    elif not position.live:
        yield _finding(
            HoldReason.COMPANY_NOT_LIVE, f"Company {position.company} has not been declared live.",
            "Complete the opening balances and declare the company live.")  # fmt: skip
    if not position.customer_known:
        yield _finding(
            HoldReason.UNKNOWN_CUSTOMER, f"Customer {position.customer} of company {position.company} is not known.",
            "Let the ERP send the customer; the order is checked again by itself.")  # fmt: skip


def _without_rates(known: Known, missing_rates: Iterable[str]) -> Iterable[Finding]:
    position, codes = known.position, sorted(missing_rates)
    if codes:
        yield _finding(
            HoldReason.TECHNICAL_ERROR, f"No exchange rate converts {', '.join(codes)} on {position.check_date}.",
            "Let the ERP send the rate; the order is checked again by itself.")  # fmt: skip
    if known.profile is not None and position.currency not in (None, known.profile.currency):
        yield _finding(
            HoldReason.TECHNICAL_ERROR,
            f"The credit limit is in {known.profile.currency}, the company's currency is {position.currency}.",
            "Enter the limit anew in the company's currency.")  # fmt: skip


def _incomplete(known: Known) -> Iterable[Finding]:
    if known.parked:
        yield _finding(
            HoldReason.TECHNICAL_ERROR, "Events of this customer wait in the dead letters: its figures are incomplete.",
            "Replay or drop them; the order is checked again by itself.")  # fmt: skip
    if too_old(known.facts_age, known.most_facts_age):
        yield _finding(
            HoldReason.FACTS_TOO_OLD, f"The facts are older than the {known.most_facts_age:g} seconds allowed.",
            "Wait until the worker has caught up; the order is checked again by itself.")  # fmt: skip


def _finding(reason: HoldReason, text: str, to_pass: str) -> Finding:
    return Finding(reason, None, text, to_pass)
