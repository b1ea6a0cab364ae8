"""What the plain answer is made of."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from holdfast.receivables.model import CheckedOrder

LIMIT_USED_PERCENT = 100
NO_CREDIT = Decimal(0)


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


@dataclass(frozen=True, slots=True)
class Found:
    """Reasons to hold an order, and exposures with it."""

    reasons: tuple[str, ...] = ()
    exposure: Decimal | None = None
    group_exposure: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Test:
    """A limit with what is used of it."""

    limit: Decimal
    exposure: Decimal

    @property
    def fails(self) -> bool:
        """Whether too much is used; who owes nothing passes."""
        return self.exposure > 0 and self.exposure > self.limit * LIMIT_USED_PERCENT / 100
