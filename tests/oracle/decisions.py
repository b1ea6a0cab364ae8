"""The plain answer: what hold-service must decide when each event takes effect once and in order.

Slow, in memory; it stands on `receivables.reference` alone. Companies, currencies, shared limits and blocks are
known to it; of the rules those two that most companies have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tests.oracle.books import Book, Party
from tests.oracle.values import LIMIT_USED_PERCENT, NO_CREDIT, Decision, Found, Hold, Test

from holdfast.contracts.base import Payload
from holdfast.contracts.credit import GroupChanged, ParametersChanged, ProfileChanged
from holdfast.contracts.erp_customers import CustomerChanged
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.contracts.erp_reference import CompanyWentLive
from holdfast.receivables.model import CheckedOrder, Reservation

FIRST = date(2026, 2, 28)
MOST_DAYS_OVERDUE = 25
POSTED = {"packing_slip", "invoice", "warehouse_shipment"}
KEPT: dict[type[Payload], tuple[str, ...]] = {
    ProfileChanged: ("company", "customer"), CustomerChanged: ("company", "customer"), GroupChanged: ("group",),
    CompanyWentLive: ("company",), ParametersChanged: ("company",),
}  # fmt: skip
"""Facts whose newest version counts, and what they are about."""


@dataclass
class Oracle:
    """Facts and decisions of the customers; `history` is what was decided, by customer, `said` all of it in order."""

    books: dict[Party, Book] = field(default_factory=dict)
    reference: list[Payload] = field(default_factory=list)
    kept: dict[type[Payload], dict[Any, Any]] = field(default_factory=lambda: {kind: {} for kind in KEPT})
    holds: dict[Party, list[Hold]] = field(default_factory=dict)
    admitted: dict[tuple[str, str, str], tuple[str, Decimal, int]] = field(default_factory=dict)
    holds_made: int = 0
    answered: set[tuple[str, str, str, str]] = field(default_factory=set)
    history: dict[str, list[Decision]] = field(default_factory=dict)
    said: list[tuple[str, Decision]] = field(default_factory=list)
    now: datetime = datetime(2026, 3, 2, 8, tzinfo=UTC)

    def set_clock(self, day: int, hour: int) -> None:
        """Business time goes on; days are counted from the last of February on."""
        self.now = datetime.combine(FIRST + timedelta(days=day), time(hour), UTC)

    # what comes in

    def take(self, payload: Any) -> None:
        """An event takes effect: a request is decided, all else is a fact."""
        if isinstance(payload, CheckpointRequested):
            self.check(payload)
        elif type(payload) in KEPT:
            self._keep(payload)
        elif hasattr(payload, "customer"):
            self.book(*payload.parties()[0]).apply(payload)
        else:
            self.reference.append(payload)
            for book in self.books.values():
                book.apply(payload)

    def _keep(self, payload: Any) -> None:
        key = tuple(getattr(payload, name) for name in KEPT[type(payload)])
        known = self.kept[type(payload)].get(key)
        if known is None or known.version < payload.version:
            self.kept[type(payload)][key] = payload

    def book(self, company: str, customer: str) -> Book:
        """The facts of a customer."""
        party = company, customer
        if party not in self.books:
            self.books[party] = Book(party)
            for payload in self.reference:
                self.books[party].apply(payload)
        return self.books[party]

    # what is decided

    def check(self, request: CheckpointRequested) -> None:
        """Decide a request; an attempt that was answered is not decided again."""
        key = request.company, request.order, request.checkpoint.value, request.attempt
        if key in self.answered:
            return
        self.answered.add(key)
        party = request.company, request.customer
        order = CheckedOrder(
            request.order, request.order_version, request.currency, request.total, request.created_at or self.now
        )
        held = next((hold for hold in self.holds.get(party, []) if hold.order.order == request.order), None)
        found = self._admitted(party, order, key[:3]) if held is None else None
        found = found or self.examine(party, order, request.checkpoint.value)
        gone: list[str] = []
        if held is not None and order.version >= held.order.version:
            gone = held.take(found) if found.reasons else []
            self._refresh(held, order, request.checkpoint.value)
        elif held is None and found.reasons:
            held = Hold(order, request.checkpoint.value, found.reasons, self._next())
            self.holds.setdefault(party, []).append(held)
        reasons = tuple(sorted({*held.reasons, *found.reasons})) if held else ()
        self._note(party, Decision("held" if held else "cleared", request.order, reasons, found.exposure,
                                   found.group_exposure))  # fmt: skip
        for reason in gone:
            self._note(party, Decision(f"cleared of {reason}", request.order, reasons))
        self._reserve(party, order, "held" if held else "passed")

    def _admitted(self, party: Party, order: CheckedOrder, key: tuple[str, str, str]) -> Found | None:
        """A released document goes through once, up to the released value; a blocked customer's does not, nor that of
        an order that was cancelled since."""
        released = self.admitted.get(key)
        gone = self.book(*party).facts["order cancellation"].get((party[0], order.order))
        if released is None or (gone is not None and gone.version >= released[2]):
            return None
        if any(code != released[0] or worth > released[1] for worth, code in self._worths(party, order)):
            return None
        if self._is_blocked(party, key[2]):
            own, missing = self.book(*party).exposure(self.now, order)
            return Found(("customer_blocked",), None if missing else own)
        del self.admitted[key]
        return Found()

    def _worths(self, party: Party, order: CheckedOrder) -> list[tuple[Decimal, str]]:
        """What request and state say the order comes to; of two versions the newer one counts alone."""
        state = self.book(*party).facts["order"].get((party[0], order.order))
        asked = [(order.total, order.currency)] if state is None or state.version <= order.version else []
        told = [(state.total, state.currency)] if state is not None and state.version >= order.version else []
        return asked + told

    @staticmethod
    def _refresh(held: Hold, order: CheckedOrder, checkpoint: str) -> None:
        was, held.checkpoint = held.order, checkpoint
        held.order = CheckedOrder(
            was.order, max(was.version, order.version), was.currency, order.total, was.created_at
        )  # fmt: skip

    def recheck(self, parties: Collection[Party] | None = None) -> None:
        """Decide what is held again, of all these customers the oldest hold first."""
        waiting = [(hold, party) for party, held in self.holds.items() for hold in held]
        for hold, party in sorted(waiting, key=lambda pair: pair[0].number):
            if parties is None or party in parties:
                self._recheck(party, hold)

    def _recheck(self, party: Party, hold: Hold) -> None:
        if self.book(*party).is_cancelled_for(hold.order.order, hold.order.version):
            self.holds[party].remove(hold)
            self.book(*party).reservations.pop((party[0], hold.order.order), None)
            self._note(party, Decision("cancelled", hold.order.order))
            return
        found = self.examine(party, hold.order, hold.checkpoint)
        if found.reasons:
            for gone in hold.take(found):
                self._note(party, Decision(f"cleared of {gone}", hold.order.order, hold.reasons))
        else:
            self._let_go(party, hold, found)

    def release(self, party: Party, number: str) -> None:
        """A person lets a held order go on."""
        hold = self._held(party, number)
        self._let_go(party, hold, self.examine(party, hold.order, hold.checkpoint))

    def reject(self, party: Party, number: str) -> None:
        """A person refuses a held order."""
        hold = self._held(party, number)
        self.holds[party].remove(hold)
        self.admitted = {key: given for key, given in self.admitted.items() if key[:2] != (party[0], number)}
        self._note(party, Decision("rejected", number))
        self._reserve(party, hold.order, "rejected")

    def _held(self, party: Party, number: str) -> Hold:
        found = [hold for hold in self.holds.get(party, []) if hold.order.order == number]
        assert found, f"{number} of {party} is not held"
        return found[0]

    def _next(self) -> int:
        self.holds_made += 1
        return self.holds_made

    def _let_go(self, party: Party, hold: Hold, found: Found) -> None:
        self.holds[party].remove(hold)
        order = hold.order
        state = self.book(*party).facts["order"].get((party[0], order.order))
        newer = state is not None and state.version > order.version and state.currency == order.currency
        value, version = state.total if newer else order.total, max(order.version, state.version if state else 0)
        self.admitted[party[0], order.order, hold.checkpoint] = order.currency, value, version
        self._note(party, Decision("released", order.order, (), found.exposure, found.group_exposure))
        self._reserve(party, order, "released")

    # figures

    def examine(self, party: Party, order: CheckedOrder, checkpoint: str) -> Found:
        """Reasons to hold an order now: the block, and what makes figures worthless, or else what the rules say."""
        book, blocked = self.book(*party), ["customer_blocked"] if self._is_blocked(party, checkpoint) else []
        if book.company is None:
            return Found(tuple(sorted([*blocked, "company_not_live", *self._unknown(party)])), is_complete=False)
        own, missing = book.exposure(self.now, order)
        limit = self.limit(party)
        group, lacking = self._shared(party, order, own)
        tests = [
            test for test in (group, Test(limit, own)) if test is not None and (test is group or limit or not group)
        ]
        stops = [*self._stops(party), *(["technical_error"] if missing or lacking else [])]
        shown = Found() if missing else Found((), own) if lacking else self._shown(party, own, group, limit)
        if stops:
            return Found(tuple(sorted([*blocked, *stops])), shown.exposure, shown.group_exposure, is_complete=False)
        exceeded = ["credit_exceeded"] if any(test.fails for test in tests) else []
        reasons = sorted([*blocked, *exceeded, *self._late(party)])
        return Found(tuple(reasons), shown.exposure, shown.group_exposure)

    def _shown(self, party: Party, own: Decimal, group: Test | None, limit: Decimal) -> Found:
        """The exposures as told: where the shared limit alone counts, in the same currency, it is the group's."""
        company, shared = self.book(*party).company, self.group_of(party)
        if group is None or shared is None or company is None:
            return Found((), own)
        alone = not limit and company.currency == shared.currency
        return Found((), group.exposure if alone else own, group.exposure)

    def limit(self, party: Party) -> Decimal:
        """The customer's own; without a profile there is no credit."""
        profile = self.kept[ProfileChanged].get(party)
        return profile.credit_limit if profile else NO_CREDIT

    def group_of(self, party: Party) -> GroupChanged | None:
        """The credit group of a customer; of two the one that changed last."""
        found = [
            group for group in self.kept[GroupChanged].values()
            if not group.deleted and any((m.company, m.customer) == party for m in group.members)
        ]  # fmt: skip
        return min(found, key=lambda group: (-group.changed_at.timestamp(), group.group), default=None)

    def _shared(self, party: Party, order: CheckedOrder, own: Decimal) -> tuple[Test | None, set[str]]:
        """The shared limit with the exposure of all members in the group's currency, and the rates that lack."""
        group, given = self.group_of(party), self.kept[ParametersChanged].get((party[0],))
        if group is None or given is None or not given.check_customer_credit_groups:
            return None, set()
        amounts = {party: self.book(*party).into(own, group.currency, self.now) if own else NO_CREDIT}
        missing: set[str] = set()
        for other in self._others(party, group):
            amount, lacking = self.book(*other).exposure(self.now, order, beside=True)
            missing |= lacking
            amounts[other] = self.book(*other).into(amount, group.currency, self.now) if amount else NO_CREDIT
        if None in amounts.values():
            missing.add(group.currency)
        return Test(group.credit_limit, sum((a for a in amounts.values() if a is not None), NO_CREDIT)), missing

    def rooms(self, party: Party) -> Iterator[tuple[Decimal, Decimal]]:
        """What has passed of a customer and of its group, and the limit of each: the limits that count for it."""
        limit, group = self.limit(party), self.group_of(party)
        given = self.kept[ParametersChanged].get((party[0],))
        shared = group if given is not None and given.check_customer_credit_groups else None
        if limit or shared is None:
            yield self.book(*party).passed(self.now), limit
        if shared is not None:
            members = [party, *self._others(party, shared)]
            amounts = [self.book(*m).into(self.book(*m).passed(self.now), shared.currency, self.now) for m in members]
            yield sum((a for a in amounts if a is not None), NO_CREDIT), shared.credit_limit

    @staticmethod
    def _others(party: Party, group: GroupChanged) -> Iterator[Party]:
        for member in group.members:
            if (member.company, member.customer) != party:
                yield member.company, member.customer

    def _is_blocked(self, party: Party, checkpoint: str) -> bool:
        profile = self.kept[ProfileChanged].get(party)
        effect = profile.invoicing_delivery_on_hold if profile else "no"
        return effect == "all" or (effect == "invoice" and checkpoint in POSTED)

    def _stops(self, party: Party) -> Iterator[str]:
        live = self.kept[CompanyWentLive].get((party[0],))
        if live is None or not live.live:
            yield "company_not_live"
        yield from self._unknown(party)

    def _unknown(self, party: Party) -> Iterator[str]:
        if party not in self.kept[CustomerChanged]:
            yield "unknown_customer"

    def _late(self, party: Party) -> Iterator[str]:
        group = self.group_of(party)
        if self.book(*party).days_late(self.now) > MOST_DAYS_OVERDUE:
            yield "open_transactions_overdue"
        elif group is not None and group.check_member_overdue:
            late = [self.book(*other).days_late(self.now) for other in self._others(party, group)]
            if max(late, default=0) > MOST_DAYS_OVERDUE:
                yield "open_transactions_overdue_linked"

    # what is kept

    def _reserve(self, party: Party, order: CheckedOrder, status: str) -> None:
        book = self.book(*party)
        book.status[party[0], order.order] = status
        book.reserve(
            Reservation(
                party[0], order.order, party[1], order.currency, order.total, order.version, status,
                order.created_at or self.now, self.now,
            )
        )  # fmt: skip

    def _note(self, party: Party, decision: Decision) -> None:
        self.history.setdefault("/".join(party), []).append(decision)
        self.said.append(("/".join(party), decision))


__all__ = ["LIMIT_USED_PERCENT", "MOST_DAYS_OVERDUE", "Decision", "Oracle"]
