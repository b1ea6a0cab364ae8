"""What the plain answer is made of."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from holdfast.receivables.model import CheckedOrder

LIMIT_USED_PERCENT = 100
NO_CREDIT = Decimal(0)
STOPS = {"customer_blocked", "company_not_live", "unknown_customer", "technical_error"}
"""Reasons that are found without the rules."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of an order: `what` is cleared, held, released, rejected, cancelled, or cleared of one reason and
    still held. Exposure in company currency, that of the group in its own."""

    what: str
    order: str
    reasons: tuple[str, ...] = ()
    exposure: Decimal | None = None
    group_exposure: Decimal | None = None


@dataclass(slots=True)
class Hold:
    """An order that waits; holds are numbered as they begin."""

    order: CheckedOrder
    checkpoint: str
    reasons: tuple[str, ...]
    number: int

    def take(self, found: Found) -> list[str]:
        """Stand on the reasons that were found; answers those that are gone. What the rules found before stays where
        they could not be asked."""
        asked = set(self.reasons) if found.is_complete else STOPS & set(self.reasons)
        gone = asked - set(found.reasons)
        self.reasons = tuple(sorted({*self.reasons, *found.reasons} - gone))
        return sorted(gone)


@dataclass(frozen=True, slots=True)
class Found:
    """Reasons to hold an order, and exposures with it; `is_complete`: the rules could be asked."""

    reasons: tuple[str, ...] = ()
    exposure: Decimal | None = None
    group_exposure: Decimal | None = None
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Test:
    """A limit with what is used of it."""

    limit: Decimal
    exposure: Decimal

    @property
    def fails(self) -> bool:
        """Whether too much is used; who owes nothing passes."""
        return self.exposure > 0 and self.exposure > self.limit * LIMIT_USED_PERCENT / 100
