"""Sales orders: placed, changed, cancelled, held back, delivered in one or two parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Literal

from holdfast.contracts.erp_orders import (
    Checkpoint,
    CheckpointRequested,
    DeliveryLine,
    DeliveryPosted,
    OrderCancelled,
    OrderChanged,
    OrderLine,
)  # fmt: skip
from holdfast.erp.generator.chance import pick, rounded
from holdfast.erp.generator.desk import NOON, Desk
from holdfast.erp.generator.ledger import Key
from holdfast.erp.generator.parties import EXCLUDED_GROUP, Customer

CANCELLED, CHANGED, IN_PARTS, STATE_AFTER_DELIVERY = 0.03, 0.1, 0.18, 0.3
TOLERATED_DAYS_OVERDUE = 25
PATIENCE_DAYS = 40
"""An order that had to wait this long is cancelled by the customer."""

Origin = Literal["sales", "intercompany", "commerce", "project"]


@dataclass(slots=True)
class Line:
    """A line of an order; `price` is of one unit, without tax, in the order's currency."""

    number: int
    quantity: int
    price: Decimal
    tax_percent: int
    delivered: int = 0

    def net(self, quantity: int, currency: str) -> Decimal:
        """Without tax."""
        return rounded(self.price * quantity, currency)

    def tax(self, quantity: int, currency: str) -> Decimal:
        """The tax on `net`."""
        return rounded(self.net(quantity, currency) * self.tax_percent / 100, currency)

    def gross(self, quantity: int, currency: str) -> Decimal:
        """With tax."""
        return self.net(quantity, currency) + self.tax(quantity, currency)


@dataclass(slots=True)
class Part:
    """What leaves the house at once: a quantity of each line, after `before` of it."""

    order: Order
    quantities: dict[int, int]
    before: dict[int, int]

    @property
    def amount(self) -> Decimal:
        """With tax, order currency."""
        return sum((self.gross(line) for line in self.lines), Decimal(0))

    @property
    def tax(self) -> Decimal:
        """The tax in `amount`."""
        return sum((self.tax_of(line) for line in self.lines), Decimal(0))

    @property
    def lines(self) -> list[Line]:
        """The lines it touches."""
        return [line for line in self.order.lines if self.quantities.get(line.number)]

    def gross(self, line: Line) -> Decimal:
        """One line's value with tax, order currency."""
        return self._difference(line, line.gross)

    def tax_of(self, line: Line) -> Decimal:
        """One line's tax."""
        return self._difference(line, line.tax)

    def _difference(self, line: Line, value: Callable[[int, str], Decimal]) -> Decimal:
        # What has gone out with this part less what had gone out before it: so the parts add up to the line.
        start, currency = self.before[line.number], self.order.customer.currency
        return value(start + self.quantities[line.number], currency) - value(start, currency)


@dataclass(slots=True)
class Order:
    """A sales order; its currency is the customer's."""

    customer: Customer
    number: str
    lines: list[Line]
    created_at: datetime
    origin: Origin
    wanted: date
    version: int = 0
    attempts: int = 0
    placed: date = date.min
    invoiced: Decimal = field(default_factory=Decimal)
    closed: bool = False

    @property
    def total(self) -> Decimal:
        """With tax, order currency."""
        currency = self.customer.currency
        return sum((line.gross(line.quantity, currency) for line in self.lines), Decimal(0))

    @property
    def open_value(self) -> Decimal:
        """What is not invoiced yet, order currency."""
        return max(Decimal(0), self.total - self.invoiced)

    def state(self) -> OrderChanged:
        """The next version of the order."""
        self.version += 1
        c = self.customer
        return OrderChanged(
            company=c.company.id, customer=c.id, order=self.number, version=self.version, currency=c.currency,
            total=self.total, created_at=self.created_at, payment_terms=c.terms.code, origin=self.origin,
            requested_delivery_date=self.wanted, sales_taker=f"seller-{len(c.name) % 4 + 1}",
            lines=tuple(self._line(line) for line in self.lines),
        )  # fmt: skip

    def _line(self, line: Line) -> OrderLine:
        currency = self.customer.currency
        return OrderLine(
            line=line.number, item=f"ITEM-{line.price.to_integral_value()}", ordered=Decimal(line.quantity),
            delivered=Decimal(line.delivered), net_amount=line.net(line.quantity, currency),
            tax_amount=line.tax(line.quantity, currency), delivery_date=self.wanted,
        )  # fmt: skip

    def request(self, checkpoint: Checkpoint) -> CheckpointRequested:
        """The next attempt to pass a checkpoint."""
        self.attempts += 1
        c = self.customer
        return CheckpointRequested(
            company=c.company.id, customer=c.id, order=self.number, order_version=self.version,
            checkpoint=checkpoint, attempt=f"{self.number}-{self.attempts}", currency=c.currency,
            total=self.total, created_at=self.created_at, payment_terms=c.terms.code, origin=self.origin,
        )  # fmt: skip


class OrderBook:
    """Places orders and sees them through; `bill` is called with each part that can be invoiced."""

    def __init__(self, desk: Desk, bill: Callable[[Part], None]) -> None:
        self._desk = desk
        self._bill = bill
        self._open: dict[Key, list[Order]] = defaultdict(list)
        self._waiting: list[Order] = []

    def place(self, customer: Customer) -> None:
        """A customer orders; the ERP asks for the confirmation."""
        order = draw_order(self._desk, customer)
        self._open[customer.key].append(order)
        self._tell(order)
        self._ask(order, Checkpoint.CONFIRMATION)
        if self._must_wait(order):
            self._waiting.append(order)
        else:
            self._go(order)

    def retry_waiting(self) -> None:
        """Orders go on for which there is room now; what waited too long is cancelled."""
        waiting, self._waiting = self._waiting, []
        for order in waiting:
            if (self._desk.today - order.placed).days > PATIENCE_DAYS:
                self._cancel(order)
            elif self._must_wait(order):
                self._waiting.append(order)
            else:
                self._go(order)

    def close(self, order: Order, part: Part) -> None:
        """A part was invoiced."""
        order.invoiced += part.amount
        if not order.open_value:
            self._remove(order)

    def _go(self, order: Order) -> None:
        rng, chance = self._desk.rng, self._desk.rng.random()
        lead = rng.randint(2, 10)
        if chance < CANCELLED:
            self._desk.at(rng.randint(1, lead), partial(self._cancel, order))
            return
        if chance < CANCELLED + CHANGED:
            self._desk.at(1, partial(self._change, order))
        for gap, quantities in split(order.lines, rng):
            self._desk.at(lead + gap, partial(self._pick, order, quantities))

    def _must_wait(self, order: Order) -> bool:
        """The ERP's own guess of what Holdfast will say: an ERP that heeds holds delivers nothing held."""
        customer = order.customer
        if customer.limit is None or customer.group == EXCLUDED_GROUP or order.origin == "intercompany":
            return False
        ledger, home = self._desk.ledger(customer.key), customer.company.currency
        if ledger.days_overdue(customer.key, self._desk.today) > TOLERATED_DAYS_OVERDUE:
            return True
        counted = [o for o in self._open[customer.key] if o is order or o not in self._waiting]
        ordered = sum((o.open_value for o in counted), Decimal(0))
        owed = ledger.owed(customer.key, lambda a, c: self._desk.convert(a, c, home))
        return owed + self._desk.convert(ordered, customer.currency, home) > customer.limit

    def _change(self, order: Order) -> None:
        if order.closed or any(line.delivered for line in order.lines):
            return
        line = pick(self._desk.rng, order.lines)
        line.quantity += self._desk.rng.randint(1, 3)
        self._tell(order)
        self._ask(order, Checkpoint.CONFIRMATION)

    def _cancel(self, order: Order) -> None:
        order.version += 1
        event = OrderCancelled(
            company=order.customer.company.id, customer=order.customer.id, order=order.number,
            version=order.version, cancelled_at=self._desk.moment(),
        )  # fmt: skip
        self._desk.post(order.customer.company, event)
        self._remove(order)

    def _pick(self, order: Order, quantities: dict[int, int] | None) -> None:
        delivered = {line.number: line.delivered for line in order.lines}
        part = Part(order, quantities or rest(order.lines), delivered)
        self._ask(order, Checkpoint.PACKING_SLIP)
        self._desk.at(1, partial(self._deliver, part))

    def _deliver(self, part: Part) -> None:
        order, customer = part.order, part.order.customer
        for line in part.lines:
            line.delivered += part.quantities[line.number]
        delivery = DeliveryPosted(
            company=customer.company.id, customer=customer.id, order=order.number, version=1,
            delivery=self._desk.number(customer.company, "PS"), currency=customer.currency,
            amount=part.amount, delivery_date=self._desk.today,
            lines=tuple(
                DeliveryLine(order_line=line.number, quantity=Decimal(part.quantities[line.number]),
                             amount=part.gross(line))
                for line in part.lines
            ),
        )  # fmt: skip
        self._desk.post(customer.company, delivery)
        if self._desk.rng.random() < STATE_AFTER_DELIVERY:
            self._tell(order)
        self._ask(order, Checkpoint.INVOICE)
        self._desk.at(1, partial(self._bill, part))

    def _tell(self, order: Order) -> None:
        self._desk.post(order.customer.company, order.state())

    def _ask(self, order: Order, checkpoint: Checkpoint) -> None:
        if checkpoint in order.customer.company.asks:
            self._desk.ask(order.customer.company, order.request(checkpoint))

    def _remove(self, order: Order) -> None:
        order.closed = True
        if order in self._open[order.customer.key]:
            self._open[order.customer.key].remove(order)


def draw_order(desk: Desk, customer: Customer) -> Order:
    """A new order of usual size for the customer."""
    rng, company = desk.rng, customer.company
    value = customer.size * rng.randint(45, 180) / 100
    count = rng.randint(1, 4)
    abroad = customer.currency != company.currency
    if abroad:
        value = value / desk.rates[customer.currency, company.currency]
    lines = [
        _line(number, value / count, 0 if abroad else company.tax_percent, customer.currency, rng)
        for number in range(1, count + 1)
    ]
    origin: Origin = "intercompany" if rng.random() < 0.015 else "sales"
    return Order(
        customer, desk.number(company, "SO"), lines, desk.moment(NOON).astimezone(UTC), origin,
        desk.today + timedelta(days=7), placed=desk.today,
    )  # fmt: skip


def _line(number: int, value: Decimal, tax_percent: int, currency: str, rng: Random) -> Line:
    quantity = rng.randint(1, 12)
    return Line(number, quantity, max(Decimal(1), rounded(value / quantity, currency)), tax_percent)


def split(lines: list[Line], rng: Random) -> list[tuple[int, dict[int, int] | None]]:
    """The parts of a delivery: days after the first, quantities by line; None is all that is left then."""
    first = {line.number: (line.quantity + 1) // 2 for line in lines}
    if rng.random() >= IN_PARTS or max(line.quantity for line in lines) < 2:
        return [(0, None)]
    return [(0, first), (rng.randint(4, 12), None)]


def rest(lines: list[Line]) -> dict[int, int]:
    """What is not delivered yet of each line."""
    return {line.number: line.quantity - line.delivered for line in lines}
