"""The parts of the exposure of a customer with very many orders, for one check of it after the other.

`parts` adds up every order for each check. Here the sums are kept: those that always count, and those of orders that
wait, by their age, so that what came before an order is known without adding it up. The figures are the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from holdfast.receivables.model import (
    PASSED,
    CheckedOrder,
    Converter,
    Counted,
    Parts,
    Position,
    beyond_state,
    composed,
    counts,
    is_near,
    open_parts,
    parts,
)  # fmt: skip
from holdfast.receivables.money import EXACT, ZERO
from holdfast.receivables.sums import UNDATED, ByCurrency, Place

FEW = 200
"""Up to so many orders adding them up is quicker."""
MOST_NEW = 200
"""Orders that came after the sums were made are gone through one by one; with more the sums are made anew."""
Amount = tuple[Place | None, str, Decimal]
"""Currency and amount that count for whatever came later than the key; without one, always."""


def parts_of(
    position: Position, check: CheckedOrder, counted: Counted = Counted.PASSED_AND_EARLIER, *, beside: bool = False
) -> Parts:
    """As `parts`, whatever the number of orders."""
    if position.places or len(position.orders) + len(position.reservations) <= FEW:
        return parts(position, check, counted, beside=beside)
    if not position.kept:
        position.kept.append(Sums())
    sums: Sums = position.kept[0]
    return sums.parts(position, check, counted, beside=beside)


@dataclass(frozen=True, slots=True)
class Share:
    """What one order and its reservation come to in D, O and R."""

    delivered: Sequence[Amount] = ()
    ordered: Sequence[Amount] = ()
    reserved: Sequence[Amount] = ()


def _share(position: Position, number: str, convert: Converter) -> Share | None:
    """The share of an order; None when rates are needed to tell it."""
    state, reservation = position.orders.get(number), position.reservations.get(number)
    if state is not None and state.invoiced_foreign:
        return None
    delivered, ordered, reserved = list[Amount](), list[Amount](), list[Amount]()
    if state is not None and state.customer == position.customer:
        code, undelivered, uninvoiced = open_parts(state, convert)
        delivered.append((None, code, uninvoiced))
        if is_near(state, position):
            ordered.append((_key(state.credit_status, state.created_at, number), code, undelivered))
    if reservation is not None:
        if state is not None and state.currency != reservation.currency and (state.currency or state.invoiced):
            return None
        beyond = beyond_state(reservation, position, convert)
        reserved.append((_key(reservation.status, reservation.created_at, number), *beyond))
    return Share(delivered, ordered, reserved)


def _key(status: str, created_at: datetime | None, number: str) -> Place | None:
    return None if status in PASSED else (created_at or UNDATED, number)


class Ages:
    """Amounts by age and currency; the sum of the older ones takes as many steps as their number has binary digits."""

    def __init__(self, amounts: Iterable[Amount]) -> None:
        self._keys: list[Place] = []
        self._trees: dict[str, list[Decimal]] = {}
        self._always, self._all = ByCurrency(), ByCurrency()
        waiting = list[tuple[Place, str, Decimal]]()
        for key, code, amount in amounts:
            if key is None:
                self._always.put(code, amount)
            else:
                waiting.append((key, code, amount))
        waiting.sort()
        self._keys = [key for key, _, _ in waiting]
        self._new: list[tuple[Place, str, Decimal]] = []
        for at, (_, code, amount) in enumerate(waiting, 1):
            self._add(at, code, amount)

    def _add(self, at: int, code: str, amount: Decimal) -> None:
        self._all.put(code, amount)
        tree = self._trees.setdefault(code, [ZERO] * (len(self._keys) + 1))
        while at < len(tree):
            tree[at] = EXACT.add(tree[at], amount)
            at += at & -at

    def put(self, key: Place | None, code: str, amount: Decimal) -> bool:
        """Add an amount; False when too many have come to which no place was given."""
        if key is None:
            self._always.put(code, amount)
            return True
        at = bisect_left(self._keys, key)
        if at < len(self._keys) and self._keys[at] == key:
            self._add(at + 1, code, amount)
        elif amount:
            self._new.append((key, code, amount))
        return len(self._new) <= MOST_NEW

    def sums(self, check: CheckedOrder, counted: Counted) -> ByCurrency:
        """What counts beside a check; of itself nothing of a later age does."""
        found, place = ByCurrency(), (check.created_at or UNDATED, check.order)
        _put(found, self._always)
        if counted is not Counted.PASSED_ONLY:
            every = counted is Counted.ALL
            _put(found, self._all if every else self._before(place))
            for key, code, amount in self._new:
                if every or key < place:
                    found.put(code, amount)
        return found

    def _before(self, place: Place) -> ByCurrency:
        end, found = bisect_left(self._keys, place), ByCurrency()
        for code, tree in self._trees.items():
            at = end
            while at > 0:
                found.put(code, tree[at])
                at -= at & -at
        return found


def _put(found: ByCurrency, sums: ByCurrency) -> None:
    for code, amount in sums.items():
        found.put(code, amount)


class Sums:
    """The sums of a position's orders and reservations, which follow it from one decision to the next. Orders of which
    rates tell what is open are kept apart, and added up for each check.

    They are made when a position is asked about for the second time: for one check adding up is quicker.
    """

    def __init__(self) -> None:
        self._owner: Position | None = None
        self._asked = False

    def _begin(self, position: Position) -> None:
        self._owner, self._convert = position, Converter(position)
        numbers = dict.fromkeys([*position.orders, *position.reservations])
        shares = {number: _share(position, number, self._convert) for number in numbers}
        plain = [share for share in shares.values() if share is not None]
        self._odd = [number for number, share in shares.items() if share is None]
        passed = position.passed.items()
        self._delivered = Ages([(None, c, s.uninvoiced) for c, s in passed] + [a for s in plain for a in s.delivered])
        self._ordered = Ages([(None, c, s.open_orders) for c, s in passed] + [a for s in plain for a in s.ordered])
        self._reserved = Ages([a for share in plain for a in share.reserved])

    def move(self, before: Position, after: Position, order: str) -> None:
        """Take over what has become of one order; what cannot be followed is added up anew."""
        if self._owner is None or self._owner is not before:
            return
        known, new = _share(before, order, self._convert), _share(after, order, self._convert)
        follows = known is not None and new is not None and self._put(known, -1) and self._put(new, 1)
        self._owner = after if follows else None

    def _put(self, share: Share, sign: int) -> bool:
        pairs = ((self._delivered, share.delivered), (self._ordered, share.ordered), (self._reserved, share.reserved))
        return all(ages.put(key, code, sign * amount) for ages, amounts in pairs for key, code, amount in amounts)

    def parts(self, position: Position, check: CheckedOrder, counted: Counted, *, beside: bool) -> Parts:
        """The parts of the exposure, as `model.parts` has them."""
        if self._owner is not position:
            if not self._asked:
                self._asked = True
                return parts(position, check, counted, beside=beside)
            self._begin(position)
        own = None if beside else check
        convert = Converter(position)
        delivered, ordered, reserved = (
            ages.sums(check, counted) for ages in (self._delivered, self._ordered, self._reserved)
        )
        if own is not None and (share := _share(position, own.order, convert)) is not None:
            _take_off(delivered, share.delivered, check, counted)
            _take_off(ordered, share.ordered, check, counted)
            _take_off(reserved, share.reserved, check, counted)
        for number in self._odd:
            if own is None or number != own.order:
                _add_odd(position, number, check, counted, convert, delivered, ordered, reserved)
        return composed(position, own, convert, delivered, ordered, reserved)


def _take_off(sums: ByCurrency, amounts: Sequence[Amount], check: CheckedOrder, counted: Counted) -> None:
    """The checked order itself is not beside itself; of what waits it has been added only where all counts."""
    for key, code, amount in amounts:
        if (
            key is None
            or counted is Counted.ALL
            or (counted is Counted.PASSED_AND_EARLIER and key < (check.created_at or UNDATED, check.order))
        ):
            sums.put(code, -amount)


def _add_odd(
    position: Position, number: str, check: CheckedOrder, counted: Counted, convert: Converter,
    delivered: ByCurrency, ordered: ByCurrency, reserved: ByCurrency,
) -> None:  # fmt: skip
    state, promised = position.orders.get(number), position.reservations.get(number)
    if state is not None and state.customer == position.customer:
        code, undelivered, uninvoiced = open_parts(state, convert)
        delivered.put(code, uninvoiced)
        if is_near(state, position) and counts(state.credit_status, state.created_at, number, check, counted):
            ordered.put(code, undelivered)
    if promised is not None and counts(promised.status, promised.created_at, number, check, counted):
        reserved.put(*beyond_state(promised, position, convert))
