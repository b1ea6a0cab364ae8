"""Which limits a check is tested against, and what is used of them: own and shared (spec 2.1-2.6). Plain values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from hold_service.checks.known import Asked, CreditGroup, Known, Members, Profile, Share
from holdfast.receivables import many
from holdfast.receivables.limits import (
    Level,
    LimitTest,
    OwnLimit,
    governing,
    in_group_currency,
    is_tested,
    own_limit,
    shared_limit,
    tightest,
)  # fmt: skip
from holdfast.receivables.model import PASSED, CheckedOrder, Converter, Parts, Party, Position, days_overdue
from holdfast.receivables.money import ZERO
from holdfast.values import quick

NOBODY = Profile(0, "", ZERO)
"""A customer without a profile has no credit (spec 0: a limit of 0.00 means no credit)."""


@quick
@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a customer with their exposure. `tests`: those that govern, the group's first; none when no limit
    is tested. `missing_rates` make them incomplete."""

    own: OwnLimit
    tests: tuple[LimitTest, ...] = ()
    group: CreditGroup | None = None
    missing_rates: frozenset[str] = frozenset()

    @property
    def tightest(self) -> LimitTest | None:
        """The governing limit of which most is used."""
        return tightest(self.tests)


def parts_of(asked: Asked, known: Known) -> Parts:
    """The parts of the exposure with the order; of an order that waits for stock perhaps only what is reserved."""
    credit = known.setup.credit
    found = many.parts_of(known.position, asked.order, credit.open_orders_counted)
    if asked.reserved_total is None or credit.bypass_inventory_reservations:
        return found
    convert = Converter(known.position)
    reserved = convert.sum({asked.order.currency: asked.reserved_total})
    return replace(found, this_order=min(found.this_order, reserved))


def limits_of(order: CheckedOrder, known: Known, found: Parts) -> Limits:
    """The limits that govern, with their exposure."""
    profile, credit = known.profile or NOBODY, known.setup.credit
    convert = Converter(known.position)
    own = own_limit(profile.limit, profile.temporary, profile.policies, known.position.check_date, convert)
    if not is_tested(credit.credit_limit_type, unlimited=profile.unlimited, mandatory=profile.mandatory):
        return Limits(own)
    exposure = found.exposure(credit.credit_limit_type)
    own_test = LimitTest(Level.OWN, own.tested(credit.flagged_policy_mode), exposure, found.currency)
    group, missing = _group_test(order, known, exposure)
    tests = governing(own_test, group, mandatory=profile.mandatory)
    return Limits(own, tests, known.group if group else None, missing | convert.missing)


def _group_test(order: CheckedOrder, known: Known, own: Decimal) -> tuple[LimitTest | None, frozenset[str]]:
    group, members = known.group, known.members
    if group is None or members is None or not known.setup.credit.check_customer_credit_groups:
        return None, frozenset()
    me = (known.position.company, known.position.customer)
    exposure, missing = in_group_currency(own, known.position, group.currency)
    for party in members.parties:
        if party != me:
            share = members.settled.get(party) or _share(party, order, members, group)
            exposure, missing = exposure + share.exposure, missing | share.missing_rates
    return LimitTest(Level.GROUP, group_limit(group, known), exposure, group.currency), missing


def group_limit(group: CreditGroup, known: Known) -> Decimal:
    """The shared limit on the check date: an active temporary one replaces the permanent one."""
    return shared_limit(group.limit, group.temporary, known.position.check_date)


def _share(party: Party, order: CheckedOrder, members: Members, group: CreditGroup) -> Share:
    """What another member uses of the shared limit beside this order."""
    position, credit = members.positions[party], members.setups[party[0]].credit
    found = many.parts_of(position, order, credit.open_orders_counted, beside=True)
    exposure, missing = in_group_currency(found.exposure(credit.credit_limit_type), position, group.currency)
    share = Share(exposure, missing | found.missing_rates, days_overdue(position))
    if _is_settled(position):
        members.settled[party] = share
    return share


def _is_settled(position: Position) -> bool:
    """Whether the exposure is the same for every check: no order is held or waits for a check of its own."""
    if position.waiting:
        return False
    orders = all(order.credit_status in PASSED for order in position.orders.values())
    return orders and all(reservation.status in PASSED for reservation in position.reservations.values())
