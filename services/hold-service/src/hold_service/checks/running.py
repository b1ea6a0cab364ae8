"""When a check runs (spec 3.1, 3.6): why no rule is asked, in a sentence. Plain values."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hold_service.checks.admitting import Admissions, admitting
from hold_service.checks.known import Admission, Asked, Known, Release, Worth, values_of
from holdfast.receivables.model import Converter

RELEASED = "this document of the order was released from hold and goes through once"
PACKING_SLIP = "packing_slip"


def not_checked(asked: Asked, known: Known) -> str | None:
    """Why no rule runs, or None."""
    return outside(asked, known) or _released(asked, known)


def outside(asked: Asked, known: Known) -> str | None:
    """Why the order stands outside credit management, whatever has been released; a re-check asks this as well."""
    return off(asked, known) or unchecked_document(asked, known) or _excluded(asked, known) or _too_small(asked, known)


def off(asked: Asked, known: Known) -> str | None:
    """Why not even the customer's block counts."""
    if not known.setup.credit.credit_management_enabled:
        return f"credit management is off for company {known.position.company}"
    return "a project order is not a sales order" if asked.is_project else None


def unchecked_document(asked: Asked, known: Known) -> str | None:
    """Why the document is not checked, whatever is known of its order. That a company nobody has heard of has set no
    checkpoint up says nothing: it may be mistyped."""
    setup, company = known.setup.checkpoints.get(known.checkpoint), known.position.company
    if setup is None and known.position.currency is None:
        return None
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
    most = max(convert.exact(*worth) for worth in values_of(asked.order, known))
    if convert.missing or not convert.currency or most >= least:
        return None
    return f"the order is below the minimum of {least:f} {convert.currency}"


def _released(asked: Asked, known: Known) -> str | None:
    given, on, worth = known.setup.parameters, known.position.check_date, values_of(asked.order, known)
    if admitted(asked, known):
        return RELEASED
    release = known.release if known.release and _counts(known.release, asked, known) else None
    if release is None or (release.capped and not _fits(worth, release, given.release_value_tolerance_percent)):
        return None
    if given.skip_rules_after_release:
        return f"the order was released on {release.released_on}, and released orders are not checked again"
    in_grace = release.grace_until is not None and on <= release.grace_until
    if in_grace and _fits(worth, release, given.release_value_tolerance_percent):
        return f"the order was released on {release.released_on} and has grace until {release.grace_until}"
    return None


def admitted(asked: Asked, known: Known) -> Admissions:
    """The releases that the document goes through on once; none when it does not."""
    tolerance = known.setup.parameters.release_value_tolerance_percent
    one = asked.document_total
    document = values_of(asked.order, known) if one is None else [(one, asked.order.currency)]
    return admitting(document, [a for a in known.admissions if _counts(a, asked, known)], tolerance)


def _counts(released: Admission | Release, asked: Asked, known: Known) -> bool:
    """Whether what was released counts still: not after the day it was released until, nor when the order has been
    cancelled since. A cancelled order that is revived is a new one, and the one that was released is gone."""
    if released.valid_until is not None and known.position.check_date > released.valid_until:
        return False
    state = known.position.orders.get(asked.order.order)
    return state is None or state.cancel_version is None or state.cancel_version < released.order_version


def _fits(worth: Sequence[Worth], released: Release, tolerance: Decimal) -> bool:
    """Whether what the order is worth was released, give or take the tolerance."""
    most = released.total * (100 + tolerance) / 100
    return all(currency == released.currency and total <= most for total, currency in worth)
