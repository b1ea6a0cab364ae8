"""A change of a profile, by whatever door it comes: checked, asked for where it raises, made, told (spec 1.17)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg

from credit_service import raising
from credit_service.history.model import of_profile
from credit_service.history.store import note
from credit_service.parameters.model import Parameters
from credit_service.parameters.store import read_parameters
from credit_service.profiles import store
from credit_service.profiles.model import (
    Change,
    Profile,
    above_eligible,
    changed,
    given_limit,
    loosens,
    needs_identification,
    touched,
)  # fmt: skip
from credit_service.profiles.publishing import Door, publish, publish_limits
from credit_service.profiles.rates import limit_rates
from credit_service.room.model import Standing, basis, opens_group_room, raises, resulting_limit
from credit_service.room.reading import must_be_measurable, read_standing
from holdfast.approvals.kinds import Asked
from holdfast.database.work import Work
from holdfast.platform.clock import local_date
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.model import Party
from holdfast.receivables.rates import Rate
from holdfast.web import audit
from holdfast.web.money import money
from holdfast.web.problems import Problem, field_problem

LIMIT_FIELDS = ("credit_limit", "credit_limit_customer_currency", "credit_limit_expiry_date")


async def company_of(work: Work, company: str) -> asyncpg.Record:
    """Currency, time zone and rate type. Raises Problem 422 while the company's master data has not come."""
    row = await store.read_company(work, company)
    if row is None:
        raise field_problem(
            422, "company-unknown", "The company's currency is not known yet", "company", company,
            "its master data has not arrived",
            "Let the ERP send erp.company.changed.v1 for it, then set the limit.",
        )  # fmt: skip
    return row


async def current(work: Work, party: Party, currency: str) -> Profile:
    """The profile as it is; one never set gives no credit."""
    return await store.read_profile(work, party) or Profile(*party, currency)


@dataclass(frozen=True, slots=True)
class Rules:
    """What changes of a company's profiles are judged by; `asks`: raises pass approval. `rates`: into company
    currency, of currencies that eligible limits are in."""

    parameters: Parameters
    today: date
    asks: bool
    rates: Mapping[str, Rate]


@dataclass(frozen=True, slots=True)
class Judged:
    """A change that may be made, or asked for where `waits`; `standing` is what there is before it."""

    standing: Standing
    after: Profile
    change: Change
    waits: bool
    warnings: tuple[str, ...]

    @property
    def before(self) -> Profile:
        """The profile as it is."""
        return self.standing.profile

    @property
    def amount(self) -> Decimal:
        """The resulting limit as approval bands measure it."""
        return resulting_limit(self.standing, replace(self.standing, profile=self.after))

    @property
    def proposal(self) -> dict[str, Any]:
        """What is asked for: what differs, so that nothing else is overwritten when it takes effect."""
        return {"customer": self.before.customer, "change": touched(self.before, self.change)}

    @property
    def basis(self) -> dict[str, Any]:
        """What is asked on."""
        return basis_of(self.standing, self.proposal)


async def rules_of(work: Work, company: str, master: asyncpg.Record, codes: Collection[str]) -> Rules:
    """What changes of profiles are judged by today; `codes`: currencies of their eligible limits."""
    parameters = (await read_parameters(work, company)).parameters
    wanted = () if parameters.eligible_limit_check == "off" else codes
    rates = await limit_rates(work, parameters, master, wanted)
    today = local_date(work.business_now, master["time_zone"])
    return Rules(parameters, today, await raising.must_ask(work, company), rates)


async def identified_of(work: Work, parameters: Parameters, parties: Collection[Party]) -> Collection[Party]:
    """The customers of whom the ERP has told a government id; all of them where the company does not ask for one."""
    return parties if parameters.require_identification == "no" else await store.identified(work, parties)


def judged(rules: Rules, standing: Standing, change: Change, *, identified: bool, confirmed: bool) -> Judged:
    """What becomes of a change. Raises Problem 409 or 422."""
    before = standing.profile
    after = changed(before, change, rules.today)
    _may_edit_limit(before, after, rules)
    if given_limit(after) > given_limit(before) and not identified:
        must_be_identified(rules.parameters, given_limit(after), after.customer)
    warnings = _eligible(before, after, rules)
    wanted = replace(standing, profile=after)
    if after.credit_limit == 0 < before.credit_limit and not confirmed and opens_group_room(standing, wanted):
        raise Problem(
            409, "confirm-group-limit", "This raises the room to the group's limit",
            "With an own limit of 0 that is not mandatory only the group's limit counts. Send "
            "confirm_group_limit true if that is meant, or set mandatory_credit_limit.",
        )  # fmt: skip
    waits = rules.asks and raises(standing, wanted)
    if waits:
        must_be_measurable(wanted)
    return Judged(standing, after, change, waits, tuple(warnings))


async def request_change(
    work: Work, before: Profile, change: Change, who: str, reason: str | None, *, confirmed: bool
) -> tuple[Profile, asyncpg.Record | None, tuple[str, ...]]:
    """Make a change of a locked customer, or ask for it where it raises what the customer may owe.

    Answers the profile as it is now, the approval if one is waited for, and warnings. Raises Problem 409 or 422.
    """
    party = before.company, before.customer
    wanted = change.values.get("eligible_credit_limit_currency") or before.eligible_credit_limit_currency
    master = await company_of(work, before.company)
    rules = await rules_of(work, before.company, master, {wanted} if wanted else ())
    identified = party in await identified_of(work, rules.parameters, [party])
    found = judged(rules, await read_standing(work, party), change, identified=identified, confirmed=confirmed)
    if found.waits:
        row = await raising.ask(work, "profile", before.company, before.customer, who, found.proposal, reason)
        return await current(work, party, before.currency), row, found.warnings
    await apply(work, [(before, found.after)], Door(who, "manual", None, reason))
    return found.after, None, found.warnings


async def apply(work: Work, pairs: Sequence[tuple[Profile, Profile]], door: Door) -> None:
    """Keep new versions of profiles (before, after), with their trail, their history and their events."""
    if not pairs:
        return
    who, reason = door.who, door.reason
    await store.write_profiles(work, [after for _, after in pairs], who)
    await note(work, [noted for pair in pairs for noted in of_profile(*pair, door.source, who, reason)])
    await audit.record_many(
        work, who=who, what="credit-profile.changed", why=reason, entries=[
            (after.company, after.customer, shown_profile(before) if before.version else None, shown_profile(after))
            for before, after in pairs
        ],
    )  # fmt: skip
    await publish(work, [(after.company, after.customer) for _, after in pairs], who, reason)
    await publish_limits(work, pairs, door)


def _may_edit_limit(before: Profile, after: Profile, rules: Rules) -> None:
    """Off means off: nor is a limit made void by hand, unless somebody else has to approve that."""
    if rules.parameters.allow_manual_limit_edit:
        return
    if any(getattr(before, name) != getattr(after, name) for name in LIMIT_FIELDS):
        raise by_adjustment_only("make an adjustment journal and post it.")
    if loosens(before, after) and not rules.asks:
        raise by_adjustment_only(
            f"switch the workflow {raising.NAME} on, and whoever approves decides about this, or make a journal."
        )


def by_adjustment_only(remedy: str) -> Problem:
    """What is refused where a company's limits are not changed by hand."""
    return Problem(
        409, "limits-by-adjustment-only", "Limits change by posted adjustments only",
        f"The company's parameter allow_manual_limit_edit is off: {remedy}",
    )  # fmt: skip


def must_be_identified(parameters: Parameters, limit: Decimal, customer: str) -> None:
    """Raises Problem 422 for a limit that is for customers with a government id only; this one has none."""
    if needs_identification(limit, parameters.require_identification, parameters.identification_limit):
        raise field_problem(
            422, "identification-missing", "The customer is not identified", "credit_limit", f"{limit:f}",
            f"a limit of so much needs a government id, and the ERP has told of none for {customer}",
            "Let the ERP send erp.customer.changed.v1 with identification first.",
        )  # fmt: skip


def _eligible(before: Profile, after: Profile, rules: Rules) -> list[str]:
    check, above = rules.parameters.eligible_limit_check, above_eligible(before, after, rules.rates)
    if check == "off" or above is False:
        return []
    currency = after.eligible_credit_limit_currency or after.currency
    text = (
        f"The limit {after.credit_limit:f} {after.currency} is above the eligible limit "
        f"{after.eligible_credit_limit:f} {currency}"
        if above
        else f"The limit cannot be compared with the eligible limit: no exchange rate for {currency} today"
    )
    if check == "refused":
        raise field_problem(
            422, "above-eligible-limit" if above else "no-exchange-rate", "The limit is above the eligible limit"
            if above else "There is no exchange rate", "credit_limit", f"{after.credit_limit:f}", text,
            "Raise the eligible limit first, or send a lower limit." if above
            else "Let the ERP send erp.exchange-rate.published.v1, or record the eligible limit in company currency.",
        )  # fmt: skip
    return [f"{text}."]


async def _lock(work: Work, proposal: dict[str, Any]) -> None:
    await lock_accounts(work, {(proposal["company"], proposal["customer"])})


async def _now(work: Work, proposal: dict[str, Any]) -> Standing:
    return await read_standing(work, (proposal["company"], proposal["customer"]))


def basis_of(standing: Standing, proposal: dict[str, Any]) -> dict[str, Any]:
    """What a change is asked on: what decides how much may be owed, and the fields that it would overwrite."""
    return basis(standing) | {"touched": {name: getattr(standing.profile, name) for name in proposal["change"]}}


async def _basis(work: Work, proposal: dict[str, Any]) -> Any:
    return basis_of(await _now(work, proposal), proposal)


async def _amount(work: Work, proposal: dict[str, Any]) -> Decimal:
    before = await _now(work, proposal)
    after = changed(before.profile, restored(proposal["change"]), before.today)
    return resulting_limit(before, replace(before, profile=after))


async def _take_effect(work: Work, proposal: dict[str, Any], asked: Asked) -> None:
    now = await _now(work, proposal)
    after = changed(now.profile, restored(proposal["change"]), now.today)
    await apply(work, [(now.profile, after)], Door(asked.requester, "approved", str(asked.id), asked.reason))


raising.DOORS["profile"] = raising.Door(_lock, _basis, _amount, _take_effect)


def restored(proposal: dict[str, Any]) -> Change:
    """A change as it was stored with its approval."""
    values = dict(proposal)
    for name in values:
        if values[name] is not None and name.endswith("_date"):
            values[name] = date.fromisoformat(values[name])
        elif values[name] is not None and name in {"credit_limit", "credit_limit_customer_currency",
                                                   "eligible_credit_limit"}:  # fmt: skip
            values[name] = Decimal(values[name])
    return Change(values)


def shown_profile(p: Profile) -> dict[str, Any]:
    """A profile as the API shows it."""
    own, eligible = p.customer_currency, p.eligible_credit_limit_currency or p.currency
    return asdict(p) | {
        "credit_limit": money(p.credit_limit, p.currency),
        "credit_limit_customer_currency": money(p.credit_limit_customer_currency, own) if own else None,
        "eligible_credit_limit": money(p.eligible_credit_limit, eligible),
    }
