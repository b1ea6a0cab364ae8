"""Reads the limits that govern customers on a date, and what is used of them now: a few statements for thousands."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal

from credit_service.groups.model import Group
from credit_service.groups.store import groups_of, read_groups
from credit_service.parameters.store import read_parameters
from credit_service.policies.store import policies_of
from credit_service.profiles.store import read_profiles
from credit_service.statistics.model import Limits, Own, Shared, limits_of
from credit_service.statistics.rates import rate_type_of
from credit_service.statistics.store import customers_to_value
from credit_service.temporary.store import temporary_of, temporary_of_groups
from holdfast.database.work import Work
from holdfast.receivables.exposure import exposure_of
from holdfast.receivables.limits import PolicyMode, Temporary
from holdfast.receivables.model import Counted, LimitType, Party
from holdfast.receivables.positions import read_positions
from holdfast.receivables.rates import Rate, read_rates


async def read_limits(
    work: Work, company: str, currency: str, customers: Collection[str], on: date
) -> Mapping[str, Limits]:
    """The limits of these customers on a date, company `currency`.

    Temporary limits and policies count by their dates; permanent limits, parameters and groups are those of now.
    """
    parties = [(company, name) for name in customers]
    parameters = (await read_parameters(work, company)).parameters
    profiles = await read_profiles(work, parties)
    temporary, policies = await temporary_of(work, parties, on), await policies_of(work, parties, on)
    shared = await _shared(work, parties, on) if parameters.check_customer_credit_groups else {}
    foreign = {p.currency for found in policies.values() for p in found}
    foreign |= {found.currency for found in shared.values()}
    rate_type = parameters.credit_limit_exchange_rate_type or await rate_type_of(work, company)
    rates = await _rates(work, rate_type, foreign, currency, on)
    mode = PolicyMode(parameters.flagged_policy_mode)
    return {
        party[1]: limits_of(
            Own(profiles.get(party), temporary.get(party, ()), policies.get(party, ())), shared.get(party),
            mode, currency, rates, on,
        )
        for party in parties
    }  # fmt: skip


async def _shared(work: Work, parties: Sequence[Party], on: date) -> dict[Party, Shared]:
    """The limits that members share, group currency."""
    names = await groups_of(work, parties)
    groups = await read_groups(work, set(names.values()))
    temporary = await temporary_of_groups(work, groups, on)
    return {party: _shared_of(groups[name], temporary.get(name, ())) for party, name in names.items()}


def _shared_of(group: Group, temporary: Sequence[Temporary]) -> Shared:
    return Shared(group.currency, group.credit_limit, temporary)


async def _rates(work: Work, rate_type: str, codes: set[str], currency: str, on: date) -> dict[str, Rate]:
    found = await read_rates(work, [(rate_type, code, currency, on) for code in sorted(codes)])
    return {need[1]: rate for need, rate in found.items()}


async def read_uses(work: Work, company: str, balances: Mapping[str, Decimal | None]) -> dict[str, Decimal | None]:
    """What these customers use of their limits now (spec 2.1), company currency; None: a rate lacks.

    `balances`: what they owe, which is the answer for those who have neither ordered nor another rate type for limits.
    """
    parameters = (await read_parameters(work, company)).parameters
    rate_type, kind = parameters.credit_limit_exchange_rate_type, LimitType(parameters.credit_limit_type)
    wanted = await customers_to_value(work, company, sorted(balances), converted=rate_type is not None)
    parties, horizon = [(company, name) for name in wanted], parameters.open_order_horizon_days
    positions = await read_positions(
        work, parties, rate_types={company: rate_type} if rate_type else {},
        horizons={} if horizon is None else dict.fromkeys(parties, horizon),
    )  # fmt: skip
    found = dict(balances)
    for (_, name), position in positions.items():
        parts = exposure_of(position, Counted(parameters.open_orders_counted)).parts
        found[name] = None if parts.missing_rates else parts.exposure(kind)
    return found
