"""How a customer's risk is scored and classified (spec 1.5-1.7, 2.9). Plain values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import pairwise

from holdfast.receivables.money import EXACT, ZERO, total


class GroupType(StrEnum):
    """Where the value of a scoring group comes from."""

    USER = "user"
    AVERAGE_PAYMENT_DAYS = "average_payment_days"
    CUSTOMER_SINCE = "customer_since"
    IN_BUSINESS_SINCE = "in_business_since"
    DSO = "dso"
    AVERAGE_BALANCE = "average_balance"
    CREDIT_MANAGEMENT_GROUP = "credit_management_group"
    ACCOUNT_STATUS = "account_status"
    COUNTRY = "country"


class ScoreType(StrEnum):
    """How a value finds its line: within numeric bounds, or as one of a list."""

    RANGE = "range"
    LIST = "list"


TEXTUAL = frozenset({GroupType.CREDIT_MANAGEMENT_GROUP, GroupType.ACCOUNT_STATUS, GroupType.COUNTRY})


@dataclass(frozen=True, slots=True)
class Band:
    """Inclusive bounds."""

    low: Decimal
    high: Decimal

    def holds(self, value: Decimal) -> bool:
        """Whether a value lies within."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Line:
    """Points for a value: a band, or one value of a list."""

    score: Decimal
    band: Band | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class ScoringGroup:
    """One criterion with its lines."""

    id: str
    group_type: GroupType
    score_type: ScoreType
    lines: tuple[Line, ...]

    @property
    def decimals(self) -> int:
        """Those that the bounds of its lines have."""
        return decimals_of(_bands(self.lines))

    @property
    def is_numeric(self) -> bool:
        """Whether its values are numbers."""
        return is_numeric(self.group_type, self.score_type)


@dataclass(frozen=True, slots=True)
class RiskGroup:
    """A class of customers by their total score."""

    id: str
    band: Band


def is_numeric(group_type: GroupType, score_type: ScoreType) -> bool:
    """Whether the values of a group are numbers: computed ones are, typed ones when they meet ranges."""
    if group_type is GroupType.USER:
        return score_type is ScoreType.RANGE
    return group_type not in TEXTUAL


def decimals_of(bands: Iterable[Band]) -> int:
    """The most decimals that a bound has, trailing zeros aside; 0 for whole bounds."""
    bounds = [bound for band in bands for bound in (band.low, band.high)]
    return max((max(0, -int(bound.normalize(EXACT).as_tuple().exponent)) for bound in bounds), default=0)


def rounded_to(value: Decimal, decimals: int) -> Decimal:
    """Half away from zero, so that nothing falls between 0-35 and 36-60 (spec 1.5)."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, context=EXACT)


def overlaps(bands: Sequence[Band]) -> list[tuple[Band, Band]]:
    """Neighbours that share a value."""
    ordered = sorted(bands, key=lambda band: (band.low, band.high))
    return [(a, b) for a, b in pairwise(ordered) if b.low <= a.high]


def gaps(bands: Sequence[Band]) -> list[Band]:
    """What lies between neighbours that do not overlap: bounds of values that no band holds once rounded."""
    ordered = sorted(bands, key=lambda band: band.low)
    step = Decimal(1).scaleb(-decimals_of(bands))
    between = [Band(a.high + step, b.low - step) for a, b in pairwise(ordered)]
    return [gap for gap in between if gap.low <= gap.high]


def full_years(since: date | None, on: date) -> int | None:
    """Whole years that have passed; None before the first day or without a date."""
    if since is None or since > on:
        return None
    return on.year - since.year - ((on.month, on.day) < (since.month, since.day))


def shown_number(value: Decimal) -> str:
    """A number as the text of a list: no trailing zeros, no exponent."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def score(group: ScoringGroup, value: str | Decimal | int | None) -> Decimal:
    """The points of the line that a value finds; 0 without a value or a line (spec 2.9)."""
    if value is None:
        return ZERO
    if group.score_type is ScoreType.RANGE:
        number = rounded_to(Decimal(value), group.decimals)
        return next((line.score for line in group.lines if line.band and line.band.holds(number)), ZERO)
    text = value if isinstance(value, str) else shown_number(Decimal(value))
    return next((line.score for line in group.lines if line.value == text), ZERO)


def total_score(scores: Iterable[Decimal]) -> Decimal:
    """A plain sum; more than 100 is possible (spec 1.6)."""
    return total(scores)


def classified(points: Decimal, groups: Sequence[RiskGroup]) -> str | None:
    """The risk group whose band holds the rounded total; None is unclassified."""
    number = rounded_to(points, decimals_of(group.band for group in groups))
    return next((group.id for group in groups if group.band.holds(number)), None)


def _bands(lines: Iterable[Line]) -> list[Band]:
    return [line.band for line in lines if line.band is not None]
