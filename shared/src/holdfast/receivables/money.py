"""Amounts: `Decimal` with a currency, rounded half away from zero to the currency's minor unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from holdfast.contracts.currencies import QUANTA

ZERO = Decimal(0)
HUNDRED, HUNDREDTH = Decimal(100), Decimal("0.01")
EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
"""Arithmetic wide enough for any sum, product or quotient before it is rounded once."""


def minor_unit(currency: str) -> Decimal:
    """The smallest amount of an ISO 4217 currency. Raises KeyError for a code that is none."""
    return QUANTA[currency]


def rounded(amount: Decimal, currency: str) -> Decimal:
    """`amount` to the minor unit of `currency`, half away from zero (design, section 6)."""
    return amount.quantize(minor_unit(currency), context=EXACT)


def percentage(part: Decimal, whole: Decimal) -> Decimal:
    """`part` in percent of `whole`, two decimals, half away from zero. `whole` is not 0."""
    return EXACT.divide(EXACT.multiply(HUNDRED, part), whole).quantize(HUNDREDTH, context=EXACT)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    result = ZERO
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency. Amounts of different currencies neither add up nor compare."""

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(EXACT.add(self.amount, self._same(other)), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(EXACT.subtract(self.amount, self._same(other)), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def rounded(self) -> Money:
        """To the minor unit of the currency."""
        return Money(rounded(self.amount, self.currency), self.currency)

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"{self} and {other} are in different currencies; convert one of them first")
        return other.amount
