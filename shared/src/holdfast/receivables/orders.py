"""Facts about sales orders and deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import asyncpg

from holdfast.bus.envelope import Incoming
from holdfast.contracts.erp_orders import DeliveryPosted, OrderCancelled, OrderChanged
from holdfast.database.work import Work
from holdfast.receivables.accounts import touched
from holdfast.receivables.documents import touch_orders
from holdfast.receivables.money import EXACT, ZERO, rounded, total
from holdfast.receivables.reservations import end_superseded
from holdfast.receivables.upserts import Fact, upsert

KEY = {"company": "text", "order_no": "text"}
ORDER = Fact(
    OrderChanged.event_type, "sales_order", KEY, "version",
    {"customer": "text", "currency": "text", "total": "numeric", "created_at": "timestamptz",
     "payment_terms": "text", "cash_discount": "text", "origin": "text", "excluded": "boolean",
     "requested_delivery_date": "date", "lines_delivered": "numeric"},
    former={"former_customer": "customer"},
    returning=("customer", "former_customer"),
)  # fmt: skip
CANCELLATION = Fact(
    OrderCancelled.event_type, "sales_order", KEY, "cancel_version", {"cancelled_at": "timestamptz"},
    returning=("customer",),
)  # fmt: skip
DELIVERY = Fact(
    DeliveryPosted.event_type, "delivery", {"company": "text", "delivery": "text"}, "version",
    {"order_no": "text", "customer": "text", "currency": "text", "amount": "numeric",
     "delivery_date": "date"},
    former={"former_order": "order_no"},
    returning=("order_no", "former_order"),
)  # fmt: skip
EXCLUDED_ORIGINS = frozenset({"intercompany", "commerce"})
"""Origins whose orders stand outside credit management unless the ERP says otherwise (spec 1.18)."""


async def apply_orders(work: Work, events: Sequence[Incoming[OrderChanged]]) -> None:
    """Keep the newest state of each order; reservations for it that are not newer end."""
    rows = [
        (
            p.company, p.order, p.version, p.customer, p.currency, p.total, p.created_at, p.payment_terms,
            p.cash_discount, p.origin, is_excluded(p), p.requested_delivery_date, delivered_by_lines(p),
        )
        for p in (event.payload for event in events)
    ]  # fmt: skip
    await _touch(work, await upsert(work, ORDER, rows))


async def apply_order_cancellations(work: Work, events: Sequence[Incoming[OrderCancelled]]) -> None:
    """Keep that an order is cancelled, until a state with a higher version comes."""
    rows = [(p.company, p.order, p.version, p.cancelled_at) for p in (event.payload for event in events)]
    await _touch(work, await upsert(work, CANCELLATION, rows))


async def apply_deliveries(work: Work, events: Sequence[Incoming[DeliveryPosted]]) -> None:
    """Keep the newest state of each packing slip."""
    rows = [
        (p.company, p.delivery, p.version, p.order, p.customer, p.currency, p.amount, p.delivery_date)
        for p in (event.payload for event in events)
    ]
    applied = await upsert(work, DELIVERY, rows)
    orders = {(row["company"], row[name]) for row in applied for name in ("order_no", "former_order")}
    await touch_orders(work, {(company, order) for company, order in orders if order})


async def _touch(work: Work, applied: Sequence[asyncpg.Record]) -> None:
    keys = [(row["company"], row["order_no"]) for row in applied]
    state = touched(work)
    state.orders.update(keys)
    state.buyers |= {(row["company"], row["former_customer"]) for row in applied if row.get("former_customer")}
    await end_superseded(work, keys)


def is_excluded(order: OrderChanged) -> bool:
    """Whether the order stands outside credit management: as the ERP says, else by its origin."""
    said = order.exclude_from_credit_management
    return order.origin in EXCLUDED_ORIGINS if said is None else said


def delivered_by_lines(order: OrderChanged) -> Decimal:
    """Value with tax of what the order's lines say is delivered, order currency, rounded once."""
    values = (
        EXACT.divide(EXACT.multiply(line.net_amount + line.tax_amount, line.delivered), line.ordered)
        for line in order.lines
        if line.ordered
    )
    return max(ZERO, rounded(total(values), order.currency))
