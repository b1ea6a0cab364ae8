"""The view of a customer's exposure against the limits that govern it (spec 2.1-2.7). Plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from credit_service.groups.model import Group
from credit_service.parameters.model import Parameters
from credit_service.profiles.model import Profile
from credit_service.room.model import why_untested
from holdfast.receivables.exposure import Exposure
from holdfast.receivables.limits import (
    Level,
    LimitTest,
    OwnLimit,
    Policy,
    PolicyMode,
    Temporary,
    governing,
    in_group_currency,
    own_limit,
    shared_limit,
    tightest,
)  # fmt: skip
from holdfast.receivables.model import Converter, LimitType, Party
from holdfast.receivables.money import ZERO, percentage, total

SortKey = tuple[int, Decimal, str, str]
"""Class, negated amount or percentage, company, customer."""
INCOMPLETE, EXCEEDED, TESTED, UNTESTED = range(4)


@dataclass(frozen=True, slots=True)
class Share:
    """What a member uses of the shared limit, in the group's currency, and the currencies whose rate lacks."""

    party: Party
    exposure: Decimal
    missing_rates: frozenset[str]


@dataclass(frozen=True, slots=True)
class GroupUse:
    """A credit group on a date: the shared limit in force and what each member uses of it, group currency."""

    group: Group
    limit: Decimal
    temporary: Temporary | None
    shares: Sequence[Share]

    @property
    def test(self) -> LimitTest:
        """The shared limit against the exposure of all members."""
        return LimitTest(Level.GROUP, self.limit, total(s.exposure for s in self.shares), self.group.currency)

    @property
    def missing_rates(self) -> frozenset[str]:
        """Currencies without a rate: the exposure is incomplete."""
        return frozenset().union(*(share.missing_rates for share in self.shares))


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a customer, in company currency but for policies and temporary limits of the group."""

    exposure: Exposure
    profile: Profile | None
    parameters: Parameters
    temporary: Sequence[Temporary] = ()
    policies: Sequence[Policy] = ()

    @property
    def limit_type(self) -> LimitType:
        """What counts as exposure in the customer's company."""
        return LimitType(self.parameters.credit_limit_type)

    @property
    def total(self) -> Decimal:
        """E of the company's limit type, as the next order would meet it."""
        return self.exposure.parts.exposure(self.limit_type)


@dataclass(frozen=True, slots=True)
class View:
    """A customer's exposure against own and group limit. Without a profile the limit is 0.

    `tests`: the limits that govern (spec 2.4), the group's first; none when no limit is tested.
    """

    known: Known
    own: OwnLimit
    group: GroupUse | None
    tests: tuple[LimitTest, ...]
    limit_missing: frozenset[str]
    not_tested: str | None = None
    levels: tuple[LimitTest, ...] = field(default=())

    @property
    def exposure(self) -> Exposure:
        """The figures of the receivables kernel."""
        return self.known.exposure

    @property
    def profile(self) -> Profile | None:
        """The credit profile; None when it was never set."""
        return self.known.profile

    @property
    def total(self) -> Decimal:
        """E of the company's limit type, company currency."""
        return self.known.total

    @property
    def missing_rates(self) -> frozenset[str]:
        """Currencies without a rate that any governing level needs: nothing is decided on such figures (spec 2.7)."""
        in_group = self.group.missing_rates if self.group and self.is_group_checked else frozenset()
        return self.exposure.missing_rates | self.limit_missing | in_group

    @property
    def is_group_checked(self) -> bool:
        """Whether the company tests shared limits."""
        return self.known.parameters.check_customer_credit_groups

    @property
    def governs(self) -> LimitTest | None:
        """The governing limit of which most is used; None when no limit is tested or a rate lacks."""
        return None if self.missing_rates else tightest(self.tests)

    @property
    def limit(self) -> Decimal | None:
        """Of the governing level."""
        return self.governs.limit if self.governs else None

    @property
    def used_percent(self) -> Decimal | None:
        """Of the governing level; None when unlimited or without a limit."""
        return self.governs.used_percent if self.governs else None

    @property
    def available(self) -> Decimal | None:
        """Of the governing level; None when unlimited."""
        return self.governs.available if self.governs else None

    @property
    def uninsured(self) -> Decimal:
        """What no policy that is valid today covers (spec 2.3), company currency."""
        return max(ZERO, self.total - self.own.insured)


def share_of(known: Known, currency: str) -> Share:
    """What a member uses of a shared limit in `currency`, by its own company's limit type (spec 2.6)."""
    position = known.exposure.position
    amount, missing = in_group_currency(known.total, position, currency)
    return Share((position.company, position.customer), amount, missing | known.exposure.parts.missing_rates)


def use_of(group: Group, temporary: Sequence[Temporary], shares: Sequence[Share], known: Known) -> GroupUse:
    """A credit group as one of its members meets it: on the business date of that member's company."""
    on = known.exposure.position.check_date
    active = next((limit for limit in temporary if limit.covers(on)), None)
    return GroupUse(group, shared_limit(group.credit_limit, temporary, on), active, shares)


def view_of(known: Known, group: GroupUse | None) -> View:
    """Which limits govern the customer, with what is used of them (spec 2.4)."""
    profile, parameters, position = known.profile, known.parameters, known.exposure.position
    convert = Converter(position)
    permanent = profile.credit_limit if profile else ZERO
    own = own_limit(permanent, known.temporary, known.policies, position.check_date, convert)
    mode = PolicyMode(parameters.flagged_policy_mode)
    test = LimitTest(Level.OWN, own.tested(mode), known.total, known.exposure.parts.currency)
    shared = group.test if group else None
    levels = (test,) if shared is None else (shared, test)
    missing, untested = frozenset(convert.missing), why_untested(profile, parameters, position.check_date)
    if untested is not None:
        return View(known, own, group, (), missing, untested, levels)
    checked = shared if parameters.check_customer_credit_groups else None
    mandatory = profile is not None and profile.mandatory_credit_limit
    return View(known, own, group, governing(test, checked, mandatory=mandatory), missing, None, levels)


def _party(view: View) -> Party:
    position = view.exposure.position
    return position.company, position.customer


def by_used_percent(view: View) -> SortKey:
    """Figures that lack a rate first, then over-used without a limit, then by used percentage, unlimited last."""
    if view.missing_rates:
        return INCOMPLETE, ZERO, *_party(view)
    test = view.governs
    if test is None:
        return UNTESTED, ZERO, *_party(view)
    if test.limit <= 0 < test.exposure:
        return EXCEEDED, -test.exposure, *_party(view)
    return TESTED, -(test.used_percent or ZERO), *_party(view)


def by_exposure(view: View) -> SortKey:
    """Figures that lack a rate first, then the largest exposure of a company."""
    return (INCOMPLETE, ZERO, *_party(view)) if view.missing_rates else (TESTED, -view.total, *_party(view))


def by_uninsured(view: View) -> SortKey:
    """Figures that lack a rate first, then the largest exposure that no policy covers."""
    return (INCOMPLETE, ZERO, *_party(view)) if view.missing_rates else (TESTED, -view.uninsured, *_party(view))


def reaches(view: View, least: Decimal | None) -> bool:
    """Whether at least so much is used; what cannot be known is shown, and so is debt without a limit."""
    if least is None or view.missing_rates:
        return True
    test = view.governs
    return test is not None and ((test.used_percent or 0) >= least or test.limit <= 0 < test.exposure)


ORDERS: Mapping[str, Callable[[View], SortKey]] = {
    "-used_percent": by_used_percent, "-exposure": by_exposure, "-uninsured_exposure": by_uninsured,
}  # fmt: skip


def owed(view: View) -> tuple[Decimal, Decimal] | tuple[None, None]:
    """The exposure and what no policy covers of it; none when a rate lacks for them."""
    lacking = view.exposure.parts.missing_rates | view.limit_missing
    return (None, None) if lacking else (view.total, view.uninsured)


@dataclass(frozen=True, slots=True)
class Largest:
    """One of the customers who owe most: amounts in company currency, shares of the company's total in percent."""

    customer: str
    exposure: Decimal
    uninsured: Decimal
    share: Decimal
    cumulated: Decimal


@dataclass(frozen=True, slots=True)
class Concentration:
    """How much of a company's exposure its largest customers have, company currency.

    Only customers who owe something count. `incomplete`: how many customers were left out because a rate lacks, and
    `named` some of them.
    """

    total: Decimal
    uninsured: Decimal
    customers: int
    largest: Sequence[Largest]
    incomplete: int
    named: Sequence[str]


MOST_NAMED = 100


def concentration(views: Sequence[View], top: int) -> Concentration:
    """The largest customers of one company: the reference of the SQL."""
    lacking = sorted(_party(view)[1] for view in views if owed(view)[0] is None)
    known = [view for view in views if owed(view)[0] is not None and view.total > 0]
    owing = sorted(known, key=lambda view: (-view.total, _party(view)))
    whole, above, largest = total(view.total for view in owing), ZERO, []
    for view in owing[:top]:
        above += view.total
        largest.append(Largest(
            _party(view)[1], view.total, view.uninsured, percentage(view.total, whole), percentage(above, whole)
        ))  # fmt: skip
    return Concentration(
        whole, total(view.uninsured for view in owing), len(owing), largest, len(lacking), lacking[:MOST_NAMED]
    )
