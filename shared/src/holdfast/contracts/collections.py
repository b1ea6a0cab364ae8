"""Events of `collections.v1`: what collections-service decided."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from holdfast.contracts.base import BusinessDate, Currency, CustomerPayload, Id, Instant, Number, Positive, Text, event
from holdfast.contracts.topics import COLLECTIONS

PROMISE_EXAMPLE: dict[str, Any] = {
    "company": "DE01", "customer": "C-1001", "sequence": 9, "promise": "PR-000031", "promised_for": "2026-04-10",
    "amount": "1190.00", "currency": "EUR", "decided_at": "2026-04-12T06:00:00Z",
}  # fmt: skip
BLOCK_EXAMPLE: dict[str, Any] = {
    "company": "DE01", "customer": "C-1001", "sequence": 11, "request": "CASE-17",
    "requested_at": "2026-04-20T09:00:00Z", "requested_by": "kim", "reason": "handed to the agency",
}  # fmt: skip


class PromiseDecided(CustomerPayload):
    """What the events about a promise to pay share."""

    sequence: Number = Field(ge=1, description="grows by one with each event of this key on this topic")
    promise: Id
    promised_for: BusinessDate = Field(description="the date by which it was to be paid")
    amount: Positive = Field(description="what was promised, in `currency`")
    currency: Currency
    decided_at: Instant


@event("collections.promise.broken.v1", COLLECTIONS, example=PROMISE_EXAMPLE)
class PromiseBroken(PromiseDecided):
    """A promise to pay was not kept by its date."""


@event("collections.promise.kept.v1", COLLECTIONS, example=PROMISE_EXAMPLE)
class PromiseKept(PromiseDecided):
    """A promise to pay was kept, or a broken one has been made good."""


class BlockRequest(CustomerPayload):
    """What the requests to block or unblock a customer share.

    `request` names who asks: one may keep the customer blocked after another's has ended.
    """

    sequence: Number = Field(ge=1, description="grows by one with each event of this key on this topic")
    request: Id = Field(description="case or process that asks; its unblock request names it again")
    requested_at: Instant
    requested_by: Text
    reason: Text = ""


@event("collections.customer.block-requested.v1", COLLECTIONS, example={**BLOCK_EXAMPLE, "effect": "invoice"})
class CustomerBlockRequested(BlockRequest):
    """A customer's orders must stop, whatever the credit rules say, until the same request ends it."""

    effect: Literal["invoice", "all"] = Field(
        "all", description="invoice: no shipment, packing slip or invoice; all: no document of an order"
    )


@event("collections.customer.unblock-requested.v1", COLLECTIONS, example=BLOCK_EXAMPLE)
class CustomerUnblockRequested(BlockRequest):
    """A request to block a customer has ended."""


__all__ = [
    "BlockRequest", "CustomerBlockRequested", "CustomerUnblockRequested", "PromiseBroken", "PromiseDecided",
    "PromiseKept",
]  # fmt: skip
