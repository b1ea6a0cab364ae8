"""Another attempt to post an order that is held (spec 3.5): refused, it refreshes the hold. Plain values."""

from __future__ import annotations

from dataclasses import dataclass

from hold_service.checks import running
from hold_service.checks.known import Asked, Known
from hold_service.checks.loaded import ActiveHold
from hold_service.checks.model import Verdict, rejudge
from hold_service.holds.model import reasons_gone
from holdfast.contracts.holds import HoldReason

LET_THROUGH = {"confirmation": "allow_confirmation", "picking_list": "allow_picking"}
"""Documents that a company may let through although the order is held, and the parameter."""


@dataclass(frozen=True, slots=True)
class Again:
    """What an attempt on a held order comes to.

    `let_through`: the document goes on, the order stays held. `takes_order`: the hold is from now on about the order
    as this attempt tells of it. `takes_document`: the attempt takes the place of the one that was held, with its
    reasons; another document does so only when it is held itself, since the document that caused the hold is the one
    that a release posts and whose grace counts (spec 3.6).
    """

    verdict: Verdict
    let_through: bool = False
    takes_order: bool = False
    takes_document: bool = False

    @property
    def ends_hold(self) -> bool:
        """Whether a re-check has to see if the hold ends: nothing was found against the order."""
        return self.takes_order and self.verdict.passes

    def reasons_of(self, hold: ActiveHold) -> dict[str, str]:
        """The reasons of the hold from now on. What is not found any more is gone, unless nothing was found: then a
        re-check ends the hold."""
        found = found_by(self.verdict)
        if not self.takes_document:
            return hold.reasons
        gone = reasons_gone(hold.reasons, found, complete=self.verdict.is_complete) if found else ()
        return {reason: text for reason, text in hold.reasons.items() if reason not in gone} | found


def found_by(verdict: Verdict) -> dict[str, str]:
    """The reasons of a verdict with their explanations."""
    return {finding.reason: finding.text for finding in verdict.findings}


def attempt_again(asked: Asked, known: Known, hold: ActiveHold) -> Again:
    """Decide an attempt on an order that is held. A hold of another customer, whose order this was, stays as it is
    until the order's state tells of the change."""
    verdict = rejudge(asked, known)
    if hold.customer != known.position.customer:
        return Again(verdict)
    if not hold.is_forced and not _is_blocked(verdict) and (why := _let_through(asked, known)) is not None:
        return Again(Verdict((), why), let_through=True)
    checked = running.unchecked_document(asked, known) is None
    takes_order = checked and asked.order.version >= hold.order_version
    same = hold.checkpoint == known.checkpoint or not (verdict.passes and hold.was_attempted)
    instead = hold.proforma or not hold.was_attempted or not asked.proforma
    return Again(verdict, False, takes_order, takes_order and same and instead)


def _is_blocked(verdict: Verdict) -> bool:
    return any(finding.reason == HoldReason.CUSTOMER_BLOCKED for finding in verdict.findings)


def _let_through(asked: Asked, known: Known) -> str | None:
    """Why the document goes on although its order is held: the company wants it, or it takes back what was posted."""
    name = LET_THROUGH.get(known.checkpoint)
    if name is not None and getattr(known.setup.parameters, name):
        return "the order is held, and the company lets this document through"
    return running.unchecked_document(asked, known) if asked.change != "post" else None
