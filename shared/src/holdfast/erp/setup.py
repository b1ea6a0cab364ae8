"""Sets the services up through their APIs, as a person would: rules, checkpoints, credit profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from holdfast.contracts.erp_customers import CustomerChanged
from holdfast.erp.api import Api

DAYS_OVERDUE = 25
LIMIT_PERCENT = 100


@dataclass(frozen=True, slots=True)
class NearLimit:
    """A customer and how much of its limit is used; amounts in company currency."""

    company: str
    customer: str
    currency: str
    limit: Decimal
    available: Decimal
    used_percent: Decimal


async def set_up_rules(hold: Api) -> None:
    """Two rules for all customers, and the checkpoints at which they run."""


async def nearest_to_limit(credit: Api, count: int = 10) -> list[NearLimit]:
    """The customers that have used most of their limit."""
    return []


class CreditProfiles:
    """Opens a credit profile for every customer, with the limit of the ERP's master data."""

    def __init__(self, credit: Api) -> None:
        self._credit = credit

    async def open(self, customers: Sequence[CustomerChanged]) -> None:
        """Open or change the profiles of these customers."""
