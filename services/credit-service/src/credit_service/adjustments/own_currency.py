"""New limits in the customers' own currencies: derived at the rate of the day (spec 1.12, 2.7)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

import asyncpg

from credit_service.parameters.store import read_parameters
from credit_service.profiles.rates import limit_rate_type
from holdfast.contracts.currencies import MINOR_UNITS
from holdfast.database.work import Work
from holdfast.platform.clock import local_date
from holdfast.receivables.money import rounded
from holdfast.receivables.rates import Rate, read_rates
from holdfast.web.money import money


async def rates_into(work: Work, master: asyncpg.Record, company: str, codes: Collection[str]) -> dict[str, Rate]:
    """Rates from a company's currency into others; one that lacks is absent."""
    kind = limit_rate_type((await read_parameters(work, company)).parameters, master)
    day = local_date(work.business_now, master["time_zone"])
    needs = {(kind, master["currency"], code, day) for code in codes}
    return {need[2]: rate for need, rate in (await read_rates(work, needs)).items()}


async def own_rates(work: Work, number: str, master: asyncpg.Record) -> list[dict[str, Any]]:
    """The rates that the lines of a journal need, as the statement takes them."""
    rows = await work.conn.fetch(
        """SELECT DISTINCT p.customer_currency AS code, j.company FROM adjustment_line l
           JOIN adjustment_journal j ON j.number = l.journal
           JOIN credit_profile p ON p.customer = l.customer AND p.company = j.company
           WHERE l.journal = $1 AND p.customer_currency IS NOT NULL""",
        number,
    )
    if not rows:
        return []
    rates = await rates_into(work, master, rows[0]["company"], {row["code"] for row in rows})
    return [
        {"code": code, "rate": str(rate.value), "inverse": rate.inverse, "digits": MINOR_UNITS[code]}
        for code, rate in rates.items()
    ]


def in_own(amount: Decimal, code: str | None, currency: str, rates: Mapping[str, Rate]) -> dict[str, str] | None:
    """A limit in company currency as the customer knows it; None where that is the same, or the rate lacks."""
    rate = rates.get(code or "")
    if code is None or code == currency or rate is None:
        return None
    return money(rounded(rate.convert(amount), code), code)
