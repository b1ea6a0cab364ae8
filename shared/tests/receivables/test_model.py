"""The exposure of an order that is checked (spec 2.1), case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from holdfast.receivables.model import (
    Balance,
    CheckedOrder,
    Counted,
    LimitType,
    OrderState,
    Position,
    Reservation,
    days_overdue,
    open_value,
    overdue_amount,
    parts,
    this_order,
)
from holdfast.receivables.money import Money, rounded
from holdfast.receivables.rates import Rate
from holdfast.receivables.sums import FIRST, Sums, Waiting

TODAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
D = Decimal


def position(**fields: object) -> Position:
    """A customer with an EUR company and nothing owed."""
    return replace(Position("X", "A", TODAY, currency="EUR", live=True, customer_known=True), **fields)  # type: ignore[arg-type]


def order(number: str = "O1", total: str = "0", hours: int = 0, **fields: object) -> OrderState:
    """An order of customer A created so many hours after noon."""
    state = OrderState(number, "A", "EUR", D(total), version=1, created_at=NOON + timedelta(hours=hours))
    return replace(state, **fields)  # type: ignore[arg-type]


def check(total: str, number: str = "NEW", version: int = 1, currency: str = "EUR", hours: int = 0) -> CheckedOrder:
    """A check of an order created so many hours after noon."""
    return CheckedOrder(number, version, currency, D(total), NOON + timedelta(hours=hours))


def promise(amount: str, version: int = 2, status: str = "passed", number: str = "O1", hours: int = 0) -> Reservation:
    """A reservation of customer A."""
    created = NOON + timedelta(hours=hours)
    return Reservation("X", number, "A", "EUR", D(amount), version, status, created, NOON)


@pytest.mark.parametrize(
    ("limit_type", "exposure"),
    [
        (LimitType.NONE, "3000"),
        (LimitType.BALANCE, "3000"),
        (LimitType.BALANCE_AND_PACKING_SLIP, "6000"),
        (LimitType.BALANCE_AND_ALL, "10000"),
    ],
)
def test_the_example_of_the_specification(limit_type: LimitType, exposure: str) -> None:
    p = position(balances={"EUR": Balance(balance=D(2000))}, passed={"EUR": Sums(D(4000), D(3000))})
    assert parts(p, check("1000")).exposure(limit_type) == D(exposure)


def test_of_what_is_added_up_the_sums_before_the_check_count() -> None:
    early, late = check("10", "A", hours=1), check("10", "B", hours=2)
    places = [(NOON + timedelta(hours=n + 1), name) for n, name in enumerate("AB")]
    waiting = [Waiting(place, "EUR", Sums(D(n), D(10), D(n))) for n, place in enumerate((FIRST, *places), 1)]
    p = position(waiting=waiting, places=frozenset(places))
    found = [
        (parts(p, asked, counted).open_orders, parts(p, asked, counted).delivered_not_invoiced)
        for counted in (Counted.PASSED_AND_EARLIER, Counted.ALL, Counted.PASSED_ONLY)
        for asked in (early, late)
    ]
    assert found == [(1, 30), (3, 30), (6, 30), (6, 30), (0, 30), (0, 30)]
    assert parts(p, late).reserved == 3


def test_a_check_whose_place_was_not_read_is_refused_not_guessed() -> None:
    p = position(waiting=[Waiting(FIRST, "EUR", Sums(D(1)))], places=frozenset({(NOON, "A")}))
    with pytest.raises(LookupError, match="its place was not asked for"):
        parts(p, check("10", "B"))


def test_the_checked_order_is_never_counted_twice() -> None:
    p = position(orders={"NEW": order("NEW", "1000", delivered=D(400), credit_status="passed")})
    found = parts(p, check("1000"))
    assert (found.this_order, found.exposure()) == (D(1000), D(1000))


def test_what_is_invoiced_of_the_order_leaves_it_but_not_the_balance() -> None:
    p = position(balances={"EUR": Balance(balance=D(300))}, orders={"NEW": order("NEW", "1000", invoiced=D(300))})
    assert parts(p, check("1000")).exposure() == D(1000)


@pytest.mark.parametrize(
    ("status", "hours", "passed_and_earlier", "everything", "passed_only"),
    [
        ("passed", 5, 70, 70, 70),
        ("released", 5, 70, 70, 70),
        ("held", -1, 70, 70, 0),
        ("held", 1, 0, 70, 0),
        ("unchecked", -1, 70, 70, 0),
        ("rejected", -1, 70, 70, 0),
        ("unchecked", 0, 0, 70, 0),
    ],
)
def test_which_others_count(
    status: str, hours: int, passed_and_earlier: int, everything: int, passed_only: int
) -> None:
    p = position(orders={"O1": order("O1", "70", hours, credit_status=status)})
    mine = check("1", number="A1")
    assert parts(p, mine, Counted.PASSED_AND_EARLIER).open_orders == passed_and_earlier
    assert parts(p, mine, Counted.ALL).open_orders == everything
    assert parts(p, mine, Counted.PASSED_ONLY).open_orders == passed_only


def test_of_two_orders_created_at_once_the_lower_number_came_first() -> None:
    both = {"O1": order("O1", "70"), "O2": order("O2", "70")}
    p = position(orders=both)
    assert parts(p, check("70", "O1")).exposure() == 70
    assert parts(p, check("70", "O2")).exposure() == 140


@pytest.mark.parametrize(
    ("total", "delivered", "invoiced", "cancelled", "undelivered", "uninvoiced"),
    [
        ("100", "0", "0", False, 100, 0),
        ("100", "40", "0", False, 60, 40),
        ("100", "40", "40", False, 60, 0),
        ("100", "40", "70", False, 30, 0),
        ("100", "130", "100", False, 0, 30),
        ("100", "100", "100", False, 0, 0),
        ("100", "0", "120", False, 0, 0),
        ("100", "40", "10", True, 0, 30),
    ],
)
def test_open_and_delivered_parts(
    total: str, delivered: str, invoiced: str, cancelled: bool, undelivered: int, uninvoiced: int
) -> None:
    state = order(
        "O1", total, -1, delivered=D(delivered), invoiced=D(invoiced), cancel_version=1 if cancelled else None,
        credit_status="passed",
    )  # fmt: skip
    found = parts(position(orders={"O1": state}), check("0"))
    assert found.open_orders == undelivered
    assert found.delivered_not_invoiced == uninvoiced


@pytest.mark.parametrize(
    ("state", "reserved"),
    [
        (None, 500),
        (order("O1", "100", -1), 400),
        (order("O1", "600", -1), 0),
        (order("O1", "100", -1, version=2), 0),
        (order("O1", "100", -1, version=3), 0),
        (OrderState("O1", invoiced_foreign={"EUR": D(200)}), 300),
        (OrderState("O1", invoiced_foreign={"EUR": D(500)}, delivered=D(100)), 0),
        (OrderState("O1", invoiced_foreign={"EUR": D(600)}), 0),
        (OrderState("O1", invoiced_foreign={"USD": D(200)}), 320),
        (order("O1", "100", -1, invoiced=D(100)), 400),
        (order("O1", "100", -1, invoiced=D(200)), 300),
        (order("O1", "600", -1, invoiced=D(200)), 0),
        (order("O1", "100", -1, delivered=D(150)), 350),
        (order("O1", "100", -1, invoiced_foreign={"USD": D(100)}), 400),
        (order("O1", "300", -1, invoiced_foreign={"USD": D(100)}), 200),
        (order("O1", "100", -1, customer="B", invoiced=D(100)), 400),
    ],
)
def test_a_reservation_counts_beyond_an_older_state(state: OrderState | None, reserved: int) -> None:
    rates = {"USD": Rate(D("0.9"))}
    p = position(reservations={"O1": promise("500")}, orders={"O1": state} if state else {}, rates=rates)
    assert parts(p, check("0", hours=1)).reserved == reserved


def test_a_held_reservation_counts_for_later_orders_alone() -> None:
    p = position(reservations={"O1": promise("500", status="held")})
    assert parts(p, check("0", hours=1)).reserved == 500
    assert parts(p, check("0", hours=-1)).reserved == 0


@pytest.mark.parametrize(
    ("version", "total", "cancelled", "value"),
    [
        (1, "300", None, 500),
        (1, "900", None, 900),
        (2, "300", None, 300),
        (3, "300", None, 300),
        (2, "300", 2, 0),
        (1, "300", 2, 0),
        (0, "0", 2, 0),
        (0, "0", 1, 500),
        (1, "900", 1, 500),
        (3, "300", 2, 300),
    ],
)
def test_state_check_and_cancellation_of_different_versions(
    version: int, total: str, cancelled: int | None, value: int
) -> None:
    p = position(orders={"NEW": order("NEW", total, version=version, cancel_version=cancelled)})
    mine = check("500", version=2)
    assert this_order(p, mine) == value
    assert open_value(p, mine) == value


def test_decisions_one_after_another_see_each_other() -> None:
    p = position(balances={"EUR": Balance(balance=D(100))})
    assert parts(p, check("60", "O1")).exposure() == 160
    p = p.after("O1", "passed", promise("60", version=1))
    assert parts(p, check("60", "O2")).exposure() == 220
    p = p.after("O1", "passed", promise("90", version=3)).after("O1", "passed", promise("10", version=2))
    assert parts(p, check("60", "O2")).exposure() == 250


@pytest.mark.parametrize(("cancelled", "reserved"), [(None, 500), (1, 500), (2, 0), (3, 0)])
def test_a_check_of_a_cancelled_order_reserves_nothing(cancelled: int | None, reserved: int) -> None:
    gone = OrderState("O1", cancel_version=cancelled)
    assert parts(position(orders={"O1": gone}).after("O1", "passed", promise("500")), check("0")).reserved == reserved
    known = position(orders={"O1": gone}, reservations={"O1": promise("500")})
    assert parts(known, check("0")).reserved == reserved


def test_foreign_amounts_convert_at_the_direct_or_inverse_rate_and_round_away_from_zero() -> None:
    rates = {"USD": Rate(D("0.9")), "GBP": Rate(D("0.8"), inverse=True)}
    p = position(balances={"USD": Balance(balance=D("-0.05")), "GBP": Balance(balance=D(8))}, rates=rates)
    assert parts(p).balance == D("9.95")
    assert open_value(p, check("10", currency="USD")) == 10


def test_a_missing_rate_is_named_and_never_a_guess() -> None:
    p = position(balances={"USD": Balance(balance=D(10))}, overdue={"USD": D(10)})
    assert parts(p).missing_rates == {"USD"}
    assert parts(p, check("1", currency="GBP")).missing_rates == {"USD", "GBP"}
    assert overdue_amount(p) == (Decimal(0), frozenset({"USD"}))


def test_a_company_that_is_not_known_has_no_figures() -> None:
    p = replace(position(balances={"EUR": Balance(balance=D(10))}), currency=None)
    assert parts(p, check("5")).missing_rates == {"EUR"}


def test_invoices_in_another_currency_lower_the_order_in_company_currency() -> None:
    state = order("O1", "100", -1, currency="USD", invoiced_foreign={"EUR": D(60)})
    p = position(orders={"O1": state}, rates={"USD": Rate(D("0.9"))})
    assert parts(p, check("0")).open_orders == 30
    assert this_order(p, check("100", "O1", currency="USD")) == 30
    assert open_value(p, check("100", "O1", currency="USD")) == D("33.33")


def test_days_overdue_run_from_the_oldest_due_date() -> None:
    due = {"EUR": Balance(oldest_due_date=TODAY - timedelta(days=3)), "USD": Balance(oldest_due_date=TODAY)}
    assert days_overdue(position(balances=due)) == 3
    assert days_overdue(position(balances={"USD": due["USD"]})) == 0
    assert days_overdue(position()) == 0


@pytest.mark.parametrize(
    ("amount", "currency", "result"),
    [("0.125", "EUR", "0.13"), ("-0.125", "EUR", "-0.13"), ("0.5", "JPY", "1"), ("1.0005", "KWD", "1.001")],
)
def test_rounding_is_half_away_from_zero_to_the_minor_unit(amount: str, currency: str, result: str) -> None:
    assert rounded(D(amount), currency) == D(result)


def test_money_of_two_currencies_does_not_add_up() -> None:
    assert Money(D(1), "EUR") + Money(D(2), "EUR") - Money(D("0.5"), "EUR") == Money(D("2.5"), "EUR")
    assert str(-Money(D("1.005"), "EUR").rounded()) == "-1.01 EUR"
    with pytest.raises(ValueError, match="convert one of them first"):
        Money(D(1), "EUR") < Money(D(2), "USD")  # noqa: B015
