"""What an ERP sends in a benchmark, and how it gets onto the bus."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from holdfast.bus.connect import connect
from holdfast.bus.envelope import encode
from holdfast.bus.port import Outgoing
from holdfast.contracts import REGISTRY
from holdfast.platform.settings import BusSettings

AT_A_TIME = 2_000
SENT_AT = datetime(2026, 3, 2, tzinfo=UTC)


def event(event_type: str, event_id: str, **changes: Any) -> Outgoing:
    """The catalogue's example of an event type with changes, as it is sent."""
    cls = REGISTRY[event_type]
    payload = cls.model_validate_json(orjson.dumps({**cls.example, **changes}))
    return encode(id=event_id, source="/bench", type=event_type, time=SENT_AT, payload=payload)


def receivables(run: str, count: int, customers: Sequence[str]) -> list[Outgoing]:
    """Two invoices, then a payment of the first of them, and so on, each group for another customer."""
    found = []
    for n in range(count):
        group, place = divmod(n, 3)
        customer = customers[group % len(customers)]
        paid = f"INV-{run}-{group}-0"
        found.append(
            _payment(f"PAY-{run}-{group}", customer, paid)
            if place == 2
            else _invoice(f"INV-{run}-{group}-{place}", customer)
        )
    return found


def _invoice(number: str, customer: str) -> Outgoing:
    return event(
        "erp.invoice.posted.v1", number, company="DE01", customer=customer, document=number, amount="119.00",
        tax_amount="19.00", lines=[], order=None, document_date="2026-01-02", due_date="2026-02-01",
    )  # fmt: skip


def _payment(number: str, customer: str, paid: str) -> Outgoing:
    return event(
        "erp.payment.posted.v1", number, company="DE01", customer=customer, document=number, amount="119.00",
        document_date="2026-01-20", applications=[{"document": paid, "amount": "119.00"}],
    )  # fmt: skip


async def put(settings: BusSettings, records: Sequence[Outgoing]) -> None:
    """Put records on the bus."""
    producer = connect(settings).producer()
    await producer.start()
    for start in range(0, len(records), AT_A_TIME):
        await producer.send(records[start : start + AT_A_TIME])
    await producer.stop()
