"""The view of a customer's exposure as the API shows it: what a rate lacks for is absent, never a guess (spec 2.7)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from credit_service.exposure.model import Concentration, GroupUse, View
from holdfast.receivables.limits import Level, LimitTest, Temporary
from holdfast.receivables.model import LimitType
from holdfast.receivables.money import total
from holdfast.web.auth import Caller
from holdfast.web.money import money

COUNTED = (LimitType.BALANCE, LimitType.BALANCE_AND_PACKING_SLIP, LimitType.BALANCE_AND_ALL)


def shown_view(view: View, caller: Caller | None) -> dict[str, Any]:
    """A view; amounts in company currency unless they say otherwise. `limit`, `used_percent` and `available` are those
    of the governing level of which most is used. `caller` is needed for a member of a credit group."""
    position, governs = view.exposure.position, view.governs
    code = governs.currency if governs else view.exposure.parts.currency
    return {
        "company": position.company, "customer": position.customer, "check_date": position.check_date,
        "profile_version": view.profile.version if view.profile else None,
        "days_overdue": view.exposure.days_overdue, "missing_rates": sorted(view.missing_rates),
        "problem": _problem(view), **_parts(view), **_limits(view),
        "limit_level": governs.level if governs else None, "not_tested_because": view.not_tested,
        "limit": _money(view.limit, code), "used_percent": view.used_percent,
        "available": _money(view.available, code), "levels": [_level(view, test) for test in view.levels],
        "group": {"checked": view.is_group_checked, **shown_use(view.group, caller)} if view.group and caller else None,
    }  # fmt: skip


def _problem(view: View) -> str | None:
    if not view.missing_rates:
        return None
    codes, position = ", ".join(sorted(view.missing_rates)), view.exposure.position
    if position.currency is None:
        return (
            f"Company {position.company} is not known: nothing can be told in its currency, and orders are held. "
            "Let the ERP send erp.company.changed.v1, or correct the company's number where it was mistyped."
        )
    return (
        f"No exchange rate for {codes} on {position.check_date.isoformat()}: what depends on it is not shown, and "
        "orders are held. Let the ERP send erp.exchange-rate.published.v1."
    )


def _parts(view: View) -> dict[str, Any]:
    parts = view.exposure.parts
    code = parts.currency if not view.exposure.missing_rates else ""
    amounts = {
        "balance": parts.balance, "delivered_not_invoiced": parts.delivered_not_invoiced,
        "open_orders": parts.open_orders, "reserved": parts.reserved, "exposure": view.total,
        "overdue_amount": view.exposure.overdue_amount,
    }  # fmt: skip
    shown: dict[str, Any] = {name: _money(amount, code) for name, amount in amounts.items()}
    shown["credit_limit_type"] = view.known.parameters.credit_limit_type
    shown["exposure_by_limit_type"] = {kind.value: _money(parts.exposure(kind), code) for kind in COUNTED}
    shown["uninsured_exposure"] = _money(view.uninsured, "" if view.limit_missing else code)
    return shown


def _limits(view: View) -> dict[str, Any]:
    own, code, profile = view.own, view.exposure.parts.currency, view.profile
    known = "" if view.limit_missing else code
    return {
        "permanent_limit": _money(own.permanent, code), "temporary_limit": _temporary(own.temporary, code),
        "base_limit": _money(own.base, code), "insurance_and_guarantees": _money(own.increase, known),
        "insured_value": _money(own.insured, known), "total_limit": _money(own.total, known),
        "exposure_value": _money(own.exposure_value, known),
        "credit_limit_expiry_date": profile.credit_limit_expiry_date if profile else None,
        "unlimited": profile is not None and profile.unlimited_credit,
        "mandatory": profile is not None and profile.mandatory_credit_limit,
        "excluded": profile is not None and profile.exclude_from_credit_management,
    }  # fmt: skip


def _level(view: View, test: LimitTest) -> dict[str, Any]:
    shared = view.group if test.level is Level.GROUP else None
    missing = shared.missing_rates if shared else view.exposure.parts.missing_rates | view.limit_missing
    return {"level": test.level, "governs": test in view.tests, **shown_test(test, missing)}


def shown_test(test: LimitTest, missing: frozenset[str]) -> dict[str, Any]:
    """A limit and what is used of it; nothing of what a rate lacks for."""
    code = "" if missing else test.currency
    return {
        "limit": _money(test.limit, code), "exposure": _money(test.exposure, code),
        "used_percent": None if missing else test.used_percent, "available": _money(test.available, code),
        "missing_rates": sorted(missing),
    }  # fmt: skip


def shown_use(use: GroupUse, caller: Caller) -> dict[str, Any]:
    """A group's limit and exposure; members of other companies than the caller's appear as a number and a total only
    (spec 1.10)."""
    code = use.group.currency
    mine = [share for share in use.shares if caller.sees(share.party[0])]
    others = [share for share in use.shares if not caller.sees(share.party[0])]
    lacking = any(share.missing_rates for share in others)
    return {
        "group": use.group.name, "expiry_date": use.group.expiry_date,
        "permanent_limit": money(use.group.credit_limit, code), "temporary_limit": _temporary(use.temporary, code),
        "members": [
            {"company": share.party[0], "customer": share.party[1],
             "exposure": _money(share.exposure, "" if share.missing_rates else code)} for share in mine
        ],
        "other_companies": {
            "members": len(others), "exposure": _money(total(s.exposure for s in others), "" if lacking else code),
        },
    }  # fmt: skip


def _temporary(limit: Temporary | None, code: str) -> dict[str, Any] | None:
    if limit is None:
        return None
    amount = _money(limit.amount, code)
    return {"id": limit.id, "amount": amount, "from_date": limit.from_date, "to_date": limit.to_date}


def _money(amount: Decimal | None, code: str) -> dict[str, Any] | None:
    return money(amount, code) if code else None


def shown_concentration(found: Concentration, company: str, currency: str) -> dict[str, Any]:
    """How much of the company's exposure the largest customers have; no shares while an amount is missing."""
    whole = found.incomplete == 0
    items = [
        {"customer": one.customer, "exposure": money(one.exposure, currency),
         "uninsured_exposure": money(one.uninsured, currency), "share_percent": one.share if whole else None,
         "cumulated_percent": one.cumulated if whole else None}
        for one in found.largest
    ]  # fmt: skip
    return {
        "company": company, "customers": found.customers, "exposure": money(found.total, currency),
        "uninsured_exposure": money(found.uninsured, currency),
        "top_share_percent": items[-1]["cumulated_percent"] if items else None, "items": items,
        "incomplete_customers": found.incomplete, "incomplete": found.named,
    }  # fmt: skip
