"""Credit groups: one limit shared by customers of any company (spec 1.10). Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Group:
    """A credit group; `credit_limit` in `currency`. `owner_company` is whose approval workflow governs it."""

    name: str
    owner_company: str
    description: str
    currency: str
    credit_limit: Decimal
    expiry_date: date
    check_member_overdue: bool = False
    version: int = 0


def raises(before: Group | None, after: Group) -> bool:
    """Whether a change of the group lets its members owe more. A new group has no members yet."""
    return before is not None and (
        after.credit_limit > before.credit_limit
        or after.expiry_date > before.expiry_date
        or after.currency != before.currency
    )
