"""A seeded stream of what an ERP says, in rounds: receivables first, then orders and requests."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from holdfast.bus.envelope import encode
from holdfast.bus.port import Outgoing
from holdfast.contracts import REGISTRY
from holdfast.contracts.base import Payload

COMPANY, FIRST_DAY = "DE01", 2
SENT_AT = datetime(2026, 3, 2, tzinfo=UTC)


def event(event_type: str, customer: str = "C-1", **changes: Any) -> Any:
    """The catalogue's example of an event type, about a customer of DE01, with changes."""
    cls = REGISTRY[event_type]
    fields = {**cls.example, **changes}
    if "customer" in cls.model_fields:
        fields["customer"] = customer
    return cls.model_validate_json(orjson.dumps(fields))


def profile(customer: str, limit: str, version: int = 1) -> Any:
    """A credit limit."""
    return event("credit.profile.changed.v1", customer, credit_limit=limit, version=version, sequence=version)


def order(customer: str, number: str, total: str, version: int = 1, **changes: Any) -> Any:
    """The state of an order."""
    fields = {"lines": [], "charges": "0", "created_at": created(number)} | changes
    return event("erp.order.changed.v1", customer, order=number, total=total, version=version, **fields)


def request(customer: str, number: str, total: str, version: int = 1, **changes: Any) -> Any:
    """A checkpoint request."""
    fields = {"attempt": f"{number}-1", "created_at": created(number), "order_version": version} | changes
    return event("erp.order.checkpoint-requested.v1", customer, order=number, total=total, **fields)


def invoice(customer: str, number: str, amount: str, due: str = "2026-04-01", **changes: Any) -> Any:
    """An invoice."""
    fields = {"tax_amount": "0", "lines": [], "order": None, "document_date": "2026-01-02"} | changes
    return event("erp.invoice.posted.v1", customer, document=number, amount=amount, due_date=due, **fields)


def payment(customer: str, number: str, amount: str, *paid: tuple[str, str], **changes: Any) -> Any:
    """A payment with what it settles."""
    applied = [{"document": document, "amount": part} for document, part in paid]
    return event("erp.payment.posted.v1", customer, document=number, amount=amount, applications=applied, **changes)


def created(number: str) -> str:
    """When an order was created: orders are numbered in that order."""
    digits = int("".join(c for c in number if c.isdigit()) or 0) % 2_000_000
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=digits)).isoformat().replace("+00:00", "Z")


def sent(payload: Payload, event_id: str, source: str = "/erp") -> Outgoing:
    """An event as the ERP sends it."""
    return encode(id=event_id, source=source, type=payload.event_type, time=SENT_AT, payload=payload)


def master_data(customers: Sequence[str], limit: str = "1000") -> list[Payload]:
    """A live company and customers with a limit."""
    masters = [event("erp.customer.changed.v1", customer) for customer in customers]
    limits = [profile(customer, limit) for customer in customers]
    return [event("erp.company.changed.v1"), event("erp.company.went-live.v1"), *masters, *limits]


@dataclass
class Round:
    """A simulated day: `facts` take effect before `orders`, whose requests see them all."""

    facts: list[Any] = field(default_factory=list)
    orders: list[Any] = field(default_factory=list)


class Trade:
    """Invents rounds from a seed."""

    def __init__(self, seed: int, customers: int = 30) -> None:
        self._chance = random.Random(seed)
        self._number = 0
        self.customers = [f"C-{n}" for n in range(customers)]
        self._invoices: list[tuple[str, str, Decimal]] = []
        self._orders: list[tuple[str, str, Decimal, int]] = []

    def rounds(self, count: int, events: int) -> Iterator[Round]:
        """`count` rounds of about so many events each."""
        for _ in range(count):
            found = Round()
            while len(found.facts) < events // 3:
                found.facts += self._receivables()
            while len(found.orders) < events - events // 3:
                found.orders += self._ordering()
            yield found

    def _next(self, kind: str) -> str:
        self._number += 1
        return f"{kind}-{self._number:06d}"

    def _amount(self) -> Decimal:
        return Decimal(self._chance.randrange(1_000, 30_000)) / 100

    def _receivables(self) -> list[Any]:
        draw, customer = self._chance.random(), self._chance.choice(self.customers)
        if draw < 0.5 or not self._invoices:
            return [self._invoice(customer)]
        at = self._chance.randrange(len(self._invoices))
        customer, number, open_amount = self._invoices.pop(at)
        if draw < 0.6:
            fields = {"document": number, "version": 2, "cancellation_date": "2026-03-02"}
            return [event("erp.document.cancelled.v1", customer, **fields)]
        paid = open_amount if draw < 0.9 else (open_amount / 2).quantize(Decimal("0.01"))
        return [payment(customer, self._next("PAY"), str(paid), (number, str(paid)), document_date="2026-03-02")]

    def _invoice(self, customer: str) -> Any:
        number, amount = self._next("INV"), self._amount()
        self._invoices.append((customer, number, amount))
        due = date(2026, 3, 1) + timedelta(days=self._chance.randrange(-30, 40))
        mine = [found for found in self._orders if found[0] == customer]
        of_order = mine[-1][1] if mine and self._chance.random() < 0.4 else None
        return invoice(customer, number, str(amount), due.isoformat(), order=of_order)

    def _ordering(self) -> list[Any]:
        draw, customer = self._chance.random(), self._chance.choice(self.customers)
        if draw < 0.6 or not self._orders:
            return self._order(customer)
        customer, number, total, version = self._orders.pop(self._chance.randrange(len(self._orders)))
        if draw < 0.7:
            at = "2026-03-03T10:00:00Z"
            return [event("erp.order.cancelled.v1", customer, order=number, version=version + 1, cancelled_at=at)]
        if draw < 0.85:
            changed = self._amount()
            self._orders.append((customer, number, changed, version + 1))
            return [order(customer, number, str(changed), version + 1)]
        fields = {"delivery": self._next("PS"), "order": number, "amount": str(total), "lines": []}
        return [event("erp.delivery.posted.v1", customer, **fields)]

    def _order(self, customer: str) -> list[Any]:
        number, total = self._next("SO"), self._amount()
        self._orders.append((customer, number, total, 1))
        state, asked = order(customer, number, str(total)), request(customer, number, str(total))
        draw = self._chance.random()
        return [state, asked] if draw < 0.5 else [asked, state] if draw < 0.7 else [asked] if draw < 0.8 else [state]
