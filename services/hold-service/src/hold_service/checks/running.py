"""When a check runs (spec 3.1, 3.6): why no rule is asked, in a sentence. Plain values."""

from __future__ import annotations

from decimal import Decimal

from hold_service.checks.known import Admission, Asked, Known, Release
from holdfast.receivables.model import CheckedOrder, Converter

RELEASED = "this document of the order was released from hold and goes through once"
PACKING_SLIP = "packing_slip"


def not_checked(asked: Asked, known: Known) -> str | None:
    """Why no rule runs, or None."""
    return outside(asked, known) or _released(asked.order, known)


def outside(asked: Asked, known: Known) -> str | None:
    """Why the order stands outside credit management, whatever has been released; a re-check asks this as well."""
    return off(asked, known) or _switched_off(asked, known) or _excluded(asked, known) or _too_small(asked, known)


def off(asked: Asked, known: Known) -> str | None:
    """Why not even the customer's block counts."""
    if not known.setup.credit.credit_management_enabled:
        return f"credit management is off for company {known.position.company}"
    return "a project order is not a sales order" if asked.is_project else None


def _switched_off(asked: Asked, known: Known) -> str | None:
    setup, company = known.setup.checkpoints.get(known.checkpoint), known.position.company
    if setup is None or not (setup.on_proforma if asked.proforma else setup.on_posting):
        kind = "pro forma " if asked.proforma else ""
        return f"the checkpoint {kind}{known.checkpoint} is off for company {company}"
    given = known.setup.parameters
    if known.checkpoint == PACKING_SLIP and asked.change == "cancel" and given.skip_check_when_cancelling_packing_slip:
        return "a packing slip is cancelled, which is not checked"
    if known.checkpoint == PACKING_SLIP and asked.change == "reduce" and given.skip_check_when_reducing_packing_slip:
        return "a packing slip is reduced, which is not checked"
    return None


def _excluded(asked: Asked, known: Known) -> str | None:
    profile = known.profile
    if profile is not None and profile.excluded:
        return "the customer is excluded from credit management"
    if profile is not None and profile.ignore_until_date and known.position.check_date <= profile.ignore_until_date:
        return f"credit management of the customer is suspended until {profile.ignore_until_date}"
    return "the order is excluded from credit management" if asked.excluded else None


def _too_small(asked: Asked, known: Known) -> str | None:
    least = known.setup.parameters.exclude_sales_order_below
    if not least:
        return None
    convert = Converter(known.position)
    total = convert.exact(asked.order.total, asked.order.currency)
    if convert.missing or not convert.currency or total >= least:
        return None
    return f"the order is below {least:f} {convert.currency}, the least that is checked"


def _released(order: CheckedOrder, known: Known) -> str | None:
    release, given = known.release, known.setup.parameters
    if known.admission is not None and _fits(order, known.admission, given.release_value_tolerance_percent):
        return RELEASED
    if release is None:
        return None
    if given.skip_rules_after_release:
        return f"the order was released on {release.released_on}, and released orders are not checked again"
    in_grace = release.grace_until is not None and known.position.check_date <= release.grace_until
    if in_grace and _fits(order, release, given.release_value_tolerance_percent):
        return f"the order was released on {release.released_on} and has grace until {release.grace_until}"
    return None


def _fits(order: CheckedOrder, released: Admission | Release, tolerance: Decimal) -> bool:
    """Whether the order is worth what was released, give or take the tolerance."""
    most = released.total * (100 + tolerance) / 100
    return released.currency == order.currency and order.total <= most
