"""What follows from a profile today: the limits in force and the risk (spec 1.1, the computed fields)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg

from credit_service.parameters.model import Parameters
from credit_service.parameters.store import read_all_parameters
from credit_service.policies.store import policies_of
from credit_service.profiles.model import Profile
from credit_service.profiles.rates import limit_rates
from credit_service.profiles.store import read_company
from credit_service.risk.store import risks_of
from credit_service.temporary.store import temporary_of
from holdfast.database.work import Work
from holdfast.platform.clock import earliest_date, local_date
from holdfast.receivables.limits import OwnLimit, own_limit
from holdfast.receivables.model import Converter, Position
from holdfast.web.money import money


@dataclass(frozen=True, slots=True)
class Computed:
    """The own limit today, company `currency`; what policies add is not known while `missing_rates` names any."""

    currency: str
    own: OwnLimit
    missing_rates: frozenset[str]
    risk_score: Decimal
    risk_group: str | None


async def computed_of(work: Work, profiles: Sequence[Profile]) -> list[Computed]:
    """Of many profiles, in their order."""
    parties, since = [(p.company, p.customer) for p in profiles], earliest_date(work.business_now)
    temporary, policies = await temporary_of(work, parties, since), await policies_of(work, parties, since)
    risks = await risks_of(work, parties)
    codes = {policy.currency for found in policies.values() for policy in found}
    positions = await _positions(work, {p.company for p in profiles}, codes)
    found = []
    for party, profile in zip(parties, profiles, strict=True):
        convert = Converter(positions[profile.company])
        own = own_limit(
            profile.credit_limit, temporary.get(party, ()), policies.get(party, ()),
            positions[profile.company].check_date, convert,
        )  # fmt: skip
        missing = frozenset(convert.missing)
        found.append(Computed(profile.currency, own, missing, *risks.get(party, (Decimal(0), None))))
    return found


async def _positions(work: Work, companies: set[str], codes: set[str]) -> dict[str, Position]:
    """By company: its business date, its currency, and rates into that from `codes`."""
    parameters = await read_all_parameters(work, companies)
    found = {}
    for company in companies:
        master: asyncpg.Record | None = await read_company(work, company)
        assert master is not None
        rates = await limit_rates(work, parameters.get(company, Parameters()), master, codes)
        day = local_date(work.business_now, master["time_zone"])
        found[company] = Position(company, "", day, master["currency"], rates=rates)
    return found


def shown_computed(c: Computed) -> dict[str, Any]:
    """As the API shows it; amounts in company currency."""
    known = not c.missing_rates
    return {
        "temporary_credit_limit": money(c.own.temporary.amount, c.currency) if c.own.temporary else None,
        "insurance_and_guarantees": money(c.own.increase, c.currency) if known else None,
        "total_credit_limit": money(c.own.total, c.currency) if known else None,
        "risk_score": c.risk_score, "risk_group": c.risk_group,
    }  # fmt: skip
