"""Events of `erp.orders.v1`: sales orders, their deliveries, and requests to pass a checkpoint."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, model_validator

from holdfast.contracts.base import (
    Amount,
    BusinessDate,
    Code,
    Currency,
    CustomerPayload,
    FreeForm,
    Id,
    Instant,
    Number,
    Part,
    Positive,
    Text,
    Version,
    check_minor_units,
    event,
)  # fmt: skip
from holdfast.contracts.refusals import refused
from holdfast.contracts.topics import ERP_ORDERS


class Checkpoint(StrEnum):
    """Document step of a sales order at which credit is checked (spec 1.15)."""

    CONFIRMATION = "confirmation"
    PICKING_LIST = "picking_list"
    PACKING_SLIP = "packing_slip"
    INVOICE = "invoice"
    WAREHOUSE_SHIPMENT = "warehouse_shipment"


class OrderLine(Part):
    """A line of a sales order; quantities in the line's unit, amounts in the order's currency."""

    line: Number = Field(ge=1)
    item: Id | None = None
    description: Text = ""
    ordered: Positive = Field(description="quantity ordered")
    reserved: Positive = Field(Decimal(0), description="quantity reserved in stock")
    delivered: Positive = Field(Decimal(0), description="quantity delivered so far")
    invoiced: Positive = Field(Decimal(0), description="quantity invoiced so far; for reconciliation")
    cancelled: Positive = Field(Decimal(0), description="quantity cancelled")
    net_amount: Amount = Field(description="amount of the ordered quantity without tax, order currency")
    tax_amount: Amount = Field(Decimal(0), description="tax on net_amount, order currency")
    delivery_date: BusinessDate | None = None


ORDER_EXAMPLE: dict[str, Any] = {
    "company": "DE01", "customer": "C-1001", "order": "SO-771", "version": 1, "currency": "EUR",
    "total": "1190.00", "charges": "0.00", "created_at": "2026-02-20T09:15:00Z", "payment_terms": "N30",
    "origin": "sales", "requested_delivery_date": "2026-03-01", "sales_taker": "anna",
    "sales_responsible": "ben",
    "lines": [{"line": 1, "item": "A-1", "ordered": "10", "net_amount": "1000.00", "tax_amount": "190.00"}],
}  # fmt: skip


@event("erp.order.changed.v1", ERP_ORDERS, example=ORDER_EXAMPLE)
class OrderChanged(CustomerPayload):
    """A sales order was created or changed; carries its full state.

    `total` is what the order is worth with tax and charges, without cancelled quantities, in `currency`.
    """

    order: Id
    version: Version
    currency: Currency
    total: Positive = Field(description="with tax and charges, without cancelled quantities, order currency")
    charges: Amount = Field(Decimal(0), description="charges with tax contained in total, order currency")
    created_at: Instant
    sold_to: Id | None = Field(None, description="ordering account when it is not the invoice account")
    payment_terms: Code | None = None
    cash_discount: Code | None = None
    origin: Literal["sales", "intercompany", "commerce", "project"] = "sales"
    requested_delivery_date: BusinessDate | None = None
    sales_deadline: BusinessDate | None = Field(None, description="last day on which the order may be decided on")
    sales_taker: Id | None = None
    sales_responsible: Id | None = None
    sales_pool: Code | None = None
    freight_zone: Code | None = None
    load: Id | None = None
    exclude_from_credit_management: bool | None = Field(
        None, description="null: by origin (intercompany and Commerce orders are excluded)"
    )
    lines: tuple[OrderLine, ...] = ()

    @model_validator(mode="after")
    def _possible(self) -> OrderChanged:
        check_minor_units(self.currency, self, "total", "charges")
        for index, line in enumerate(self.lines):
            check_minor_units(self.currency, line, "net_amount", "tax_amount", at=f"lines.{index}.")
        if len({line.line for line in self.lines}) < len(self.lines):
            raise refused("two lines have the same number", "Number each line of the order once.", "lines.line")
        return self


@event(
    "erp.order.cancelled.v1",
    ERP_ORDERS,
    example={"company": "DE01", "customer": "C-1001", "order": "SO-771", "version": 5,
             "cancelled_at": "2026-03-03T10:00:00Z"},
)  # fmt: skip
class OrderCancelled(CustomerPayload):
    """A sales order was cancelled: what is not delivered of it counts no longer."""

    order: Id
    version: Version
    cancelled_at: Instant
    reason: Text | None = None


class DeliveryLine(Part):
    """Quantity of an order line on a packing slip, with its value in the order's currency."""

    order_line: Number = Field(ge=1)
    quantity: Amount = Field(description="in the unit of the order line; negative for a return")
    amount: Amount = Field(description="value of the quantity with tax, order currency; negative: a return")


@event(
    "erp.delivery.posted.v1",
    ERP_ORDERS,
    example={"company": "DE01", "customer": "C-1001", "delivery": "PS-310", "order": "SO-771", "version": 1,
             "currency": "EUR", "amount": "1190.00", "delivery_date": "2026-03-01",
             "lines": [{"order_line": 1, "quantity": "10", "amount": "1190.00"}]},
)  # fmt: skip
class DeliveryPosted(CustomerPayload):
    """A packing slip: goods left the house. A correction is a higher version of the same delivery."""

    delivery: Id
    order: Id
    version: Version
    currency: Currency = Field(description="the order's currency")
    amount: Amount = Field(description="value with tax, order currency; 0 for a cancelled packing slip")
    delivery_date: BusinessDate
    lines: tuple[DeliveryLine, ...] = ()

    @model_validator(mode="after")
    def _possible(self) -> DeliveryPosted:
        check_minor_units(self.currency, self, "amount")
        for index, line in enumerate(self.lines):
            check_minor_units(self.currency, line, "amount", at=f"lines.{index}.")
        return self


@event(
    "erp.order.checkpoint-requested.v1",
    ERP_ORDERS,
    example={"company": "DE01", "customer": "C-1001", "order": "SO-771", "order_version": 1,
             "checkpoint": "confirmation", "attempt": "SO-771-conf-1", "currency": "EUR", "total": "1190.00",
             "created_at": "2026-02-20T09:15:00Z", "payment_terms": "N30"},
)  # fmt: skip
class CheckpointRequested(CustomerPayload):
    """The ERP asks whether an order may pass a checkpoint. Answered by `hold.order.cleared` or `.held`."""

    order: Id
    order_version: Version = Field(description="version of the order that total was taken from")
    checkpoint: Checkpoint
    attempt: Id = Field(description="identifies this attempt; the same attempt is answered once")
    currency: Currency
    total: Positive = Field(description="order value as in erp.order.changed.v1, order currency")
    created_at: Instant | None = Field(None, description="when the order was created; now when absent")
    proforma: bool = False
    payment_terms: Code | None = None
    cash_discount: Code | None = None
    origin: Literal["sales", "intercompany", "commerce", "project"] = "sales"
    exclude_from_credit_management: bool | None = None
    change: Literal["post", "cancel", "reduce"] = Field(
        "post", description="post the document; cancel a posted packing slip; reduce: correct one downwards"
    )
    reserved_total: Positive | None = Field(
        None, description="value of what is reserved in stock, order currency; tested alone if the company wants it"
    )
    document_total: Positive | None = Field(
        None, description="value of the document with tax and charges where it is a part of the order, order currency; "
        "after a release of lines it goes through once when they come to as much",
    )  # fmt: skip
    posting_request: FreeForm | None = Field(
        None, description="posting parameters the ERP wants back when the order is released with posting"
    )

    @model_validator(mode="after")
    def _possible(self) -> CheckpointRequested:
        check_minor_units(self.currency, self, "total", "reserved_total", "document_total")
        return self


__all__ = [
    "Checkpoint", "CheckpointRequested", "DeliveryLine", "DeliveryPosted", "OrderCancelled", "OrderChanged",
    "OrderLine",
]  # fmt: skip
