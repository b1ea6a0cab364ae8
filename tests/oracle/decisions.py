"""The plain answer: what hold-service must decide when each event takes effect once and in order.

Slow, in memory, for one company in one currency; it stands on `receivables.reference` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from holdfast.contracts.base import Payload
from holdfast.contracts.credit import ProfileChanged
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.receivables.model import CheckedOrder, Reservation
from holdfast.receivables.reference import Ledger
from holdfast.receivables.reference_exposure import figures

FIRST = date(2026, 2, 28)
LIMIT_USED_PERCENT, MOST_DAYS_OVERDUE = 100, 25
Party = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of an order: `what` is cleared, held, released, cancelled, or cleared of one reason and still held.

    Exposure in company currency.
    """

    what: str
    order: str
    reasons: tuple[str, ...] = ()
    exposure: Decimal | None = None


@dataclass(slots=True)
class Hold:
    """An order that waits."""

    request: CheckpointRequested
    order: CheckedOrder
    reasons: tuple[str, ...]


class Book(Ledger):
    """The facts of one customer; what is open is worked out once after each change, not at each question."""

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[str, Decimal] | None = None

    def apply(self, payload: Payload) -> None:
        """Take in an event."""
        super().apply(payload)
        self._open = None

    def open_items(self, company: str, customer: str, as_of: date | None = None) -> dict[str, Decimal]:
        """Open amount by document number, now."""
        if self._open is None:
            self._open = super().open_items(company, customer)
        return self._open


@dataclass
class Oracle:
    """Facts, profiles and decisions of the customers; `history` is what was decided, by customer.

    Nothing here goes across customers, so each has a book of its own.
    """

    books: dict[Party, Book] = field(default_factory=dict)
    reference: list[Payload] = field(default_factory=list)
    limits: dict[Party, Decimal] = field(default_factory=dict)
    holds: dict[Party, list[Hold]] = field(default_factory=dict)
    answered: set[tuple[str, str]] = field(default_factory=set)
    history: dict[str, list[Decision]] = field(default_factory=dict)
    now: datetime = datetime(2026, 3, 2, 8, tzinfo=UTC)

    def set_clock(self, day: int, hour: int) -> None:
        """Business time goes on; days are counted from the last of February on."""
        self.now = datetime.combine(FIRST + timedelta(days=day), time(hour), UTC)

    def take(self, payload: Payload) -> None:
        """An event takes effect: a request is decided, all else is a fact."""
        if isinstance(payload, CheckpointRequested):
            self.check(payload)
        elif isinstance(payload, ProfileChanged):
            self.limits[payload.company, payload.customer] = payload.credit_limit
        elif hasattr(payload, "customer"):
            self.book(*payload.parties()[0]).apply(payload)
        else:
            self.reference.append(payload)
            for book in self.books.values():
                book.apply(payload)

    def book(self, company: str, customer: str) -> Book:
        """The facts of a customer."""
        party = company, customer
        if party not in self.books:
            self.books[party] = Book()
            for payload in self.reference:
                self.books[party].apply(payload)
        return self.books[party]

    def check(self, request: CheckpointRequested) -> None:
        """Decide a request; an attempt that was answered is not decided again."""
        if (request.order, request.attempt) in self.answered:
            return
        self.answered.add((request.order, request.attempt))
        party = request.company, request.customer
        order = CheckedOrder(
            request.order, request.order_version, request.currency, request.total, request.created_at or self.now
        )
        reasons, exposure = self._examine(party, order)
        held = next((hold for hold in self.holds.get(party, []) if hold.order.order == request.order), None)
        gone: list[str] = []
        if held is not None and reasons:
            gone, held.reasons = sorted(set(held.reasons) - set(reasons)), reasons
        elif reasons:
            held = Hold(request, order, reasons)
            self.holds.setdefault(party, []).append(held)
        self._note(
            party, Decision("held" if held else "cleared", request.order, held.reasons if held else (), exposure)
        )
        for reason in gone:
            self._note(party, Decision(f"cleared of {reason}", request.order, reasons))
        self._reserve(party, order, "held" if held else "passed")

    def recheck(self) -> None:
        """Decide what is held again, of each customer the oldest hold first."""
        for party, waiting in self.holds.items():
            for hold in list(waiting):
                self._recheck(party, hold)

    def release(self, party: Party, number: str) -> None:
        """A person lets a held order go on."""
        hold = next(hold for hold in self.holds[party] if hold.order.order == number)
        _, exposure = self._examine(party, hold.order)
        self._let_go(party, hold, exposure)

    def _recheck(self, party: Party, hold: Hold) -> None:
        book = self.book(*party)
        state, gone = (book.facts[kind].get((party[0], hold.order.order)) for kind in ("order", "order cancellation"))
        if gone is not None and gone.version >= max(hold.order.version, state.version if state else 0):
            self.holds[party].remove(hold)
            book.reservations.pop((party[0], hold.order.order), None)
            self._note(party, Decision("cancelled", hold.order.order))
            return
        reasons, exposure = self._examine(party, hold.order)
        if reasons:
            for gone in sorted(set(hold.reasons) - set(reasons)):
                self._note(party, Decision(f"cleared of {gone}", hold.order.order, reasons))
            hold.reasons = reasons
        else:
            self._let_go(party, hold, exposure)

    def _let_go(self, party: Party, hold: Hold, exposure: Decimal) -> None:
        self.holds[party].remove(hold)
        self._note(party, Decision("released", hold.order.order, (), exposure))
        self._reserve(party, hold.order, "released")

    def _examine(self, party: Party, order: CheckedOrder) -> tuple[tuple[str, ...], Decimal]:
        """Reasons to hold, and exposure with the order."""
        on = self.now.date()
        book = self.book(*party)
        f = figures(book, party, on, order)
        exposure = f.balance + f.delivered_not_invoiced + f.open_orders + f.reserved + f.this_order
        late = max((days for _, days in book.overdue(*party, on).values()), default=0)
        reasons = []
        if exposure > 0 and exposure > self.limits.get(party, Decimal(0)) * LIMIT_USED_PERCENT / 100:
            reasons.append("credit_exceeded")
        if late > MOST_DAYS_OVERDUE:
            reasons.append("open_transactions_overdue")
        return tuple(reasons), exposure

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
