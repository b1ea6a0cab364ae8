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
    UNDATED,
    ByCurrency,
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

MANY = 200
"""With fewer orders adding them up is quicker."""
Key = tuple[datetime, str]
"""When an order was created, and its number: which of two came first."""
Amount = tuple[Key | None, str, Decimal]
"""Currency and amount that count for whatever came later than the key; without one, always."""


def parts_of(
    position: Position, check: CheckedOrder, counted: Counted = Counted.PASSED_AND_EARLIER, *, beside: bool = False
) -> Parts:
    """As `parts`, whatever the number of orders."""
    if len(position.orders) + len(position.reservations) < MANY:
        return parts(position, check, counted, beside=beside)
    sums = position.kept[0] if position.kept else None
    if sums is None or sums.owner is not position:
        sums = Sums(position)
        position.kept[:] = [sums]
    found: Parts = sums.parts(check, counted, beside=beside)
    return found


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


def _key(status: str, created_at: datetime | None, number: str) -> Key | None:
    return None if status in PASSED else (created_at or UNDATED, number)


class Ages:
    """Amounts by age and currency; the sum of the older ones takes as many steps as their number has binary digits."""

    def __init__(self, amounts: Iterable[Amount]) -> None:
        self._keys: list[Key] = []
        self._trees: dict[str, list[Decimal]] = {}
        self._always, self._all = ByCurrency(), ByCurrency()
        waiting = list[tuple[Key, str, Decimal]]()
        for key, code, amount in amounts:
            if key is None:
                self._always.put(code, amount)
            else:
                waiting.append((key, code, amount))
        waiting.sort()
        self._keys = [key for key, _, _ in waiting]
        for at, (_, code, amount) in enumerate(waiting, 1):
            self._add(at, code, amount)

    def _add(self, at: int, code: str, amount: Decimal) -> None:
        self._all.put(code, amount)
        tree = self._trees.setdefault(code, [ZERO] * (len(self._keys) + 1))
        while at < len(tree):
            tree[at] = EXACT.add(tree[at], amount)
            at += at & -at

    def put(self, key: Key | None, code: str, amount: Decimal) -> bool:
        """Add an amount; False when there is no place for its key."""
        if key is None:
            self._always.put(code, amount)
            return True
        at = bisect_left(self._keys, key)
        if at == len(self._keys) or self._keys[at] != key:
            return not amount
        self._add(at + 1, code, amount)
        return True

    def sums(self, check: CheckedOrder, counted: Counted) -> ByCurrency:
        """What counts beside a check; of itself nothing of a later age does."""
        if counted is Counted.ALL:
            return _together(self._always, self._all)
        return _together(self._always, self._before(check) if counted is Counted.PASSED_AND_EARLIER else ByCurrency())

    def _before(self, check: CheckedOrder) -> ByCurrency:
        end, found = bisect_left(self._keys, (check.created_at or UNDATED, check.order)), ByCurrency()
        for code, tree in self._trees.items():
            at = end
            while at > 0:
                found.put(code, tree[at])
                at -= at & -at
        return found


def _together(one: ByCurrency, other: ByCurrency) -> ByCurrency:
    found = ByCurrency()
    for sums in (one, other):
        for code, amount in sums.items():
            found.put(code, amount)
    return found


class Sums:
    """The sums of a position's orders and reservations, which follow it from one decision to the next. Orders of which
    rates tell what is open are kept apart, and added up for each check."""

    def __init__(self, position: Position) -> None:
        self.owner: Position | None = position
        self._convert = Converter(position)
        numbers = dict.fromkeys([*position.orders, *position.reservations])
        shares = {number: _share(position, number, self._convert) for number in numbers}
        plain = [share for share in shares.values() if share is not None]
        self._odd = [number for number, share in shares.items() if share is None]
        passed = position.passed.items()
        self._delivered = Ages([(None, c, s.uninvoiced) for c, s in passed] + [a for s in plain for a in s.delivered])
        self._ordered = Ages([(None, c, s.open_orders) for c, s in passed] + [a for s in plain for a in s.ordered])
        self._reserved = Ages([a for share in plain for a in share.reserved])

    def move(self, before: Position, after: Position, order: str) -> None:
        """Take over what has become of one order; what cannot be followed is added up anew by who asks next."""
        known, new = _share(before, order, self._convert), _share(after, order, self._convert)
        follows = self.owner is before and known is not None and new is not None
        self.owner = after if follows and self._put(known, -1) and self._put(new, 1) else None

    def _put(self, share: Share | None, sign: int) -> bool:
        assert share is not None
        pairs = ((self._delivered, share.delivered), (self._ordered, share.ordered), (self._reserved, share.reserved))
        return all(ages.put(key, code, sign * amount) for ages, amounts in pairs for key, code, amount in amounts)

    def parts(self, check: CheckedOrder, counted: Counted, *, beside: bool) -> Parts:
        """The parts of the exposure, as `model.parts` has them."""
        position, own = self.owner, None if beside else check
        assert position is not None
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
