"""Exchange rates at a date: the direct rate, else the inverse one; a missing rate is never a guess."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.money import EXACT
from holdfast.values import quick

Need = tuple[str, str, str, date]
"""Rate type, from currency, to currency, date."""


@quick
@dataclass(frozen=True, slots=True)
class Rate:
    """`value` units of the target for one unit of the source; divided by it if `inverse`."""

    value: Decimal
    inverse: bool = False

    def convert(self, amount: Decimal) -> Decimal:
        """The amount in the target currency, not rounded."""
        return EXACT.divide(amount, self.value) if self.inverse else EXACT.multiply(amount, self.value)


IDENTITY = Rate(Decimal(1))

NEWEST = """
SELECT n.n, direct.rate AS direct, inverse.rate AS inverse
FROM unnest($1::text[], $2::text[], $3::text[], $4::date[])
     WITH ORDINALITY AS n(rate_type, from_currency, to_currency, on_date, n)
LEFT JOIN LATERAL (
    SELECT rate FROM exchange_rate r
    WHERE r.rate_type = n.rate_type AND r.from_currency = n.from_currency
      AND r.to_currency = n.to_currency AND r.valid_from <= n.on_date
    ORDER BY r.valid_from DESC LIMIT 1) direct ON true
LEFT JOIN LATERAL (
    SELECT rate FROM exchange_rate r
    WHERE direct.rate IS NULL AND r.rate_type = n.rate_type AND r.from_currency = n.to_currency
      AND r.to_currency = n.from_currency AND r.valid_from <= n.on_date
    ORDER BY r.valid_from DESC LIMIT 1) inverse ON true
"""


async def read_rates(work: Work, needs: Collection[Need]) -> Mapping[Need, Rate]:
    """The newest rate not after each date; a need without one is absent from the answer."""
    wanted = [need for need in set(needs) if need[1] != need[2]]
    rates = {need: IDENTITY for need in needs if need[1] == need[2]}
    if not wanted:
        return rates
    for row in await work.conn.fetch(NEWEST, *columns(wanted)):
        need = wanted[row["n"] - 1]
        if row["direct"] is not None:
            rates[need] = Rate(row["direct"])
        elif row["inverse"] is not None:
            rates[need] = Rate(row["inverse"], inverse=True)
    return rates
