"""Credit profiles: what may be set, and what a change makes of a profile (spec 1.1, 1.17). Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from typing import Any

from holdfast.receivables.rates import IDENTITY, Rate

NEVER = date.max
BEYOND_EVERY_BAND = Decimal(10) ** 15
"""The resulting limit where no limit is tested, as approval bands measure it."""


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
    customer_currency: str | None = None
    credit_limit_customer_currency: Decimal | None = None
    credit_limit_date: date | None = None
    credit_limit_expiry_date: date | None = None
    mandatory_credit_limit: bool = False
    unlimited_credit: bool = False
    exclude_from_credit_management: bool = False
    ignore_until_date: date | None = None
    credit_management_group: str | None = None
    credit_rating: str | None = None
    account_status: str | None = None
    status_reason: str | None = None
    invoicing_delivery_on_hold: str = "no"
    eligible_credit_limit: Decimal = Decimal(0)
    eligible_credit_limit_currency: str | None = None
    eligible_credit_limit_date: date | None = None
    last_review_date: date | None = None
    next_review_date: date | None = None
    with_agency: bool = False
    title_held: bool = False
    business_started_date: date | None = None
    customer_since_date: date | None = None
    collection_group: str | None = None
    notes: str = ""


COLUMNS = tuple(field.name for field in fields(Profile))
RESTRICTIVE = ("credit_limit", "credit_limit_expiry_date", "mandatory_credit_limit", "unlimited_credit",
               "exclude_from_credit_management", "ignore_until_date")  # fmt: skip
"""What decides how much a customer may owe; an approval is asked on these."""
TOGETHER = (("credit_limit", "customer_currency", "credit_limit_customer_currency"),
            ("eligible_credit_limit", "eligible_credit_limit_currency"),
            ("account_status", "status_reason"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """The profile as somebody wants it: every field that may be set, by name; the limit in company currency."""

    values: dict[str, Any]


def changed(profile: Profile, change: Change, today: date) -> Profile:
    """The next version. Dates of the limit and of the eligible limit are the business date of their last change."""
    after = replace(profile, version=profile.version + 1, **change.values)
    if profile.version == 0 or after.credit_limit != profile.credit_limit:
        after = replace(after, credit_limit_date=today)
    if _eligible(after) != _eligible(profile):
        after = replace(after, eligible_credit_limit_date=today)
    return after


def loosens(before: Profile, after: Profile) -> bool:
    """Whether a field of the profile alone lets the customer owe more, or longer (spec 1.17): such a change passes
    approval, by whatever door, whether that field decides today or not."""
    return (
        after.credit_limit > before.credit_limit
        or (after.unlimited_credit and not before.unlimited_credit)
        or (after.exclude_from_credit_management and not before.exclude_from_credit_management)
        or (before.mandatory_credit_limit and not after.mandatory_credit_limit)
        or (after.credit_limit_expiry_date or NEVER) > (before.credit_limit_expiry_date or NEVER)
        or (after.ignore_until_date or date.min) > (before.ignore_until_date or date.min)
    )


def given_limit(profile: Profile) -> Decimal:
    """How much credit the profile alone gives, company currency."""
    beyond = profile.unlimited_credit or profile.exclude_from_credit_management
    return BEYOND_EVERY_BAND if beyond else profile.credit_limit


def restrictive(profile: Profile) -> dict[str, Any]:
    """What decides how much a customer may owe."""
    return {name: getattr(profile, name) for name in RESTRICTIVE}


def touched(profile: Profile, change: Change) -> dict[str, Any]:
    """What a change does to a profile: the fields that differ, by name. Fields that mean something only together are
    touched together."""
    found = {name for name, value in change.values.items() if value != getattr(profile, name)}
    for together in TOGETHER:
        if found & set(together):
            found |= set(together) & set(change.values)
    return {name: value for name, value in change.values.items() if name in found}


def _eligible(profile: Profile) -> tuple[Decimal, str]:
    return profile.eligible_credit_limit, profile.eligible_credit_limit_currency or profile.currency


def above_eligible(before: Profile, after: Profile, rates: Mapping[str, Rate]) -> bool | None:
    """Whether a new limit is more than the reviewer is ready to grant; 0 means that nobody has said (spec 2.11).

    `rates` are into company currency by currency; None: the eligible limit cannot be compared, its rate lacks.
    """
    amount, currency = _eligible(after)
    if amount <= 0 or after.credit_limit == before.credit_limit or after.credit_limit == 0:
        return False
    rate = IDENTITY if currency == after.currency else rates.get(currency)
    return None if rate is None else rate.convert(amount) < after.credit_limit


def needs_identification(limit: Decimal, require: str, from_limit: Decimal | None) -> bool:
    """Whether a limit of so much, company currency, is for customers with a government id only (spec 1.20)."""
    if limit <= 0 or require == "no":
        return False
    return require == "yes" or limit >= (from_limit or 0)
