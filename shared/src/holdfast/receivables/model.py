"""What a customer owes and has ordered, and what of it counts when an order is checked (spec 2.1).

Plain values: a `Position` is read once per customer and check batch; the functions here decide in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from holdfast.receivables.money import EXACT, ZERO, rounded, total
from holdfast.receivables.rates import IDENTITY, Rate
from holdfast.receivables.sums import UNDATED, ByCurrency, Place, Sums, Waiting
from holdfast.values import quick

Party = tuple[str, str]
"""Company and customer (the invoice account)."""
PASSED = frozenset({"passed", "released"})


class Counted(StrEnum):
    """Which other orders count (`open_orders_counted`, spec 2.1)."""

    PASSED_AND_EARLIER = "passed_and_earlier"
    ALL = "all"
    PASSED_ONLY = "passed_only"


class LimitType(StrEnum):
    """What counts against a limit (`credit_limit_type`, spec 2.1)."""

    NONE = "none"
    BALANCE = "balance"
    BALANCE_AND_PACKING_SLIP = "balance_and_packing_slip"
    BALANCE_AND_ALL = "balance_and_all"


@quick
@dataclass(frozen=True, slots=True)
class Balance:
    """Open items of one currency, in that currency. Credits are negative; `balance` is the signed sum."""

    open_debits: Decimal = ZERO
    open_credits: Decimal = ZERO
    balance: Decimal = ZERO
    debit_count: int = 0
    credit_count: int = 0
    oldest_due_date: date | None = None


@quick
@dataclass(frozen=True, slots=True)
class OrderState:
    """A sales order as known; amounts in its currency. `version` 0: its state has not come yet.

    `invoiced_foreign`: what was invoiced of it in other currencies, by currency. `cancel_version`: of the newest
    cancellation that has come.
    """

    order: str
    customer: str | None = None
    currency: str | None = None
    total: Decimal = ZERO
    delivered: Decimal = ZERO
    invoiced: Decimal = ZERO
    invoiced_foreign: Mapping[str, Decimal] = field(default_factory=dict)
    version: int = 0
    created_at: datetime | None = None
    credit_status: str = "unchecked"
    cancel_version: int | None = None
    delivery_date: date | None = None

    def is_cancelled(self, version: int = 0) -> bool:
        """Whether it is cancelled, and has not been reopened by a state, or by a check of that version."""
        return self.cancel_version is not None and self.cancel_version >= max(self.version, version)

    def has_come(self, version: int) -> bool:
        """Whether its state or its cancellation, of that version or a newer one, is known."""
        known = max(self.version, self.cancel_version or 0)
        return known > 0 and known >= version


@quick
@dataclass(frozen=True, slots=True)
class Reservation:
    """What a check promised to an order of that version; ends when a state at least as new arrives.

    `amount`: the order's value in `currency`; what has been invoiced of it is taken off when it is counted.
    """

    company: str
    order: str
    customer: str
    currency: str
    amount: Decimal
    order_version: int
    status: str
    created_at: datetime
    reserved_at: datetime


@quick
@dataclass(frozen=True, slots=True)
class CheckedOrder:
    """The order of a check: its value `total` in `currency`, as of its `version` in the ERP."""

    order: str
    version: int
    currency: str
    total: Decimal
    created_at: datetime | None = None


@quick
@dataclass(frozen=True, slots=True)
class Position:
    """All figures of one customer that a check reads.

    `passed`: sums by currency of the passed open orders that are not listed. `orders`: every other open
    order, those that were asked for, those with a reservation or with invoices in another currency. Where the
    `places` of all checks are known, what waits between them and is not listed is added up in `waiting`, and `orders`
    and `reservations` are only those asked for and those of which rates tell what is open. `rates`
    convert into the company's `currency` at `check_date`; a currency without a rate is missing there. `onward`:
    rates from the company's currency into others. Orders to be delivered after `horizon` do not count as open.
    `overdue`: open debits past due at `check_date`, by currency. `kept`: by `many`.
    """

    company: str
    customer: str
    check_date: date
    currency: str | None = None
    live: bool = False
    customer_known: bool = False
    balances: Mapping[str, Balance] = field(default_factory=dict)
    overdue: Mapping[str, Decimal] = field(default_factory=dict)
    passed: Mapping[str, Sums] = field(default_factory=dict)
    orders: Mapping[str, OrderState] = field(default_factory=dict)
    reservations: Mapping[str, Reservation] = field(default_factory=dict)
    rates: Mapping[str, Rate] = field(default_factory=dict)
    onward: Mapping[str, Rate] = field(default_factory=dict)
    horizon: date | None = None
    waiting: Sequence[Waiting] = ()
    places: frozenset[Place] = frozenset()

    kept: list[Any] = field(default_factory=list, repr=False, compare=False)

    def currencies(self) -> set[str]:
        """Every currency that a conversion needs a rate for."""
        found = {*self.balances, *self.passed, *(waiting.currency for waiting in self.waiting)}
        for order in self.orders.values():
            found |= {order.currency, *order.invoiced_foreign} - {None}  # type: ignore[arg-type]
        found |= {reservation.currency for reservation in self.reservations.values()}
        return found - {self.currency} if self.currency else found

    def after(self, order: str, status: str, reservation: Reservation) -> Position:
        """The position after a decision: the order's new status and what is reserved for it.

        As it is stored: nothing for an order whose state or cancellation is at least as new, and of several checks
        what the one of the highest order version promised.
        """
        orders, reservations = dict(self.orders), dict(self.reservations)
        orders[order] = replace(orders.get(order, OrderState(order)), credit_status=status)
        known = reservations.get(order)
        is_newest = known is None or known.order_version <= reservation.order_version
        if is_newest and not orders[order].has_come(reservation.order_version):
            reservations[order] = reservation
        found = replace(self, orders=orders, reservations=reservations)
        for sums in self.kept:
            sums.move(self, found, order)
        return found


@quick
@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of an exposure in company currency, each rounded (spec 2.1), and the rates that lack.

    With `missing_rates` the amounts are incomplete and must not be decided on (spec 2.7).
    """

    currency: str
    balance: Decimal = ZERO
    delivered_not_invoiced: Decimal = ZERO
    open_orders: Decimal = ZERO
    reserved: Decimal = ZERO
    this_order: Decimal = ZERO
    missing_rates: frozenset[str] = frozenset()

    def exposure(self, limit_type: LimitType = LimitType.BALANCE_AND_ALL) -> Decimal:
        """E of spec 2.1. For `none` what a mandatory limit is tested with: B + Q."""
        counted = [self.balance, self.this_order]
        if limit_type in (LimitType.BALANCE_AND_PACKING_SLIP, LimitType.BALANCE_AND_ALL):
            counted.append(self.delivered_not_invoiced)
        if limit_type is LimitType.BALANCE_AND_ALL:
            counted += [self.open_orders, self.reserved]
        return total(counted)


class Converter:
    """Adds up amounts by currency and converts each sum once; notes the rates that lack."""

    def __init__(self, position: Position) -> None:
        self.currency = position.currency or ""
        self._rates = position.rates
        self.missing: set[str] = set()

    def exact(self, amount: Decimal, currency: str) -> Decimal:
        """`amount` in company currency, not rounded; 0 when the rate lacks and is noted as missing."""
        if currency == self.currency:
            return amount
        rate = self._rates.get(currency)
        if rate is not None:
            return rate.convert(amount)
        if amount:
            self.missing.add(currency)
        return ZERO

    def sum(self, amounts: Mapping[str, Decimal]) -> Decimal:
        """The amounts in company currency, each currency's sum rounded on its own."""
        if not self.currency or not amounts:
            return ZERO
        return total(rounded(self.exact(amount, code), self.currency) for code, amount in amounts.items())


def parts(
    position: Position, check: CheckedOrder | None = None, counted: Counted = Counted.PASSED_AND_EARLIER, *,
    beside: bool = False,
) -> Parts:  # fmt: skip
    """The parts of the exposure: for `check`, taken out of D and O; without one, of all orders that count.

    `beside`: the order checked is another customer's, and only says which orders came before it. A company that is
    not known has no currency: all amounts are 0 and `missing_rates` names what was found.
    """
    convert = Converter(position)
    delivered, ordered, reserved = ByCurrency(), ByCurrency(), ByCurrency()
    for code, sums in position.passed.items():
        delivered.put(code, sums.uninvoiced)
        ordered.put(code, sums.open_orders)
        reserved.put_some(code, sums.reserved)
    for waiting in position.waiting:
        delivered.put_some(waiting.currency, waiting.sums.uninvoiced)
        if waits_count(position, waiting, check, counted):
            ordered.put_some(waiting.currency, waiting.sums.open_orders)
            reserved.put_some(waiting.currency, waiting.sums.reserved)
    own = None if beside else check
    for order in _others(position, own):
        code, undelivered, uninvoiced = open_parts(order, convert)
        delivered.put(code, uninvoiced)
        if is_near(order, position) and counts(order.credit_status, order.created_at, order.order, check, counted):
            ordered.put(code, undelivered)
    for reservation in position.reservations.values():
        if (own is None or reservation.order != own.order) and counts(
            reservation.status, reservation.created_at, reservation.order, check, counted
        ):
            reserved.put(*beyond_state(reservation, position, convert))
    return composed(position, own, convert, delivered, ordered, reserved)


def composed(
    position: Position, own: CheckedOrder | None, convert: Converter,
    delivered: Mapping[str, Decimal], ordered: Mapping[str, Decimal], reserved: Mapping[str, Decimal],
) -> Parts:  # fmt: skip
    """The parts, of amounts that have been added up; `own`: the order that is checked, if it is this customer's."""
    found = Parts(
        convert.currency, convert.sum({code: b.balance for code, b in position.balances.items()}),
        convert.sum(delivered), convert.sum(ordered), convert.sum(reserved),
        this_order(position, own, convert) if own else ZERO,
    )  # fmt: skip
    unknown = position.currencies() if position.currency is None else set()
    return replace(found, missing_rates=frozenset(convert.missing | unknown))


def this_order(position: Position, check: CheckedOrder, convert: Converter | None = None) -> Decimal:
    """Q in company currency: the order's value less what has been invoiced of it, never below 0.

    A state older than the check: the larger value counts (engineering notes, 4.5, row 3). A cancelled order is worth
    nothing, unless the check is of a newer version.
    """
    convert = convert or Converter(position)
    if not convert.currency:
        return ZERO
    open_value = _value(position.orders.get(check.order), check, convert)
    return rounded(max(ZERO, open_value), convert.currency)


def open_value(position: Position, check: CheckedOrder) -> Decimal | None:
    """Q in the currency of the check, as a reservation keeps it; None when a rate lacks."""
    state = position.orders.get(check.order)
    if state is None or (not state.invoiced_foreign and state.currency in (None, check.currency)):
        value = max(check.total, _state_total(state)) if _older(state, check) else _state_total(state)
        return max(ZERO, value - (state.invoiced if state else ZERO))
    convert = Converter(position)
    amount = this_order(position, check, convert)
    rate = IDENTITY if check.currency == convert.currency else position.rates.get(check.currency)
    if rate is None or convert.missing:
        return None
    back = Rate(rate.value, inverse=not rate.inverse)
    return rounded(back.convert(amount), check.currency)


def _state_total(state: OrderState | None) -> Decimal:
    return ZERO if state is None or state.is_cancelled() else state.total


def _older(state: OrderState | None, check: CheckedOrder) -> bool:
    return state is None or not state.has_come(check.version)


def _value(state: OrderState | None, check: CheckedOrder, convert: Converter) -> Decimal:
    if state is None:
        return convert.exact(check.total, check.currency)
    known = convert.exact(_state_total(state), state.currency) if state.currency else ZERO
    value = max(known, convert.exact(check.total, check.currency)) if _older(state, check) else known
    return EXACT.subtract(value, _invoiced(state, convert))


def _invoiced(order: OrderState, convert: Converter) -> Decimal:
    own = convert.exact(order.invoiced, order.currency) if order.currency else ZERO
    return total([own, *(convert.exact(amount, code) for code, amount in order.invoiced_foreign.items())])


def _others(position: Position, check: CheckedOrder | None) -> Iterator[OrderState]:
    for order in position.orders.values():
        if order.customer == position.customer and (check is None or order.order != check.order):
            yield order


def is_near(order: OrderState, position: Position) -> bool:
    return position.horizon is None or order.delivery_date is None or order.delivery_date <= position.horizon


def open_parts(order: OrderState, convert: Converter) -> tuple[str, Decimal, Decimal]:
    """Currency, ordered but not delivered (O), delivered but not invoiced (D) of one order.

    Invoices in another currency are compared in company currency, unless nothing is open without them.
    """
    code, value, delivered, invoiced = order.currency or "", order.total, order.delivered, order.invoiced
    undelivered, uninvoiced = _parts_of(order, value, delivered, invoiced)
    if not order.invoiced_foreign or not (undelivered or uninvoiced):
        return code, undelivered, uninvoiced
    value, delivered = convert.exact(value, code), convert.exact(delivered, code)
    return convert.currency, *_parts_of(order, value, delivered, _invoiced(order, convert))


def _parts_of(order: OrderState, value: Decimal, delivered: Decimal, invoiced: Decimal) -> tuple[Decimal, Decimal]:
    undelivered = ZERO if order.is_cancelled() else max(ZERO, EXACT.subtract(value, max(delivered, invoiced)))
    return undelivered, max(ZERO, EXACT.subtract(delivered, invoiced))


def beyond_state(reservation: Reservation, position: Position, convert: Converter) -> tuple[str, Decimal]:
    """Currency and amount by which a reservation is larger than what is known of its order.

    What has been invoiced of the order counts in the balance, whether its state has come or not.
    """
    order = position.orders.get(reservation.order)
    if order is None:
        return reservation.currency, reservation.amount
    if order.has_come(reservation.order_version):
        return reservation.currency, ZERO
    code, known = reservation.currency, ZERO
    if order.version and order.customer == position.customer:
        code, undelivered, uninvoiced = open_parts(order, convert)
        known = EXACT.add(undelivered, uninvoiced)
    billed = {c: amount for c, amount in ((order.currency, order.invoiced), *order.invoiced_foreign.items()) if amount}
    if {code, *billed} == {reservation.currency}:
        return code, max(ZERO, EXACT.subtract(reservation.amount, EXACT.add(known, total(billed.values()))))
    promised = EXACT.subtract(convert.exact(reservation.amount, reservation.currency), _invoiced(order, convert))
    return convert.currency, max(ZERO, EXACT.subtract(promised, convert.exact(known, code)))


def counts(status: str, created_at: datetime | None, order: str, check: CheckedOrder | None, counted: Counted) -> bool:
    if check is None or counted is Counted.ALL or status in PASSED:
        return True
    if counted is Counted.PASSED_ONLY:
        return False
    return (created_at or UNDATED, order) < (check.created_at or UNDATED, check.order)


def waits_count(position: Position, waiting: Waiting, check: CheckedOrder | None, counted: Counted) -> bool:
    if check is not None and (check.created_at or UNDATED, check.order) not in position.places:
        raise LookupError(f"what waits beside order {check.order} was not read: its place was not asked for")
    return counts("held", *waiting.place, check, counted)


def days_overdue(position: Position) -> int:
    """Days from the oldest due date of an open debit to the check date; 0 if none is past due (spec 2.8)."""
    dates = [b.oldest_due_date for b in position.balances.values() if b.oldest_due_date is not None]
    return max(0, (position.check_date - min(dates)).days) if dates else 0


def overdue_amount(position: Position) -> tuple[Decimal, frozenset[str]]:
    """Open debits past due in company currency (spec 2.8), and the currencies whose rate lacks."""
    convert = Converter(position)
    return convert.sum(position.overdue), frozenset(convert.missing)
