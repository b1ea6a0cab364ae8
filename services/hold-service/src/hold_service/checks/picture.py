"""The credit picture: the numbers a decision was made from, kept with it (spec 2.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hold_service.checks.model import Known, Verdict, figures
from hold_service.rules.model import looked_at

if TYPE_CHECKING:
    from hold_service.checks.decide import Decided


def picture(d: Decided) -> dict[str, Any]:
    """The picture of a check."""
    request = d.request
    order = {
        "total": request.total, "currency": request.currency, "version": request.order_version,
        "payment_terms": request.payment_terms, "cash_discount": request.cash_discount, "origin": request.origin,
        "excluded": request.exclude_from_credit_management, "created_at": d.order.created_at,
    }  # fmt: skip
    return picture_of(d.known, d.verdict) | {"order": order}


def picture_of(known: Known, verdict: Verdict) -> dict[str, Any]:
    """What was known, looked at and found."""
    profile, position = known.profile, known.position
    return {
        "check_date": position.check_date, "currency": position.currency, "figures": figures(verdict),
        "profile": None if profile is None else {
            "version": profile.version, "limit": profile.limit, "currency": profile.currency,
            "unlimited": profile.unlimited, "excluded": profile.excluded},
        "balances": {code: b.balance for code, b in position.balances.items()},
        "rates": {code: {"rate": r.value, "inverse": r.inverse} for code, r in position.rates.items()},
        "company_live": position.live, "customer_known": position.customer_known, "parked": known.parked,
        "facts_age_seconds": known.facts_age, "open_orders_counted": "passed_and_earlier",
        "limit_type": "balance_and_all", "limit_comparison": "strict",
        "rules": looked_at(known.setup.rules, position.check_date) if verdict.not_checked is None else [],
        "findings": [{"reason": f.reason, "rule": f.rule, "text": f.text, "to_pass": f.to_pass}
                     for f in verdict.findings],
    }  # fmt: skip
