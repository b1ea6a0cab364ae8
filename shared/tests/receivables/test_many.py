"""The sums that are kept for a customer with very many orders are those of adding every order up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.receivables import many
from holdfast.receivables.model import CheckedOrder, Counted, OrderState, Position, Reservation, parts
from holdfast.receivables.rates import Rate
from holdfast.receivables.sums import Sums

TODAY, NOON = date(2026, 3, 1), datetime(2026, 3, 1, 12, tzinfo=UTC)
NUMBERS = [f"O{n}" for n in range(6)]
CODES = st.sampled_from(["EUR", "USD", "GBP"])
"""GBP has no rate."""
AMOUNTS = st.decimals(0, 500, places=2, allow_nan=False)
MOMENTS = st.none() | st.integers(-3, 3).map(lambda hours: NOON + timedelta(hours=hours))
STATUSES = st.sampled_from(["unchecked", "held", "passed", "released", "rejected"])


@pytest.fixture(autouse=True, scope="module")
def always() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(many, "FEW", 0)
    patch.setattr(many, "MOST_NEW", 3)
    yield
    patch.undo()


def orders(number: str) -> st.SearchStrategy[OrderState]:
    return st.builds(
        OrderState, st.just(number), customer=st.sampled_from(["A", "A", "A", "B", None]), currency=st.none() | CODES,
        total=AMOUNTS, delivered=AMOUNTS, invoiced=AMOUNTS,
        invoiced_foreign=st.just({}) | st.dictionaries(CODES, AMOUNTS, max_size=1), version=st.integers(0, 2),
        created_at=MOMENTS, credit_status=STATUSES, cancel_version=st.none() | st.integers(1, 2),
        delivery_date=st.none() | st.sampled_from([TODAY, date(2026, 6, 1)]),
    )  # fmt: skip


def reservations(number: str) -> st.SearchStrategy[Reservation]:
    return st.builds(
        Reservation, st.just("X"), st.just(number), st.just("A"), CODES, AMOUNTS, st.integers(1, 3), STATUSES,
        MOMENTS.map(lambda moment: moment or NOON), st.just(NOON),
    )  # fmt: skip


POSITIONS = st.builds(
    lambda listed, promised, passed, horizon: Position(
        "X", "A", TODAY, "EUR", live=True, customer_known=True, passed=passed, horizon=horizon,
        orders={state.order: state for state in listed}, reservations={r.order: r for r in promised},
        rates={"USD": Rate(Decimal("0.5"))},
    ),
    st.sets(st.sampled_from(NUMBERS)).flatmap(lambda found: st.tuples(*map(orders, sorted(found)))),
    st.sets(st.sampled_from(NUMBERS)).flatmap(lambda found: st.tuples(*map(reservations, sorted(found)))),
    st.dictionaries(CODES, st.builds(Sums, AMOUNTS, AMOUNTS), max_size=2),
    st.none() | st.just(TODAY),
)  # fmt: skip
CHECKS = st.builds(
    CheckedOrder, st.sampled_from([*NUMBERS, "NEW"]), st.integers(1, 3), st.sampled_from(["EUR", "USD"]), AMOUNTS,
    MOMENTS,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(POSITIONS, st.lists(st.tuples(CHECKS, st.sampled_from(Counted), st.booleans(), STATUSES), min_size=1))
def test_each_check_of_many_meets_what_adding_up_gives(
    position: Position, asked: list[tuple[CheckedOrder, Counted, bool, str]]
) -> None:
    for check, counted, beside, status in asked:
        found = many.parts_of(position, check, counted, beside=beside)
        assert found == parts(replace(position, kept=[]), check, counted, beside=beside)
        promise = Reservation("X", check.order, "A", check.currency, check.total, check.version, status, NOON, NOON)
        position = position.after(check.order, status, promise)


def test_many_orders_are_added_up_once_and_followed_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    ages = many.Ages.__init__
    monkeypatch.setattr(many.Ages, "__init__", lambda self, amounts: (made.append(1), ages(self, amounts))[1])
    held = OrderState("", "A", "EUR", Decimal(10), version=1, created_at=NOON, credit_status="held")
    position = Position("X", "A", TODAY, "EUR", orders={n: replace(held, order=n) for n in NUMBERS})
    check = CheckedOrder("O5", 1, "EUR", Decimal(10), NOON)
    for released in range(5):
        assert many.parts_of(position, check, Counted.PASSED_ONLY).open_orders == 10 * released
        promise = Reservation("X", f"O{released}", "A", "EUR", Decimal(10), 1, "released", NOON, NOON)
        position = position.after(f"O{released}", "released", promise)
    assert len(made) == 3
    new = Reservation("X", "NEW", "A", "EUR", Decimal(7), 1, "held", NOON, NOON)
    assert many.parts_of(position.after("NEW", "held", new), check, Counted.ALL).reserved == 7
    assert len(made) == 3
