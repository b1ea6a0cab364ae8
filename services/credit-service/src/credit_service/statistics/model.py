"""Statistics of a customer (spec 2.13): windows, and each figure in plain Python as the reference of the SQL."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from credit_service.profiles.model import Profile
from holdfast.receivables.limits import (
    Level,
    LimitTest,
    Policy,
    PolicyMode,
    Temporary,
    governing,
    own_limit,
    shared_limit,
)  # fmt: skip
from holdfast.receivables.model import Converter, Position
from holdfast.receivables.money import EXACT, HUNDREDTH, ZERO, minor_unit, rounded, total
from holdfast.receivables.rates import Rate

SALES = ("invoice", "free_text")
"""Kinds of documents that are credit sales; opening balances, interest and fees are none."""
TEN_DECIMALS = Decimal("1e-10")
RISK_MONTHS = 12
"""Risk scores read DSO and average balance of this window (spec 2.9)."""


class StatisticsParameters(BaseModel):
    """Windows in months before the date of the statistics, and what is kept (spec 1.20)."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"dso_2": 3}]})

    dso_1: int = Field(12, ge=1, le=120, description="window of the first DSO, months")
    dso_2: int = Field(6, ge=1, le=120, description="window of the second DSO, months")
    average_balance_1: int = Field(12, ge=1, le=120, description="window of the first average balance, months")
    average_balance_2: int = Field(6, ge=1, le=120, description="window of the second average balance, months")
    average_credit_limit_pct: int = Field(
        12, ge=1, le=120, description="window of the average balance in percent of the limit, months"
    )
    average_exposure_pct: int = Field(
        12, ge=1, le=120, description="window of the average exposure in percent of the limit, months"
    )
    statistics_for_zero_balance_customers: bool = Field(
        False, description="on: a row a day also for those who neither owe nor have ordered"
    )
    keep_months: int = Field(12, ge=1, le=240, description="the recurring deletion keeps so many months of daily rows")

    @model_validator(mode="after")
    def _keeps_enough(self) -> StatisticsParameters:
        if self.keep_months < self.longest:
            raise ValueError(f"keep_months: {self.keep_months} cuts into the window of {self.longest} months")
        return self

    @property
    def longest(self) -> int:
        """Months of the longest window."""
        return max(
            self.dso_1, self.dso_2, self.average_balance_1, self.average_balance_2, self.average_credit_limit_pct,
            self.average_exposure_pct,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Own:
    """What a customer's own limit is made from; without a profile the permanent limit is 0."""

    profile: Profile | None
    temporary: Sequence[Temporary]
    policies: Sequence[Policy]


@dataclass(frozen=True, slots=True)
class Shared:
    """The limit of a credit group, in its `currency`."""

    currency: str
    permanent: Decimal
    temporary: Sequence[Temporary]


@dataclass(frozen=True, slots=True)
class Limits:
    """A customer's limits on a date, in company currency.

    `governing`: the tightest of those that orders are tested against (spec 2.4); None: unlimited, or a rate lacks.
    `exposure_value`: the own limit without flagged policies, which the credit team sees (spec 2.3); None as above.
    """

    governing: Decimal | None
    exposure_value: Decimal | None
    missing_rates: frozenset[str] = frozenset()


def limits_of(
    own: Own, shared: Shared | None, mode: PolicyMode, currency: str, rates: Mapping[str, Rate], on: date
) -> Limits:
    """Which limit governs on a date (spec 2.2-2.4), in the company's `currency`; `rates` are into it.

    `shared` None: the customer is in no group, or the company does not check groups.
    """
    profile = own.profile
    if profile is not None and profile.unlimited_credit:
        return Limits(None, None)
    convert = Converter(Position("", "", on, currency, rates=rates))
    found = own_limit(profile.credit_limit if profile else ZERO, own.temporary, own.policies, on, convert)
    test = LimitTest(Level.OWN, found.tested(mode), ZERO, currency)
    group = None
    if shared is not None:
        limit = convert.exact(shared_limit(shared.permanent, shared.temporary, on), shared.currency)
        group = LimitTest(Level.GROUP, rounded(limit, currency), ZERO, currency)
    if convert.missing:
        return Limits(None, None, frozenset(convert.missing))
    tests = governing(test, group, mandatory=profile is not None and profile.mandatory_credit_limit)
    return Limits(min(test.limit for test in tests), found.exposure_value)


@dataclass(frozen=True, slots=True)
class Day:
    """One row of `balance_stat`, in company currency.

    `credit_limit` None: unlimited, or a rate lacked; `exposure` None: not known.
    """

    on: date
    balance: Decimal
    credit_limit: Decimal | None
    exposure: Decimal | None


@dataclass(frozen=True, slots=True)
class Paid:
    """An invoice that was settled in full: its date, when it was due, and the date of its last settlement."""

    invoice_date: date
    due_date: date
    payment_date: date


def window_start(on: date, months: int) -> date:
    """The same day so many months before, or the last day of that month."""
    year, month = divmod(on.year * 12 + on.month - 1 - months, 12)
    return date(year, month + 1, min(on.day, monthrange(year, month + 1)[1]))


def dso(balance: Decimal, sales: Decimal, start: date, on: date) -> Decimal | None:
    """Days sales outstanding: balance / sales in the window x its days, rounded half away from zero to hundredths;
    None without sales or days. Sales in other currencies count to ten decimals, so that no half hangs on where the
    division by a rate was broken off.

    `start` is the window's first day, the day the customer began if that is later.
    """
    days, sales = (on - start).days, sales.quantize(TEN_DECIMALS, ROUND_HALF_UP, EXACT)
    if sales == 0 or days <= 0:
        return None
    return EXACT.divide(EXACT.multiply(balance, Decimal(days)), sales).quantize(HUNDREDTH, ROUND_HALF_UP, EXACT)


def average_payment_days(paid: Sequence[Paid]) -> Decimal | None:
    """Mean of payment date less invoice date in days; what is paid the same day or before counts 0."""
    return mean([Decimal(max(0, (p.payment_date - p.invoice_date).days)) for p in paid], HUNDREDTH)


def average_days_late(paid: Sequence[Paid]) -> Decimal | None:
    """Mean of payment date less due date in days; who pays early comes below 0."""
    return mean([Decimal((p.payment_date - p.due_date).days) for p in paid], HUNDREDTH)


def average_balance(days: Sequence[Day], start: date, currency: str) -> Decimal | None:
    """Mean of the balances from `start` on, to the currency's minor unit."""
    return mean([day.balance for day in days if day.on >= start], minor_unit(currency))


def average_limit_percent(days: Sequence[Day], start: date) -> Decimal | None:
    """Mean of balance / limit, percent; days with a limit of 0 or without one are left out."""
    return mean([_percent(d.balance, d.credit_limit) for d in days if d.on >= start and d.credit_limit], HUNDREDTH)


def average_exposure_percent(days: Sequence[Day], start: date) -> Decimal | None:
    """Mean of exposure / limit, percent; days with a limit of 0, without one or without exposure are left out."""
    counted = [d for d in days if d.on >= start and d.credit_limit and d.exposure is not None]
    return mean([_percent(d.exposure or ZERO, d.credit_limit) for d in counted], HUNDREDTH)


def highest(days: Sequence[Day]) -> tuple[Decimal, date] | None:
    """The highest balance of the days kept, and the first day of it."""
    best = min(days, key=lambda day: (-day.balance, day.on), default=None)
    return None if best is None else (best.balance, best.on)


def mean(values: Sequence[Decimal], quantum: Decimal) -> Decimal | None:
    """Rounded half away from zero to `quantum`; None of nothing."""
    if not values:
        return None
    return EXACT.divide(total(values), Decimal(len(values))).quantize(quantum, ROUND_HALF_UP, context=EXACT)


def _percent(amount: Decimal, limit: Decimal | None) -> Decimal:
    return EXACT.divide(EXACT.multiply(amount, Decimal(100)), limit or Decimal(1))
