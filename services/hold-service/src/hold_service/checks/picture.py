"""The credit picture: the numbers a decision was made from, kept with it (spec 2.12).

It holds the facts that rules looked at and the stamp of the set-up, so that a decision can be told, and tried again
with other rules, without anything else.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from pydantic import TypeAdapter

from hold_service.checks.known import Asked, Known
from hold_service.checks.model import Verdict
from hold_service.rules.facts import Facts
from holdfast.receivables.limits import covering

FACTS = TypeAdapter(Facts)


def picture_of(asked: Asked, known: Known, verdict: Verdict) -> dict[str, Any]:
    """What was known, looked at and found; the figures are kept with the answer."""
    position, setup = known.position, known.setup
    picture: dict[str, Any] = {
        "check_date": position.check_date, "currency": position.currency,
        "order": {
            "total": asked.order.total, "currency": asked.order.currency, "version": asked.order.version,
            "payment_terms": asked.payment_terms, "cash_discount": asked.cash_discount, "excluded": asked.excluded,
            "created_at": asked.order.created_at, "change": asked.change, "reserved_total": asked.reserved_total,
        },
        "profile": _profile(known), "balances": {code: b.balance for code, b in position.balances.items()},
        "rates": {code: {"rate": r.value, "inverse": r.inverse} for code, r in position.rates.items()},
        "company_live": position.live, "customer_known": position.customer_known, "parked": known.parked,
        "facts_age_seconds": known.facts_age, "open_orders_counted": setup.credit.open_orders_counted,
        "limit_type": setup.credit.credit_limit_type, "limit_comparison": setup.credit.limit_comparison,
        "setup": setup.stamp, "facts": None if verdict.facts is None else _kept(verdict.facts),
        "findings": [{"reason": f.reason, "rule": f.rule, "text": f.text, "to_pass": f.to_pass}
                     for f in verdict.findings],
    }  # fmt: skip
    if known.group is not None:
        picture["group"] = _group(known)
    if verdict.released_by is not None:
        picture["released_by"] = verdict.released_by.id
    if verdict.warnings:
        picture["warnings"] = [{"reason": f.reason, "rule": f.rule, "text": f.text} for f in verdict.warnings]
    return picture


def shown_picture(answer: dict[str, Any], picture: dict[str, Any]) -> dict[str, Any]:
    """A stored picture as the APIs show it, with the figures of its answer."""
    return {**picture, "figures": answer.get("figures")}


DEFAULTS = [(f.name, f.default) for f in fields(Facts) if f.default_factory is MISSING]


def _kept(facts: Facts) -> dict[str, Any]:
    """The facts that are not what they are by default."""
    found = {name: value for name, default in DEFAULTS if (value := getattr(facts, name)) != default}
    if facts.linked_days_overdue:
        found["linked_days_overdue"] = facts.linked_days_overdue
    if facts.rates:
        found["rates"] = facts.rates
    return found


def _profile(known: Known) -> dict[str, Any] | None:
    profile, on = known.profile, known.position.check_date
    if profile is None:
        return None
    return {
        "version": profile.version, "limit": profile.limit, "currency": profile.currency,
        "mandatory": profile.mandatory, "unlimited": profile.unlimited, "excluded": profile.excluded,
        "temporary": covering(profile.temporary, on),
        "policies": [policy for policy in profile.policies if policy.is_valid(on)],
        "hold_effect": profile.hold_effect,
    }  # fmt: skip


def _group(known: Known) -> dict[str, Any] | None:
    if known.group is None or known.members is None:
        return None
    group = known.group
    return {"group": group.id, "limit": group.limit, "currency": group.currency, "members": len(known.members.parties)}


def facts_in(picture: dict[str, Any]) -> Facts | None:
    """The facts of a stored picture; None where no rule was asked."""
    stored = picture.get("facts")
    return None if stored is None else FACTS.validate_python(stored)
