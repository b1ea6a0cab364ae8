"""A change of a profile, by whatever door it comes: checked, asked for where it raises, made, told (spec 1.17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg

from credit_service import raising
from credit_service.parameters.model import Parameters
from credit_service.parameters.store import read_parameters
from credit_service.profiles import store
from credit_service.profiles.model import Change, Profile, above_eligible, changed, loosens, touched
from credit_service.profiles.publishing import Door, publish, publish_limits
from credit_service.room.model import Standing, basis, opens_group_room, raises, resulting_limit
from credit_service.room.reading import must_be_measurable, read_standing
from holdfast.approvals.flow import Asked
from holdfast.database.work import Work
from holdfast.platform.clock import local_date
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.model import Party
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
    """What changes of a company's profiles are judged by; `asks`: raises pass approval."""

    parameters: Parameters
    today: date
    asks: bool


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


async def rules_of(work: Work, company: str, time_zone: str) -> Rules:
    """What changes of profiles are judged by today."""
    parameters = (await read_parameters(work, company)).parameters
    return Rules(parameters, local_date(work.business_now, time_zone), await raising.must_ask(work, company))


def judged(rules: Rules, standing: Standing, change: Change, *, confirmed: bool) -> Judged:
    """What becomes of a change. Raises Problem 409 or 422."""
    before = standing.profile
    after = changed(before, change, rules.today)
    _may_edit_limit(before, after, rules)
    warnings = _eligible(after, rules.parameters)
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
    rules = await rules_of(work, before.company, (await company_of(work, before.company))["time_zone"])
    found = judged(rules, await read_standing(work, party), change, confirmed=confirmed)
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
    history = [
        (after.company, after.customer, door.source, who, reason, before.credit_limit if before.version else None,
         after.credit_limit, after.credit_limit_date, after.credit_limit_expiry_date)
        for before, after in pairs
        if (before.credit_limit, before.credit_limit_expiry_date)
        != (after.credit_limit, after.credit_limit_expiry_date)
    ]  # fmt: skip
    if history:
        await store.note_history(work, history)
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


def _eligible(after: Profile, parameters: Parameters) -> list[str]:
    if parameters.eligible_limit_check == "off" or not above_eligible(after):
        return []
    text = f"The limit {after.credit_limit:f} is above the eligible limit {after.eligible_credit_limit:f}."
    if parameters.eligible_limit_check == "refused":
        raise field_problem(
            422, "above-eligible-limit", "The limit is above the eligible limit", "credit_limit",
            f"{after.credit_limit:f}", text, "Raise the eligible limit first, or send a lower limit.",
        )  # fmt: skip
    return [text]


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
