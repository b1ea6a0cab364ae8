"""Credit profiles: what may be set, and what a change makes of a profile (spec 1.1). Plain values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Profile:
    """How much credit a customer has. `credit_limit` in company `currency`; 0 means no credit.

    `version` 0 is a customer whose profile was never set: no credit.
    """

    company: str
    customer: str
    currency: str
    version: int = 0
    credit_limit: Decimal = Decimal(0)
    credit_limit_date: date | None = None
    credit_limit_expiry_date: date | None = None
    mandatory_credit_limit: bool = False
    unlimited_credit: bool = False
    exclude_from_credit_management: bool = False

    @property
    def limit(self) -> Decimal | None:
        """The limit that orders are tested against; None when unlimited."""
        return None if self.unlimited_credit else self.credit_limit


@dataclass(frozen=True, slots=True)
class Change:
    """The profile as somebody wants it; the limit in company currency."""

    credit_limit: Decimal
    credit_limit_expiry_date: date | None = None
    mandatory_credit_limit: bool = False
    unlimited_credit: bool = False
    exclude_from_credit_management: bool = False


def changed(profile: Profile, change: Change, today: date) -> Profile:
    """The next version. `credit_limit_date` is the business date of every change of the limit (spec 1.1)."""
    new_limit = profile.version == 0 or change.credit_limit != profile.credit_limit
    return replace(
        profile,
        version=profile.version + 1,
        credit_limit=change.credit_limit,
        credit_limit_date=today if new_limit else profile.credit_limit_date,
        credit_limit_expiry_date=change.credit_limit_expiry_date,
        mandatory_credit_limit=change.mandatory_credit_limit,
        unlimited_credit=change.unlimited_credit,
        exclude_from_credit_management=change.exclude_from_credit_management,
    )


def used_percent(exposure: Decimal, limit: Decimal | None) -> Decimal | None:
    """100 x exposure / limit, two decimals; None when unlimited or without a limit (spec 2.5)."""
    return (100 * exposure / limit).quantize(Decimal("0.01")) if limit else None


def available(exposure: Decimal, limit: Decimal | None) -> Decimal | None:
    """Limit less exposure; negative when it is exceeded, None when unlimited."""
    return None if limit is None else limit - exposure
