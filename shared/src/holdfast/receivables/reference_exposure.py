"""The plain-Python reference of a customer's exposure (spec 2.1), order by order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext

from holdfast.contracts import erp_orders as o
from holdfast.contracts.erp_reference import CompanyChanged
from holdfast.receivables.model import CheckedOrder, Counted, Reservation
from holdfast.receivables.reference import ZERO, Ledger, rounded_half_up


@dataclass(frozen=True, slots=True)
class Figures:
    """B, D, O, R and Q of spec 2.1 in company currency, and the currencies whose rate lacks."""

    balance: Decimal
    delivered_not_invoiced: Decimal
    open_orders: Decimal
    reserved: Decimal
    this_order: Decimal
    missing_rates: frozenset[str]


def figures(
    ledger: Ledger,
    party: tuple[str, str],
    on: date,
    check: CheckedOrder | None = None,
    counted: Counted = Counted.PASSED_AND_EARLIER,
    *,
    beside: bool = False,
    horizon: date | None = None,
) -> Figures:
    """The parts of a customer's exposure on a date, with or without an order that is checked.

    `beside`: the order is another customer's, and only says which orders came before it. `horizon`: what is to be
    delivered after that day does not count as open.
    """
    return _Exposure(ledger, *party, on, check, counted, beside, horizon).figures()


class _Exposure:
    """One exposure, worked out order by order."""

    def __init__(
        self, ledger: Ledger, company: str, customer: str, on: date, check: CheckedOrder | None, counted: Counted,
        beside: bool, horizon: date | None,
    ) -> None:  # fmt: skip
        self.ledger, self.customer, self.on = ledger, customer, on
        self.check, self.counted, self.horizon = check, counted, horizon
        self.own = None if beside else check
        self.company: CompanyChanged = ledger.facts["company"][(company,)]
        self.missing: set[str] = set()

    def figures(self) -> Figures:
        """All parts; each currency's sum is converted and rounded once."""
        delivered: dict[str, Decimal] = defaultdict(Decimal)
        ordered: dict[str, Decimal] = defaultdict(Decimal)
        reserved: dict[str, Decimal] = defaultdict(Decimal)
        for order in self._orders():
            currency, undelivered, uninvoiced = self._parts(order)
            delivered[currency] += uninvoiced
            status = self.ledger.status.get((order.company, order.order), "unchecked")
            if self._counts(status, order.created_at, order.order) and self._is_near(order):
                ordered[currency] += undelivered
        for reservation in self._reservations():
            currency, amount = self._beyond(reservation)
            reserved[currency] += amount
        return Figures(
            self._sum(self.ledger.balances(self.company.company, self.customer)),
            self._sum(delivered),
            self._sum(ordered),
            self._sum(reserved),
            self._this_order(),
            frozenset(self.missing),
        )

    def _is_near(self, order: o.OrderChanged) -> bool:
        day = order.requested_delivery_date
        return self.horizon is None or day is None or day <= self.horizon

    def _orders(self) -> Iterator[o.OrderChanged]:
        for order in self.ledger.facts["order"].values():
            mine = (order.company, order.customer) == (self.company.company, self.customer)
            if mine and (self.own is None or order.order != self.own.order):
                yield order

    def _reservations(self) -> Iterator[Reservation]:
        for found in self.ledger.reservations.values():
            mine = (found.company, found.customer) == (self.company.company, self.customer)
            other = mine and (self.own is None or found.order != self.own.order)
            counts = self._counts(found.status, found.created_at, found.order)
            if other and counts and not self._is_over(found):
                yield found

    def _is_over(self, reservation: Reservation) -> bool:
        key = reservation.company, reservation.order
        known = [self.ledger.facts[kind].get(key) for kind in ("order", "order cancellation")]
        return any(fact is not None and fact.version >= reservation.order_version for fact in known)

    def _beyond(self, reservation: Reservation) -> tuple[str, Decimal]:
        order = self.ledger.facts["order"].get((reservation.company, reservation.order))
        invoiced = self.ledger.invoiced(reservation.company, reservation.order)
        counted = {currency: amount for currency, amount in invoiced.items() if amount}
        if order is not None and order.customer == self.customer:
            currency, undelivered, uninvoiced = self._parts(order)
            counted[currency] = counted.get(currency, ZERO) + undelivered + uninvoiced
        if not set(counted) - {reservation.currency}:
            return reservation.currency, max(ZERO, reservation.amount - sum(counted.values(), ZERO))
        promised = self._convert(reservation.amount, reservation.currency)
        known = sum((self._convert(amount, currency) for currency, amount in counted.items()), ZERO)
        return self.company.currency, max(ZERO, promised - known)

    def _parts(self, order: o.OrderChanged) -> tuple[str, Decimal, Decimal]:
        """Currency, O and D of one order; in company currency when invoices in another one matter."""
        invoiced = self.ledger.invoiced(order.company, order.order)
        currency, total, delivered = order.currency, order.total, self.ledger.delivered(order)
        parts = self._open(order, total, delivered, invoiced.get(currency, ZERO))
        if not set(invoiced) - {currency} or not any(parts):
            return currency, *parts
        total, delivered = self._convert(total, currency), self._convert(delivered, currency)
        billed = sum((self._convert(amount, code) for code, amount in invoiced.items()), ZERO)
        return self.company.currency, *self._open(order, total, delivered, billed)

    def _open(
        self, order: o.OrderChanged, total: Decimal, delivered: Decimal, billed: Decimal
    ) -> tuple[Decimal, Decimal]:
        undelivered = ZERO if self.ledger.is_cancelled(order) else max(ZERO, total - max(delivered, billed))
        return undelivered, max(ZERO, delivered - billed)

    def _this_order(self) -> Decimal:
        if self.own is None:
            return ZERO
        key = self.company.company, self.own.order
        value = self._convert(self.own.total, self.own.currency)
        order, gone = (self.ledger.facts[kind].get(key) for kind in ("order", "order cancellation"))
        if gone is not None and gone.version >= self.own.version:
            value = ZERO
        if order is not None:
            known = ZERO if self.ledger.is_cancelled(order) else self._convert(order.total, order.currency)
            value = known if order.version >= self.own.version else max(known, value)
        invoiced = self.ledger.invoiced(self.company.company, self.own.order)
        value -= sum((self._convert(amount, code) for code, amount in invoiced.items()), ZERO)
        return max(ZERO, rounded_half_up(value, self.company.currency))

    def _counts(self, status: str, created_at: datetime, number: str) -> bool:
        if self.check is None or self.counted is Counted.ALL or status in ("passed", "released"):
            return True
        if self.counted is Counted.PASSED_ONLY:
            return False
        limit = self.check.created_at or datetime.max.replace(tzinfo=UTC)
        return (created_at, number) < (limit, self.check.order)

    def _convert(self, amount: Decimal, currency: str) -> Decimal:
        found = self.ledger.rate(self.company, currency, self.on)
        if found is None:
            self.missing |= {currency} if amount else set()
            return ZERO
        with localcontext(prec=60):
            return amount * found[0] / found[1]

    def _sum(self, amounts: dict[str, Decimal]) -> Decimal:
        converted = (rounded_half_up(self._convert(a, code), self.company.currency) for code, a in amounts.items())
        return sum(converted, ZERO)
