"""The notice on the dead-letter topics: a service could not digest an event. The table in its database is the truth."""

from __future__ import annotations

from pydantic import Field

from holdfast.contracts.base import Payload, event
from holdfast.contracts.topics import CREDIT_DEAD_LETTERS, HOLD_DEAD_LETTERS


@event(
    "holdfast.dead-letter.parked.v1",
    HOLD_DEAD_LETTERS,
    CREDIT_DEAD_LETTERS,
    example={"dead_letter": 17, "sequence": 1, "from_topic": "erp.receivables.v1", "key": "DE01/C-1001",
             "ce_type": "erp.invoice.posted.v1", "ce_id": "e-4711", "field": "amount", "value": "much",
             "reason": "is not a decimal number", "remedy": "Send a newer version of the document with it."},
)  # fmt: skip
class DeadLetterParked(Payload):
    """An event could not be digested; it and the later ones of its key wait. `holdfast dead-letters show` tells all."""

    dead_letter: int = Field(ge=1, description="its number in the service's table")
    sequence: int = Field(ge=1, description="grows by one with each event of this key on this topic")
    from_topic: str = Field(description="where the event came from")
    key: str | None = Field(None, description="whose later events wait; absent when nobody's do")
    ce_type: str | None = Field(None, description="type and id of the event, as far as they could be read")
    ce_id: str | None = None
    field: str | None = Field(None, description="what is wrong, as a path into the body")
    value: str | None = Field(None, description="what stands there")
    reason: str = Field(description="why it could not be digested")
    remedy: str = Field(description="how to mend it")

    def partition_key(self) -> str:
        """The key that is parked; notices of events without one have none either."""
        return self.key or ""
