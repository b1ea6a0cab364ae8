"""What rules look at, made of what is known, and the figures that an answer shows. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hold_service.checks.known import Asked, Known
from hold_service.checks.limits import NOBODY, Limits
from hold_service.rules.facts import Facts
from holdfast.receivables.limits import Level
from holdfast.receivables.model import Converter, Parts, days_overdue, overdue_amount
from holdfast.receivables.money import ZERO, rounded


def facts_of(asked: Asked, known: Known, found: Parts, limits: Limits) -> Facts:
    """What rules look at."""
    profile, position, setup = known.profile or NOBODY, known.position, known.setup
    late, overdue, linked = _overdue(known, found)
    convert = Converter(position)
    given, base = setup.parameters, known.release or known.standing
    terms = _ranked(setup.term_ranks, asked.payment_terms, base.payment_terms)
    discounts = _ranked(setup.discount_ranks, asked.cash_discount, base.cash_discount)
    return Facts(
        check_date=position.check_date, checkpoint=known.checkpoint, customer=position.customer,
        currency=found.currency, tests=limits.tests, comparison=setup.credit.limit_comparison,
        check_limit=setup.credit.check_limit_on_sales_order,
        days_overdue=late, overdue_amount=overdue, linked_days_overdue=linked,
        open_debits=convert.sum({code: b.open_debits for code, b in position.balances.items()}),
        disputed_amount=convert.sum(known.standing.disputed),
        order_total=rounded(convert.exact(_total(asked, known), asked.order.currency), found.currency),
        payment_term=asked.payment_terms, cash_discount=asked.cash_discount,
        cod_payment_term=given.cod_payment_term,
        term_base=base.payment_terms, term_rank=terms[0], term_base_rank=terms[1],
        discount_base=base.cash_discount, discount_rank=discounts[0], discount_base_rank=discounts[1],
        check_terms=given.check_when_payment_terms_increase,
        check_discounts=given.check_when_cash_discount_increases,
        account_status=profile.account_status, credit_management_group=profile.credit_management_group,
        risk_group=known.standing.risk_group or profile.risk_group, expiry_date=profile.expiry_date,
        ignore_blank_expiry=given.ignore_blank_expiry, next_review_date=profile.next_review_date,
        average_days_late=profile.average_days_late, dunning_level=known.standing.dunning_level,
        broken_promises=known.standing.broken_promises,
        rates=position.rates,
    )  # fmt: skip


def _total(asked: Asked, known: Known) -> Decimal:
    state = known.position.orders.get(asked.order.order)
    newer = state is not None and state.version >= asked.order.version and state.currency == asked.order.currency
    return state.total if newer and state is not None else asked.order.total


def _ranked(ranks: Mapping[str, int], of_order: str | None, base: str | None) -> tuple[int | None, int | None]:
    """Ranks of the order's term or discount and of what it is compared with: the last release's, else the default."""
    return ranks.get(of_order or ""), ranks.get(base or "")


def _overdue(known: Known, found: Parts) -> tuple[int, Decimal, dict[str, int]]:
    """Days, amount, and days of the other members (spec 2.8), as the company's parameters want them."""
    given, position = known.setup.parameters, known.position
    late, (overdue, _) = days_overdue(position), overdue_amount(position)
    if given.use_unallocated:
        credits = Converter(position).sum({code: b.open_credits for code, b in position.balances.items()})
        overdue = max(ZERO, overdue - abs(credits))
    too_small = bool(given.exclude_account_below) and found.balance < given.exclude_account_below
    unowed = given.blocking_calc_base == "balance_positive" and found.balance <= 0
    in_grace = given.blocking_calc_base == "overdue_including_grace" and late <= _grace(known)
    if too_small or unowed or in_grace:
        late, overdue = 0, ZERO
    return late, overdue, _linked(known)


def _grace(known: Known) -> int:
    place = known.setup.checkpoints.get(known.checkpoint)
    return place.grace_days if place else 0


def _linked(known: Known) -> dict[str, int]:
    if known.group is None or known.members is None or not known.group.check_member_overdue:
        return {}
    me = (known.position.company, known.position.customer)
    others = {p: days_overdue(known.members.positions[p]) for p in known.members.parties if p != me}
    return {"/".join(party): days for party, days in others.items() if days}


def figures(found: Parts | None, limits: Limits | None, facts: Facts | None) -> dict[str, Any] | None:
    """The numbers of a decision as `CreditFigures` of the contract, in company currency."""
    if found is None or not found.currency:
        return None
    shown: dict[str, Any] = {
        "currency": found.currency, "balance": found.balance, "open_orders": found.open_orders,
        "delivered_not_invoiced": found.delivered_not_invoiced, "reserved": found.reserved,
        "this_order": found.this_order, "exposure": found.exposure(),
    }  # fmt: skip
    if limits is not None:
        shown |= _limit_figures(found, limits)
    if facts is not None:
        shown |= {"days_overdue": facts.days_overdue, "overdue_amount": facts.overdue_amount}
    return {name: value for name, value in shown.items() if value is not None}


def _limit_figures(found: Parts, limits: Limits) -> dict[str, Any]:
    shown: dict[str, Any] = {"own_limit": limits.own.total}
    if limits.own.flagged:
        shown["exposure_value"] = limits.own.exposure_value
    for test in limits.tests:
        if test.level is Level.GROUP and limits.group is not None:
            shown |= {
                "group": limits.group.id, "group_limit": test.limit, "group_exposure": test.exposure,
                "group_currency": test.currency, "group_used_percent": test.used_percent,
            }  # fmt: skip
        if test.level is Level.OWN or (len(limits.tests) == 1 and test.currency == found.currency):
            shown |= {
                "limit": test.limit, "exposure": test.exposure, "available": test.available,
                "used_percent": test.used_percent,
            }  # fmt: skip
    if limits.tightest is not None:
        shown["limit_level"] = limits.tightest.level
    return shown
