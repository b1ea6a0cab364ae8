"""The history of what a customer or a credit group may owe (spec 1.12): limits, and switches that lift them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from credit_service.profiles.model import Profile

LIMIT, TEMPORARY, MEMBERSHIP = "credit_limit", "temporary_limit", "credit_group"
SWITCHES = ("mandatory_credit_limit", "unlimited_credit", "exclude_from_credit_management", "ignore_until_date")
"""Fields of a profile that decide whether its limit is tested at all."""


@dataclass(frozen=True, slots=True)
class Noted:
    """One change, of a customer or of a credit group that `company` owns; limits in company or group currency.

    `old_value` and `new_value` are those of a switch or of the membership.
    """

    company: str
    customer: str | None
    credit_group: str | None
    field: str
    source: str
    who: str
    why: str | None
    old_limit: Decimal | None = None
    new_limit: Decimal | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    old_value: str | None = None
    new_value: str | None = None


def of_profile(before: Profile, after: Profile, source: str, who: str, why: str | None) -> list[Noted]:
    """What a change of a profile adds to the customer's history."""
    found, own = [], (after.company, after.customer, None)
    if (before.credit_limit, before.credit_limit_expiry_date) != (after.credit_limit, after.credit_limit_expiry_date):
        former = before.credit_limit if before.version else None
        found.append(Noted(
            *own, LIMIT, source, who, why, former, after.credit_limit, after.credit_limit_date,
            after.credit_limit_expiry_date,
        ))  # fmt: skip
    for name in SWITCHES:
        was, now = _said(getattr(before, name)), _said(getattr(after, name))
        if was != now:
            found.append(Noted(*own, name, source, who, why, old_value=was, new_value=now))
    return found


def _said(value: bool | date | None) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else value.isoformat()
