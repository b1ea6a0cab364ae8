"""The facts of one customer; what is open and billed is worked out once after each change, not at each question."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from holdfast.contracts.base import Payload
from holdfast.contracts.erp_reference import CompanyChanged
from holdfast.receivables.model import CheckedOrder, Counted, Reservation
from holdfast.receivables.reference import Ledger, rounded_half_up
from holdfast.receivables.reference_exposure import Figures, figures

Party = tuple[str, str]


class Book(Ledger):
    """What a customer of one company owes and has ordered, in the currency of the company."""

    def __init__(self, party: Party) -> None:
        super().__init__()
        self.party = party
        self._open: dict[str, Decimal] | None = None
        self._billed: dict[str, dict[str, Decimal]] = {}

    def apply(self, payload: Payload) -> None:
        """Take in an event."""
        super().apply(payload)
        self._open, self._billed = None, {}

    def open_items(self, company: str, customer: str, as_of: date | None = None) -> dict[str, Decimal]:
        """Open amount by document number, now."""
        if self._open is None:
            self._open = super().open_items(company, customer)
        return self._open

    def invoiced(self, company: str, order: str) -> dict[str, Decimal]:
        """What is billed of an order, by currency."""
        if order not in self._billed:
            self._billed[order] = super().invoiced(company, order)
        return self._billed[order]

    @property
    def company(self) -> CompanyChanged | None:
        """The company, if it is known."""
        found: CompanyChanged | None = self.facts["company"].get((self.party[0],))
        return found

    def today(self, now: datetime) -> date:
        """The business date of the company."""
        return now.astimezone(ZoneInfo(self.company.time_zone) if self.company else UTC).date()

    def exposure(self, now: datetime, order: CheckedOrder, *, beside: bool = False) -> tuple[Decimal, frozenset[str]]:
        """All parts with the order, or beside the order of another customer; and the currencies whose rate lacks."""
        found = figures(self, self.party, self.today(now), order, beside=beside)
        return _sum(found), found.missing_rates

    def passed(self, now: datetime) -> Decimal:
        """What has passed so far, and what is owed: the orders that wait are left out."""
        nobody = CheckedOrder("", 0, "EUR", Decimal(0), datetime.min.replace(tzinfo=UTC))
        return _sum(figures(self, self.party, self.today(now), nobody, Counted.PASSED_ONLY, beside=True))

    def into(self, amount: Decimal, currency: str, now: datetime) -> Decimal | None:
        """An amount of company currency in another one; None when the rate lacks."""
        company, on = self.company, self.today(now)
        if company is None or company.currency == currency:
            return amount
        direct = self._newest_rate(company.exchange_rate_type, company.currency, currency, on)
        if direct is not None:
            return rounded_half_up(amount * direct, currency)
        inverse = self._newest_rate(company.exchange_rate_type, currency, company.currency, on)
        return None if inverse is None else rounded_half_up(amount / inverse, currency)

    def days_late(self, now: datetime) -> int:
        """Of the oldest invoice that is open."""
        return max((days for _, days in self.overdue(*self.party, self.today(now)).values()), default=0)

    def promised(self) -> dict[str, Reservation]:
        """The reservations that stand, by order: no state or cancellation as new has come."""
        return {order: r for (_, order), r in self.reservations.items() if not self.has_come(order, r.order_version)}

    def has_come(self, order: str, version: int) -> bool:
        """Whether a state or a cancellation of an order at least as new is known."""
        known = [self.facts[kind].get((self.party[0], order)) for kind in ("order", "order cancellation")]
        return any(fact is not None and fact.version >= version for fact in known)

    def is_cancelled_for(self, order: str, version: int) -> bool:
        """Whether an order is cancelled, and no state of it or hold of that version is newer."""
        state, gone = (self.facts[kind].get((self.party[0], order)) for kind in ("order", "order cancellation"))
        return gone is not None and gone.version >= max(version, state.version if state else 0)


def _sum(found: Figures) -> Decimal:
    return (
        found.balance + found.delivered_not_invoiced + found.open_orders + found.reserved + found.this_order
    )  # fmt: skip
