"""Events of `credit.v1`: what credit-service decided."""

from __future__ import annotations

from pydantic import Field

from holdfast.contracts.base import BusinessDate, Currency, CustomerPayload, Instant, Positive, Text, event
from holdfast.contracts.topics import CREDIT


@event(
    "credit.profile.changed.v1",
    CREDIT,
    example={"company": "DE01", "customer": "C-1001", "sequence": 7, "version": 4, "currency": "EUR",
             "credit_limit": "10000.00", "credit_limit_expiry_date": None, "credit_limit_date": "2026-02-01",
             "mandatory_credit_limit": False, "unlimited_credit": False,
             "exclude_from_credit_management": False, "changed_at": "2026-02-01T08:00:00Z",
             "changed_by": "kim"},
)  # fmt: skip
class ProfileChanged(CustomerPayload):
    """The credit profile of a customer, its full state. A higher `version` replaces a lower one."""

    sequence: int = Field(ge=1, description="grows by one with each event of this key on this topic")
    version: int = Field(ge=1)
    currency: Currency = Field(description="company currency")
    credit_limit: Positive = Field(description="permanent limit, company currency; 0 means no credit")
    credit_limit_date: BusinessDate | None = None
    credit_limit_expiry_date: BusinessDate | None = None
    mandatory_credit_limit: bool = False
    unlimited_credit: bool = False
    exclude_from_credit_management: bool = False
    changed_at: Instant
    changed_by: Text
    reason: Text | None = None


__all__ = ["ProfileChanged"]
