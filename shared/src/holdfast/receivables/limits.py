"""Which credit limit governs a customer, and how much of it is used (spec 2.2-2.6). Plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from holdfast.receivables.model import Converter, LimitType, Position
from holdfast.receivables.money import EXACT, ZERO, percentage, rounded, total
from holdfast.receivables.rates import IDENTITY
from holdfast.values import quick


class PolicyMode(StrEnum):
    """What policies that are included in the exposure do to the limit (`flagged_policy_mode`, spec 2.3)."""

    EXPOSURE_ONLY = "exposure_only"
    REDUCE_LIMIT = "reduce_limit"


class Comparison(StrEnum):
    """Whether a limit that is used exactly is exceeded (`limit_comparison`, spec 2.5)."""

    STRICT = "strict"
    INCLUSIVE = "inclusive"

    def exceeds(self, value: Decimal, allowed: Decimal) -> bool:
        """Whether `value` is too much."""
        return value > allowed or (self is Comparison.INCLUSIVE and value == allowed)


class Level(StrEnum):
    """Whose limit is tested."""

    OWN = "own"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Temporary:
    """A temporary limit in its owner's currency; both dates are included (spec 1.9)."""

    id: str
    amount: Decimal
    from_date: date
    to_date: date

    def covers(self, on: date) -> bool:
        """Whether it is active on a date."""
        return self.from_date <= on <= self.to_date


@dataclass(frozen=True, slots=True)
class Policy:
    """An insurance or guarantee; `value` in `currency`, both dates are included (spec 1.8)."""

    id: str
    kind: str
    value: Decimal
    currency: str
    update_credit_limit_pct: Decimal
    included_in_exposure: bool
    effective_from: date
    expires_on: date

    def is_valid(self, on: date) -> bool:
        """Whether it covers a date."""
        return self.effective_from <= on <= self.expires_on


@quick
@dataclass(frozen=True, slots=True)
class OwnLimit:
    """A customer's own limit on a date, in company currency (spec 2.2, 2.3).

    `increase`: what policies add. `insured`: face value of the valid policies; `flagged`: of those that are
    included in the exposure.
    """

    permanent: Decimal
    temporary: Temporary | None
    increase: Decimal = ZERO
    insured: Decimal = ZERO
    flagged: Decimal = ZERO

    @property
    def base(self) -> Decimal:
        """The temporary limit where one covers the date, it may be lower; else the permanent one."""
        return self.temporary.amount if self.temporary else self.permanent

    @property
    def total(self) -> Decimal:
        """`total_credit_limit`: base and what policies add."""
        return self.base + self.increase

    @property
    def exposure_value(self) -> Decimal:
        """The limit without the value of flagged policies: a figure for the credit team."""
        return self.total - self.flagged

    def tested(self, mode: PolicyMode) -> Decimal:
        """What orders are tested against."""
        return max(ZERO, self.exposure_value) if mode is PolicyMode.REDUCE_LIMIT else self.total


def covering(temporary: Sequence[Temporary], on: date) -> Temporary | None:
    """The temporary limit that covers a date; they do not overlap."""
    return next((limit for limit in temporary if limit.covers(on)), None)


def shared_limit(permanent: Decimal, temporary: Sequence[Temporary], on: date) -> Decimal:
    """The limit of a credit group on a date, its currency: an active temporary one replaces the permanent one."""
    active = covering(temporary, on)
    return active.amount if active else permanent


def in_group_currency(amount: Decimal, position: Position, currency: str) -> tuple[Decimal, frozenset[str]]:
    """An amount of a member's company currency in the group's (spec 2.6), and the currency whose rate lacks."""
    rate = IDENTITY if position.currency == currency else position.onward.get(currency)
    if rate is None:
        return ZERO, frozenset({currency} if amount else ())
    return rounded(rate.convert(amount), currency), frozenset()


def own_limit(
    permanent: Decimal, temporary: Sequence[Temporary], policies: Sequence[Policy], on: date, convert: Converter
) -> OwnLimit:
    """The limit of a customer on a date. `convert.missing` names the currencies of policies without a rate."""
    valid = [policy for policy in policies if policy.is_valid(on)]
    if not valid:
        return OwnLimit(permanent, covering(temporary, on))

    def in_company(policy: Policy, share: Decimal) -> Decimal:
        exact = EXACT.multiply(convert.exact(policy.value, policy.currency), share)
        return rounded(exact, convert.currency)

    return OwnLimit(
        permanent,
        covering(temporary, on),
        total(in_company(policy, policy.update_credit_limit_pct / 100) for policy in valid),
        total(in_company(policy, Decimal(1)) for policy in valid),
        total(in_company(policy, Decimal(1)) for policy in valid if policy.included_in_exposure),
    )


@quick
@dataclass(frozen=True, slots=True)
class LimitTest:
    """A limit that an exposure is tested against, both in `currency`."""

    level: Level
    limit: Decimal
    exposure: Decimal
    currency: str

    @property
    def used_percent(self) -> Decimal | None:
        """100 x exposure / limit, two decimals; None without a limit (spec 2.5)."""
        return percentage(self.exposure, self.limit) if self.limit else None

    @property
    def available(self) -> Decimal:
        """Limit less exposure; negative when exceeded."""
        return self.limit - self.exposure

    def is_above(self, percent: Decimal, comparison: Comparison = Comparison.STRICT) -> bool:
        """Whether more than so many percent are used. Who owes nothing passes; any debt is above a limit of 0."""
        if self.exposure <= 0:
            return False
        return self.limit <= 0 or comparison.exceeds(self.exposure, self.limit * percent / 100)


def is_tested(limit_type: LimitType, *, unlimited: bool, mandatory: bool) -> bool:
    """Whether any limit is tested at all (spec 2.1, 2.4)."""
    return not unlimited and (limit_type is not LimitType.NONE or mandatory)


def governing(own: LimitTest, group: LimitTest | None, *, mandatory: bool) -> tuple[LimitTest, ...]:
    """The limits to test, the group's first (spec 2.4); `group` None: no member, or groups are not checked."""
    if group is None or (own.limit == 0 and mandatory):
        return (own,)
    return (group,) if own.limit == 0 else (group, own)


def tightest(tests: Sequence[LimitTest]) -> LimitTest | None:
    """The limit of which most is used; one of nothing that is exceeded comes first."""
    return max(tests, key=lambda test: (test.limit <= 0 < test.exposure, test.used_percent or ZERO), default=None)
