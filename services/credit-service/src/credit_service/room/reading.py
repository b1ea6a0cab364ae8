"""Reads what decides how much customers may owe: a few statements, whatever their number."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from credit_service.groups.store import groups_of, read_groups
from credit_service.parameters.model import Parameters
from credit_service.parameters.store import read_all_parameters
from credit_service.policies.store import policies_of
from credit_service.profiles.model import Profile
from credit_service.profiles.rates import limit_rate_type, limit_rates
from credit_service.profiles.store import read_companies, read_profiles
from credit_service.room.model import Standing, lacking
from credit_service.temporary.store import temporary_of, temporary_of_groups
from holdfast.database.work import Work
from holdfast.platform.clock import local_date
from holdfast.receivables.model import Party, Position
from holdfast.receivables.money import rounded
from holdfast.receivables.rates import Need, Rate, read_rates
from holdfast.web.problems import Problem

EVER = date.min
"""Limits that have ended are read too: what a request is asked on does not change by the passing of time."""


async def read_standing(work: Work, party: Party) -> Standing:
    """What decides how much one customer may owe; they are locked."""
    return (await read_standings(work, [party]))[party]


async def read_standings(work: Work, parties: Collection[Party]) -> dict[Party, Standing]:
    """What decides how much customers may owe; they are locked."""
    companies = {company for company, _ in parties}
    masters, parameters = await read_companies(work, companies), await read_all_parameters(work, companies)
    profiles = await read_profiles(work, parties)
    temporary, policies = await temporary_of(work, parties, EVER), await policies_of(work, parties, EVER)
    group_of = await groups_of(work, parties)
    groups = await read_groups(work, set(group_of.values()))
    shared = await temporary_of_groups(work, groups, EVER)
    found = {}
    for party in parties:
        master, group = masters.get(party[0]), groups.get(group_of.get(party, ""))
        today = local_date(work.business_now, master["time_zone"] if master else "UTC")
        currency = master["currency"] if master else None
        found[party] = Standing(
            profiles.get(party) or Profile(*party, currency or ""), parameters.get(party[0]) or Parameters(),
            Position(*party, today, currency), temporary.get(party, ()), policies.get(party, ()), group,
            shared.get(group.name, ()) if group else (),
        )  # fmt: skip
    return await with_rates(work, found)


async def with_rates(work: Work, given: dict[Party, Standing]) -> dict[Party, Standing]:
    """The same, with the rates of the day that policies and groups need."""
    needing = {party: codes for party, standing in given.items() if (codes := lacking(standing))}
    masters = await read_companies(work, {company for company, _ in needing}) if needing else {}
    needs: dict[Party, list[Need]] = {
        party: [
            (limit_rate_type(given[party].parameters, master), code, master["currency"],
             given[party].today) for code in codes
        ]
        for party, codes in needing.items()
        if (master := masters.get(party[0])) is not None
    }  # fmt: skip
    rates = await read_rates(work, {need for wanted in needs.values() for need in wanted}) if needs else {}
    return given | {
        party: _with(given[party], {need[1]: rates[need] for need in wanted if need in rates})
        for party, wanted in needs.items()
    }


def _with(standing: Standing, rates: Mapping[str, Rate]) -> Standing:
    return replace(standing, position=replace(standing.position, rates={**standing.position.rates, **rates}))


async def changed_standing(work: Work, before: Standing, after: Standing) -> tuple[Standing, Standing]:
    """Both with the rates that either needs. Raises Problem 422 when one lacks: nothing is measured by a guess."""
    party = after.profile.company, after.profile.customer
    known = (await with_rates(work, {party: before}))[party].position
    complete = (await with_rates(work, {party: replace(after, position=known)}))[party]
    before = replace(before, position=complete.position)
    must_be_measurable(before)
    must_be_measurable(complete)
    return before, complete


def must_be_measurable(standing: Standing) -> None:
    """Raises Problem 422 when a rate lacks that the resulting limit is measured with."""
    if missing := sorted(lacking(standing)):
        raise no_rate(missing, standing.position.currency)


async def in_company_currency(work: Work, company: str, amount: Decimal, currency: str) -> Decimal:
    """An amount as bands of a company measure it. Raises Problem 422 when the rate lacks."""
    master = (await read_companies(work, [company])).get(company)
    if master is None:
        raise no_rate([currency], None)
    given = (await read_all_parameters(work, [company])).get(company) or Parameters()
    rate = (await limit_rates(work, given, master, [currency])).get(currency)
    if rate is None:
        raise no_rate([currency], master["currency"])
    return rounded(rate.convert(amount), master["currency"])


def no_rate(missing: Sequence[str], target: str | None) -> Problem:
    """Nothing is measured by a guess (spec 2.7)."""
    return Problem(
        422, "no-exchange-rate", "There is no exchange rate",
        f"The limit in {', '.join(missing)} cannot be measured in {target}; let the ERP send the rate.",
    )  # fmt: skip
