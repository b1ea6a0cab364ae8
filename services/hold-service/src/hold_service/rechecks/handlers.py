"""Which facts cause held orders to be decided again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hold_service.checkpoints import store as checkpoints
from hold_service.checkpoints.store import Gone
from hold_service.groups.locks import must_hold
from hold_service.parameters import PARAMETERS
from hold_service.rechecks import store
from hold_service.rechecks.lessened import Worth, lessened, of_credits, of_settlements
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
End = Callable[[Work, Gone], Awaitable[None]]
NOTES, CREDITS = "recheck_triggers", "recheck_credits"

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
FREEING = (erp_receivables.PaymentPosted, erp_receivables.CreditNotePosted, erp_receivables.SettlementPosted)
"""Events that may be taken back, and what they freed with them (spec 3.1)."""


def noting(payload: type[Payload], handle: Handle) -> Handle:
    """The handler, and after it a note of the documents that may free held orders."""
    field = TRIGGERS.get(payload)
    if field is None:
        return handle

    async def handle_and_note(work: Work, events: Sequence[Incoming[Any]]) -> None:
        await handle(work, events)
        for kept in (NOTES, CREDITS) if payload in FREEING else (NOTES,):
            noted: dict[Party, set[str]] = work.notes.setdefault(kept, {})
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
    credits: dict[Party, set[str]] = work.notes.pop(CREDITS, {})
    touched = parties | recomputed(work)
    groups = await store.mark(work, touched, noted, delay_seconds=PARAMETERS.recheck_delay, credits=credits)
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


def ending_grace(field: str, end: End) -> Callable[[Handle], Handle]:
    """What had freed an order is reversed, returned or cancelled: its grace ends; it is checked again (3.1)."""

    def wrap(handle: Handle) -> Handle:
        async def handle_and_end(work: Work, events: Sequence[Incoming[Any]]) -> None:
            await handle(work, events)
            await end(work, {(e.payload.company, getattr(e.payload, field)) for e in events})

        return handle_and_end

    return wrap


def ending_grace_by_less(
    field: str, read: Callable[[Work, Gone], Awaitable[Worth]], end: End
) -> Callable[[Handle], Handle]:
    """A newer version takes back a part of what had freed an order: its grace ends as if all of it was gone."""

    def wrap(handle: Handle) -> Handle:
        async def handle_and_compare(work: Work, events: Sequence[Incoming[Any]]) -> None:
            named = {(e.payload.company, getattr(e.payload, field)) for e in events}
            before = await read(work, named)
            await handle(work, events)
            if before:
                await end(work, lessened(before, await read(work, set(before))))

        return handle_and_compare

    return wrap


WRAPPERS: dict[type[Payload], Callable[[Handle], Handle]] = {
    erp_reference.CompanyChanged: affecting_companies,
    erp_reference.CompanyWentLive: affecting_companies,
    erp_reference.ExchangeRatePublished: affecting_rates,
    ParametersChanged: affecting_companies,
    erp_receivables.PaymentReturned: ending_grace("document", checkpoints.end_freed_by_credits),
    erp_receivables.DocumentCancelled: ending_grace("document", checkpoints.end_freed_by_credits),
    erp_receivables.SettlementReversed: ending_grace("settlement", checkpoints.end_freed_by_settlements),
    erp_receivables.PaymentPosted: ending_grace_by_less("document", of_credits, checkpoints.end_freed_by_credits),
    erp_receivables.CreditNotePosted: ending_grace_by_less("document", of_credits, checkpoints.end_freed_by_credits),
    erp_receivables.SettlementPosted: ending_grace_by_less(
        "settlement", of_settlements, checkpoints.end_freed_by_settlements
    ),
}


def watched(payload: type[Payload], handle: Handle) -> Handle:
    """A fact handler with what it means for held orders."""
    wrap, noted = WRAPPERS.get(payload), noting(payload, handle)
    return wrap(noted) if wrap else noted
