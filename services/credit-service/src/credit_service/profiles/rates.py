"""What limits in other currencies are worth in a company's (spec 2.7)."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from credit_service.parameters.model import Parameters
from holdfast.database.work import Work
from holdfast.platform.clock import local_date
from holdfast.receivables.rates import Rate, read_rates


def limit_rate_type(parameters: Parameters, company: asyncpg.Record) -> str:
    """The rate set that converts limits; `company` is its master data."""
    return parameters.credit_limit_exchange_rate_type or company["exchange_rate_type"] or "default"


async def limit_rates(
    work: Work, parameters: Parameters, company: asyncpg.Record, codes: Collection[str]
) -> dict[str, Rate]:
    """The rates of the company's business date into its currency; a currency without one is absent."""
    kind, target = limit_rate_type(parameters, company), company["currency"]
    day = local_date(work.business_now, company["time_zone"])
    return {need[1]: rate for need, rate in (await read_rates(work, {(kind, c, target, day) for c in codes})).items()}
