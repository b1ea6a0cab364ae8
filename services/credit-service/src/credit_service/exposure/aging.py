"""Ages of what is open, in days past due: of a customer, and of a credit group (spec 5). Plain values."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from holdfast.receivables.model import Converter
from holdfast.receivables.money import ZERO, rounded, total
from holdfast.web.money import money

BUCKETS = ("not_due", "1_30", "31_60", "61_90", "over_90")
AGE = """CASE WHEN d.due_date IS NULL OR d.due_date >= {day} THEN 0 WHEN d.due_date >= {day} - 30 THEN 1
              WHEN d.due_date >= {day} - 60 THEN 2 WHEN d.due_date >= {day} - 90 THEN 3 ELSE 4 END"""
"""The bucket of an open debit `d`; one without a due date is not due."""
Ages = tuple[Decimal, ...]
"""An amount by bucket."""
NOTHING: Ages = (ZERO,) * len(BUCKETS)


def ages_in(convert: Converter, found: Sequence[tuple[str, int, Decimal]]) -> Ages | None:
    """What is open (currency, bucket, amount), in company currency; None when a rate or that currency lacks."""
    if not convert.currency:
        return None
    sums = list(NOTHING)
    for currency, bucket, amount in found:
        sums[bucket] += rounded(convert.exact(amount, currency), convert.currency)
    return None if convert.missing else tuple(sums)


def total_of(many: Sequence[Ages | None]) -> Ages | None:
    """Bucket by bucket; None when one is not known."""
    known = [ages for ages in many if ages is not None]
    return tuple(total(amounts) for amounts in zip(NOTHING, *known, strict=True)) if len(known) == len(many) else None


def shown_ages(ages: Ages | None, currency: str) -> dict[str, Any] | None:
    """As the API shows them."""
    return None if ages is None else {n: money(a, currency) for n, a in zip(BUCKETS, ages, strict=True)}
