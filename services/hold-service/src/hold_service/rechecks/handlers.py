"""Which facts cause held orders to be decided again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hold_service.checkpoints import store as checkpoints
from hold_service.groups.locks import must_hold
from hold_service.parameters import PARAMETERS
from hold_service.rechecks import store
from holdfast.bus.envelope import Incoming
from holdfast.contracts import erp_orders, erp_receivables, erp_reference
from holdfast.contracts.base import Payload
from holdfast.contracts.collections import CustomerUnblockRequested, PromiseKept
from holdfast.contracts.credit import GroupChanged, ParametersChanged, ProfileChanged, RiskChanged
from holdfast.contracts.reminders import ReminderLevelChanged
from holdfast.database.work import Work
from holdfast.receivables.accounts import recomputed
from holdfast.receivables.model import Party

Handle = Callable[[Work, Sequence[Incoming[Any]]], Awaitable[None]]
NOTES = "recheck_triggers"

TRIGGERS: dict[type[Payload], str] = {
    erp_receivables.PaymentPosted: "document",
    erp_receivables.CreditNotePosted: "document",
    erp_receivables.DocumentCancelled: "document",
    erp_receivables.SettlementPosted: "settlement",
    erp_orders.OrderChanged: "order",
    erp_orders.OrderCancelled: "order",
    erp_receivables.DocumentDisputed: "document",
    ProfileChanged: "customer",
    GroupChanged: "group",
    ReminderLevelChanged: "customer",
    RiskChanged: "customer",
    PromiseKept: "promise",
    CustomerUnblockRequested: "request",
}
"""Events that may free room, and the field that names them to whoever reads of the release."""


NAMED: dict[type[Payload], str] = {
    ProfileChanged: "credit limit", ReminderLevelChanged: "reminder level", RiskChanged: "risk group",
}  # fmt: skip
"""Events that are told by a word and not by a number."""


def noting(payload: type[Payload], handle: Handle) -> Handle:
    """The handler, and after it a note of the documents that may free held orders."""
    field = TRIGGERS.get(payload)
    if field is None:
        return handle

    async def handle_and_note(work: Work, events: Sequence[Incoming[Any]]) -> None:
        await handle(work, events)
        noted: dict[Party, set[str]] = work.notes.setdefault(NOTES, {})
        for event in events:
            name = NAMED.get(payload) or getattr(event.payload, field)
            for party in event.payload.parties():
                noted.setdefault(party, set()).add(name)

    return handle_and_note


async def mark_touched(work: Work, parties: set[Party]) -> set[str]:
    """Held orders of every customer whose figures this transaction changed are decided again. Answers their groups.

    Raises TryAgain when one of them has joined a group before it was locked: whoever decides about another member may
    read its figures at the same moment, and would neither see this change nor be seen by it.
    """
    noted: dict[Party, set[str]] = work.notes.pop(NOTES, {})
    touched = parties | recomputed(work)
    groups = await store.mark(work, touched, noted, delay_seconds=PARAMETERS.recheck_delay)
    must_hold(work, groups)
    return groups


def affecting_companies(handle: Handle) -> Handle:
    """A change of a company frees or binds all its held orders."""

    async def handle_and_mark(work: Work, events: Sequence[Incoming[Any]]) -> None:
        await handle(work, events)
        parties = await store.held_in_company(work, {event.payload.company for event in events})
        await store.mark(work, parties, {}, delay_seconds=PARAMETERS.recheck_delay)

    return handle_and_mark


def affecting_rates(handle: Handle) -> Handle:
    """A rate changes, or comes at last, what it converts: the held orders of those customers (spec 2.7)."""

    async def handle_and_mark(work: Work, events: Sequence[Incoming[Any]]) -> None:
        await handle(work, events)
        parties = await store.held_by_rates(work, {(e.payload.from_currency, e.payload.to_currency) for e in events})
        await store.mark(work, parties, {}, delay_seconds=PARAMETERS.recheck_delay)

    return handle_and_mark


def ending_grace(field: str, end: Callable[[Work, checkpoints.Gone], Awaitable[None]]) -> Callable[[Handle], Handle]:
    """What had freed an order is reversed, returned or cancelled: its grace ends; it is checked again (3.1)."""

    def wrap(handle: Handle) -> Handle:
        async def handle_and_end(work: Work, events: Sequence[Incoming[Any]]) -> None:
            await handle(work, events)
            await end(work, {(*party, getattr(e.payload, field)) for e in events for party in e.payload.parties()})

        return handle_and_end

    return wrap


WRAPPERS: dict[type[Payload], Callable[[Handle], Handle]] = {
    erp_reference.CompanyChanged: affecting_companies,
    erp_reference.CompanyWentLive: affecting_companies,
    erp_reference.ExchangeRatePublished: affecting_rates,
    ParametersChanged: affecting_companies,
    erp_receivables.PaymentReturned: ending_grace("document", checkpoints.end_freed_by_credits),
    erp_receivables.DocumentCancelled: ending_grace("document", checkpoints.end_freed_by_credits),
    erp_receivables.SettlementReversed: ending_grace("settlement", checkpoints.end_freed_by_settlements),
}


def watched(payload: type[Payload], handle: Handle) -> Handle:
    """A fact handler with what it means for held orders."""
    wrap, noted = WRAPPERS.get(payload), noting(payload, handle)
    return wrap(noted) if wrap else noted
