"""Reads the views of many customers: a few statements, whatever their number."""

from __future__ import annotations

from collections.abc import Collection

from credit_service.exposure.model import Known, View, share_of, use_of, view_of
from credit_service.groups.model import Group
from credit_service.groups.store import groups_of, members, read_groups
from credit_service.parameters.model import Parameters
from credit_service.parameters.store import read_all_parameters
from credit_service.policies.store import policies_of
from credit_service.profiles.store import read_profiles
from credit_service.temporary.store import temporary_of, temporary_of_groups
from holdfast.database.work import Work
from holdfast.platform.clock import earliest_date
from holdfast.receivables.exposure import exposure_of
from holdfast.receivables.model import Counted, Party
from holdfast.receivables.positions import read_positions


async def read_views(work: Work, parties: Collection[Party]) -> list[View]:
    """The views of customers, with the shared limits of their groups; the other members are read along."""
    group_of = await groups_of(work, parties)
    groups = await read_groups(work, set(group_of.values()))
    members_of = await members(work, groups)
    owner = {party: groups[name] for name, found in members_of.items() for party in found}
    known = await _known(work, {*parties, *owner}, owner)
    temporary = await temporary_of_groups(work, groups, earliest_date(work.business_now))
    shares = {
        name: [share_of(known[member], groups[name].currency) for member in found] for name, found in members_of.items()
    }
    views = []
    for party in parties:
        group = owner.get(party)
        use = use_of(group, temporary.get(group.name, ()), shares[group.name], known[party]) if group else None
        views.append(view_of(known[party], use))
    return views


async def _known(work: Work, parties: Collection[Party], owner: dict[Party, Group]) -> dict[Party, Known]:
    since = earliest_date(work.business_now)
    parameters = await read_all_parameters(work, {company for company, _ in parties})
    profiles, temporary = await read_profiles(work, parties), await temporary_of(work, parties, since)
    policies = await policies_of(work, parties, since)
    types = {c: p.credit_limit_exchange_rate_type for c, p in parameters.items() if p.credit_limit_exchange_rate_type}
    horizons = {company: p.open_order_horizon_days for company, p in parameters.items()}
    positions = await read_positions(
        work, parties, currencies={p.currency for found in policies.values() for p in found},
        into={party: group.currency for party, group in owner.items()}, rate_types=types,
        horizons={party: days for party in parties if (days := horizons.get(party[0])) is not None},
    )  # fmt: skip
    default = Parameters()
    found = {}
    for party, position in positions.items():
        given = parameters.get(party[0], default)
        figures = exposure_of(position, Counted(given.open_orders_counted))
        found[party] = Known(
            figures, profiles.get(party), given, temporary.get(party, ()), policies.get(party, ())
        )  # fmt: skip
    return found
