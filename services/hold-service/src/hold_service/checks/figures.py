"""What rules look at, made of what is known, and the figures that an answer shows. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hold_service.checks.known import Asked, Known, Members, order_value
from hold_service.checks.limits import NOBODY, Limits
from hold_service.rules.facts import Facts
from holdfast.receivables.limits import Level
from holdfast.receivables.model import Converter, Parts, Party, days_overdue
from holdfast.receivables.money import ZERO, rounded


def facts_of(asked: Asked, known: Known, found: Parts, limits: Limits) -> tuple[Facts, frozenset[str]]:
    """What rules look at, and the rates that lack for it."""
    profile, position, setup = known.profile or NOBODY, known.position, known.setup
    convert = Converter(position)
    late, overdue = _overdue(known, found, convert)
    given, base = setup.parameters, known.standing
    term_base, discount_base = base.payment_terms, base.cash_discount
    if known.release is not None:
        term_base = known.release.payment_terms or term_base
        discount_base = known.release.cash_discount or discount_base
    facts = Facts(
        check_date=position.check_date, checkpoint=known.checkpoint, customer=position.customer,
        currency=found.currency, tests=limits.tests, comparison=setup.credit.limit_comparison,
        check_limit=setup.credit.check_limit_on_sales_order,
        days_overdue=late, overdue_amount=overdue, linked_days_overdue=_linked(known),
        open_debits=convert.sum({code: b.open_debits for code, b in position.balances.items()}),
        disputed_amount=convert.sum(known.standing.disputed),
        order_total=rounded(convert.exact(*order_value(asked.order, known)), found.currency),
        owed=found.balance, this_order=found.this_order,
        payment_term=asked.payment_terms, cash_discount=asked.cash_discount,
        cod_payment_term=given.cod_payment_term,
        term_base=term_base, term_rank=_rank(setup.term_ranks, asked.payment_terms),
        term_base_rank=_rank(setup.term_ranks, term_base),
        discount_base=discount_base, discount_rank=_rank(setup.discount_ranks, asked.cash_discount),
        discount_base_rank=_rank(setup.discount_ranks, discount_base),
        check_terms=given.check_when_payment_terms_increase,
        check_discounts=given.check_when_cash_discount_increases,
        account_status=profile.account_status, credit_management_group=profile.credit_management_group,
        risk_group=known.standing.risk_group if known.standing.risk_told else profile.risk_group,
        expiry_date=profile.expiry_date,
        ignore_blank_expiry=given.ignore_blank_expiry, next_review_date=profile.next_review_date,
        average_days_late=profile.average_days_late, dunning_level=known.standing.dunning_level,
        broken_promises=known.standing.broken_promises,
        rates=position.rates,
    )  # fmt: skip
    return facts, frozenset(convert.missing)


def _rank(ranks: Mapping[str, int], code: str | None) -> int | None:
    return ranks.get(code or "")


def _overdue(known: Known, found: Parts, convert: Converter) -> tuple[int, Decimal]:
    """Days and amount (spec 2.8), as the company's parameters want them."""
    given, position = known.setup.parameters, known.position
    late, overdue = days_overdue(position), convert.sum(position.overdue)
    if given.use_unallocated:
        credits = convert.sum({code: b.open_credits for code, b in position.balances.items()})
        overdue = max(ZERO, overdue - abs(credits))
    too_small = bool(given.exclude_account_below) and found.balance < given.exclude_account_below
    unowed = given.blocking_calc_base == "balance_positive" and found.balance <= 0
    in_grace = given.blocking_calc_base == "overdue_including_grace" and late <= _grace(known)
    return (0, ZERO) if too_small or unowed or in_grace else (late, overdue)


def _grace(known: Known) -> int:
    place = known.setup.checkpoints.get(known.checkpoint)
    return place.grace_days if place else 0


def _linked(known: Known) -> dict[str, int]:
    """Days that the other members of the group are overdue (spec 2.8)."""
    if known.group is None or known.members is None or not known.group.check_member_overdue:
        return {}
    me, members = (known.position.company, known.position.customer), known.members
    others = {p: _days(p, members) for p in members.parties if p != me}
    return {"/".join(party): days for party, days in others.items() if days}


def _days(party: Party, members: Members) -> int:
    share = members.settled.get(party)
    return share.days_overdue if share else days_overdue(members.positions[party])


def figures(found: Parts | None, limits: Limits | None, facts: Facts | None) -> dict[str, Any] | None:
    """The numbers of a decision as `CreditFigures` of the contract, in company currency; none where a rate lacks:
    they would be incomplete (spec 2.7)."""
    if found is None or not found.currency or found.missing_rates:
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
            shown["exposure"] = test.exposure
    if (governs := limits.tightest) is not None:
        shown |= {"limit_level": governs.level, "used_percent": governs.used_percent}
        if governs.currency == found.currency:
            shown |= {"limit": governs.limit, "available": governs.available}
    return shown
