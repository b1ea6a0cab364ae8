"""What a release admits once (spec 3.7): which releases a document goes through on. Plain values.

A document has several beside each other only where each release was of other lines (`closing.ADMIT`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import accumulate, chain, combinations

from hold_service.checks.known import Admission, Worth
from holdfast.receivables.money import minor_unit

FEW = 8
"""Releases of lines of which every set is looked at."""
Admissions = tuple[Admission, ...]


def admitting(document: Sequence[Worth], admissions: Iterable[Admission], tolerance: Decimal) -> Admissions:
    """The releases that a document uses up; none when it does not go through.

    `document` is what is said of its worth. Of all sets of releases that come to as much it uses the one of the
    smallest value, so that the larger ones are left for larger documents; of those the fewest, and then those that end
    first.
    """
    found = sorted((a for a in admissions if all(currency == a.currency for _, currency in document)), key=_rank)
    most = max(amount for amount, _ in document)
    fitting = _fitting(found, lambda chosen: bool(chosen) and most <= _covered(chosen, tolerance))
    return min(fitting, key=lambda chosen: (_value(chosen), len(chosen), [_ends(a) for a in chosen]), default=())


def _fitting(found: Sequence[Admission], fits: Callable[[Admissions], bool]) -> Iterator[Admissions]:
    """Every set that fits; of very many releases each alone, and what is needed of the smallest or the largest ones."""
    if len(found) <= FEW:
        yield from filter(fits, chain.from_iterable(combinations(found, size) for size in range(1, len(found) + 1)))
        return
    yield from filter(fits, ((each,) for each in found))
    for ordered in (found, found[::-1]):
        together = next(filter(fits, accumulate((each,) for each in ordered)), ())
        yield from filter(fits, [_needed(together, fits)])


def _needed(chosen: Admissions, fits: Callable[[Admissions], bool]) -> Admissions:
    """Without those, the largest first, that are not needed to fit."""
    for each in sorted(chosen, key=_rank, reverse=True):
        rest = tuple(other for other in chosen if other is not each)
        chosen = rest if fits(rest) else chosen
    return chosen


def _covered(chosen: Admissions, tolerance: Decimal) -> Decimal:
    """Up to what value a document goes through. The value of each line, with its share of the charges, was rounded by
    itself, that of the document once."""
    rounding = minor_unit(chosen[0].currency) * (len(chosen) - 1)
    return _value(chosen) * (100 + tolerance) / 100 + rounding


def _value(chosen: Admissions) -> Decimal:
    return sum((each.total for each in chosen), Decimal(0))


def _rank(admission: Admission) -> tuple[Decimal, date, int]:
    return admission.total, *_ends(admission)


def _ends(admission: Admission) -> tuple[date, int]:
    return admission.valid_until or date.max, admission.hold_id
