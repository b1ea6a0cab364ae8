"""The ERP's control totals beside our open items (spec, section 4). Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Compared:
    """What a customer owes in a currency: as the ERP has `reported` it at the end of `as_of`, and as we compute it.

    `as_of` None: the ERP has never reported on the customer, and we compute what is owed now.
    """

    customer: str
    currency: str
    as_of: date | None
    version: int
    reported: Decimal | None
    computed: Decimal

    @property
    def agrees(self) -> bool:
        """Whether both are the same; what is not reported is nothing owed."""
        return (self.reported or 0) == self.computed

    @property
    def is_finding(self) -> bool:
        """Whether a report of the ERP says something else than our open items."""
        return self.as_of is not None and not self.agrees
