"""Events of `reminders.v1`: what reminder-service decided."""

from __future__ import annotations

from pydantic import Field

from holdfast.contracts.base import CustomerPayload, Id, Instant, Number, event
from holdfast.contracts.topics import REMINDERS


@event(
    "reminders.level.changed.v1",
    REMINDERS,
    example={"company": "DE01", "customer": "C-1001", "sequence": 5, "level": 2, "document": "REM-000042",
             "changed_at": "2026-04-14T06:00:00Z"},
)  # fmt: skip
class ReminderLevelChanged(CustomerPayload):
    """The highest reminder (dunning) level that a customer's open documents have reached; 0 is none."""

    sequence: Number = Field(ge=1, description="grows by one with each event of this key on this topic")
    level: int = Field(ge=0, le=99, description="highest level of the customer now")
    document: Id | None = Field(None, description="the reminder that changed it")
    changed_at: Instant


__all__ = ["ReminderLevelChanged"]
