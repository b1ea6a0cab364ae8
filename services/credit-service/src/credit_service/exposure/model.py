"""The view of a customer's exposure: limit, used percentage, available credit (spec 2.1, 2.5). Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from credit_service.profiles.model import Profile, available, used_percent
from holdfast.receivables.exposure import Exposure


@dataclass(frozen=True, slots=True)
class View:
    """A customer's exposure against the limit, in company currency. Without a profile the limit is 0."""

    exposure: Exposure
    profile: Profile | None

    @property
    def limit(self) -> Decimal | None:
        """None when unlimited."""
        return self.profile.limit if self.profile else Decimal(0)

    @property
    def total(self) -> Decimal:
        """E for limit type balance + all, as a new order would meet it."""
        return self.exposure.parts.exposure()

    @property
    def used_percent(self) -> Decimal | None:
        """None when unlimited or without a limit."""
        return used_percent(self.total, self.limit)

    @property
    def available(self) -> Decimal | None:
        """None when unlimited."""
        return available(self.total, self.limit)


def nearest_first(view: View) -> tuple[bool, Decimal, str]:
    """Sort key: over-used without a limit first, then by used percentage, then by customer."""
    used = view.used_percent
    without = view.limit == 0 and view.total > 0
    share = used if used is not None else Decimal(-1)
    return (not without, -share, view.exposure.position.customer)
