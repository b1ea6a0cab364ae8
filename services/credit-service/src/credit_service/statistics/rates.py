"""What one unit of every currency is worth in a company's currency, as columns for a statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from credit_service.paths import business_settings
from holdfast.contracts.currencies import MINOR_UNITS
from holdfast.database.work import Work
from holdfast.receivables.rates import read_rates

ONE = Decimal(1)
RATE = "rate AS MATERIALIZED (SELECT * FROM unnest({}::text[], {}::numeric[], {}::numeric[]) AS r (code, num, den))"
"""An amount in `code` times `num` by `den` is in company currency; a currency without a rate has no row."""


@dataclass(frozen=True, slots=True)
class CompanyRates:
    """Rates into `currency` on a date, those that there are."""

    currency: str
    codes: list[str]
    nums: list[Decimal]
    dens: list[Decimal]

    @property
    def decimals(self) -> int:
        """Of the company's currency."""
        return MINOR_UNITS[self.currency]

    @property
    def columns(self) -> tuple[list[str], list[Decimal], list[Decimal]]:
        """The three parameters of `RATE`."""
        return self.codes, self.nums, self.dens


async def rate_type_of(work: Work, company: str) -> str:
    """The company's own rate type."""
    found: str = await work.conn.fetchval(
        "SELECT coalesce(exchange_rate_type, 'default') FROM company WHERE company = $1", company
    )
    return found


async def company_rates(work: Work, company: str, on: date) -> CompanyRates:
    """Rates of the company's own type. Raises Problem 422 while its currency is not known."""
    currency, _ = await business_settings(work, company)
    rate_type = await rate_type_of(work, company)
    found = await read_rates(work, [(rate_type, code, currency, on) for code in sorted(MINOR_UNITS)])
    rows = sorted((need[1], ONE if r.inverse else r.value, r.value if r.inverse else ONE) for need, r in found.items())
    return CompanyRates(currency, [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])
