"""How much a customer may owe, today and later, and whether a change lets them owe more (spec 1.17, 2.2-2.4).

Plain values. Days are compared on which anything that decides it begins or ends: a change that lets somebody owe more
on one of them is a raise, whatever field it touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from credit_service.groups.model import Group
from credit_service.parameters.model import Parameters
from credit_service.profiles.model import BEYOND_EVERY_BAND, Profile, loosens, restrictive
from holdfast.receivables.limits import (
    Level,
    LimitTest,
    Policy,
    PolicyMode,
    Temporary,
    governing,
    is_tested,
    own_limit,
    shared_limit,
)  # fmt: skip
from holdfast.receivables.model import Converter, LimitType, Position
from holdfast.receivables.money import ZERO, rounded

DAY = timedelta(days=1)
DECIDING = ("credit_management_enabled", "credit_limit_type", "check_customer_credit_groups", "flagged_policy_mode")
"""Parameters that a request is measured with."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides how much a customer may owe. `position` gives the business date and the rates into company currency;
    `shared` are the temporary limits of the credit group."""

    profile: Profile
    parameters: Parameters
    position: Position
    temporary: Sequence[Temporary] = ()
    policies: Sequence[Policy] = ()
    group: Group | None = None
    shared: Sequence[Temporary] = ()

    @property
    def today(self) -> date:
        """The business date of the customer's company."""
        return self.position.check_date

    @property
    def checked_group(self) -> Group | None:
        """The credit group, where the company tests shared limits."""
        return self.group if self.parameters.check_customer_credit_groups else None

    @property
    def mode(self) -> PolicyMode:
        """What flagged policies do to the limit."""
        return PolicyMode(self.parameters.flagged_policy_mode)


@dataclass(frozen=True, slots=True)
class Room:
    """The limits that are tested on a day, company currency; None where that level is not tested."""

    own: Decimal | None
    group: Decimal | None

    @property
    def is_untested(self) -> bool:
        """Whether no limit is tested at all."""
        return self.own is None and self.group is None

    @property
    def leaves_the_group(self) -> bool:
        """Whether only the group's limit is tested (spec 2.4)."""
        return self.own is None and self.group is not None

    def is_wider_than(self, before: Room) -> bool:
        """Whether more may be owed. An own limit of 0 lets nobody owe anything, whatever the group's is."""
        if before.is_untested or self.own == 0:
            return False
        return _wider(before.own, self.own) or _wider(before.group, self.group)

    def measured(self, level: Level) -> Decimal:
        """The resulting limit as approval bands measure it: of this level, else of the one that is tested."""
        first, second = (self.own, self.group) if level is Level.OWN else (self.group, self.own)
        found = first if first is not None else second
        return BEYOND_EVERY_BAND if found is None else found


def _wider(before: Decimal | None, after: Decimal | None) -> bool:
    return before is not None and (after is None or after > before)


def why_untested(profile: Profile | None, parameters: Parameters, on: date) -> str | None:
    """Why no limit of a customer is tested on a day (spec 2.4); None when limits are."""
    if not parameters.credit_management_enabled:
        return "credit management is off"
    if profile is not None and profile.exclude_from_credit_management:
        return "the customer is excluded from credit management"
    if profile is not None and profile.ignore_until_date is not None and on <= profile.ignore_until_date:
        return f"credit management is suspended until {profile.ignore_until_date.isoformat()}"
    if profile is not None and profile.unlimited_credit:
        return "the customer's credit is unlimited"
    mandatory = profile is not None and profile.mandatory_credit_limit
    tested = is_tested(LimitType(parameters.credit_limit_type), unlimited=False, mandatory=mandatory)
    return None if tested else "the limit type is none"


def room(standing: Standing, on: date) -> Room:
    """What may be owed on a day; what lacks a rate counts as 0 (see `lacking`)."""
    profile = standing.profile
    if why_untested(profile, standing.parameters, on) is not None:
        return Room(None, None)
    convert = Converter(standing.position)
    own = own_limit(profile.credit_limit, standing.temporary, standing.policies, on, convert).tested(standing.mode)
    shared = None
    if (group := standing.checked_group) is not None:
        exact = convert.exact(shared_limit(group.credit_limit, standing.shared, on), group.currency)
        shared = LimitTest(Level.GROUP, rounded(exact, convert.currency), ZERO, convert.currency)
    tests = governing(
        LimitTest(Level.OWN, own, ZERO, convert.currency), shared, mandatory=profile.mandatory_credit_limit
    )
    found = {test.level: test.limit for test in tests}
    return Room(found.get(Level.OWN), found.get(Level.GROUP))


def lacking(standing: Standing) -> set[str]:
    """Currencies without a rate that policies or the group need: nothing is measured without them (spec 2.7)."""
    reduces = standing.mode is PolicyMode.REDUCE_LIMIT
    named = {
        policy.currency for policy in standing.policies
        if policy.value and policy.expires_on >= standing.today
        and (policy.update_credit_limit_pct or (reduces and policy.included_in_exposure))
    }  # fmt: skip
    named |= {standing.group.currency} if standing.checked_group and standing.group else set()
    return named - {standing.position.currency, *standing.position.rates}


def days(*standings: Standing) -> list[date]:
    """Today, and every later day on which another limit may apply."""
    found = {standing.today for standing in standings}
    for one in standings:
        begins = {limit.from_date for limit in (*one.temporary, *one.shared)}
        ends = {limit.to_date for limit in (*one.temporary, *one.shared)}
        begins |= {policy.effective_from for policy in one.policies}
        ends |= {policy.expires_on for policy in one.policies}
        if one.profile.ignore_until_date is not None:
            ends.add(one.profile.ignore_until_date)
        found |= begins | {day + DAY for day in ends if day < date.max}
    return sorted(day for day in found if day >= standings[0].today)


def _wider_days(before: Standing, after: Standing) -> list[Room]:
    pairs = [(room(before, day), room(after, day)) for day in days(before, after)]
    return [now for was, now in pairs if now.is_wider_than(was)]


def raises(before: Standing, after: Standing) -> bool:
    """Whether a change lets the customer owe more, or longer, on any day (spec 1.17)."""
    return loosens(before.profile, after.profile) or bool(_wider_days(before, after))


def opens_group_room(before: Standing, after: Standing) -> bool:
    """Whether nothing is left of the own limit, so that only the group's is tested (spec 1.17, 2.4)."""
    return any(room(after, day).leaves_the_group and room(before, day).own is not None for day in days(before, after))


def resulting_limit(before: Standing, after: Standing, level: Level = Level.OWN) -> Decimal:
    """What approval bands measure, company currency: the highest limit on the days on which more may be owed."""
    found = _wider_days(before, after) or [room(after, day) for day in days(before, after)]
    return max(one.measured(level) for one in found)


def basis(standing: Standing) -> dict[str, Any]:
    """What a request is asked on: everything that decides how much the customer may owe."""
    group = standing.group
    return {
        "profile": restrictive(standing.profile),
        "parameters": {name: getattr(standing.parameters, name) for name in DECIDING},
        "temporary": _told(standing.temporary),
        "policies": _told(standing.policies),
        "group": None if group is None else [group.name, group.currency, group.credit_limit, _told(standing.shared)],
    }


def _told(limits: Iterable[Temporary] | Iterable[Policy]) -> list[dict[str, Any]]:
    return sorted((asdict(limit) for limit in limits), key=lambda found: str(found["id"]))
