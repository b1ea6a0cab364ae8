"""Every column of the hold list (spec 1.16) is shown, filtered and sorted by."""

from __future__ import annotations

from typing import Any

import pytest

from hold_service.holds.listing import COLUMNS

pytestmark = pytest.mark.usefixtures("reasons")


@pytest.fixture
async def two(hold: Any, ask: Any, kim: Any) -> tuple[str, str]:
    """O-1 of C-1 over the limit, in dollars; O-2 of C-2 because C-1 is late. Answers their holds."""
    await hold.set_up(limit="100", rules={"credit_limit_used": "100", "days_overdue": "10"})
    rate = ask.event("erp.exchange-rate.published.v1", from_currency="USD", to_currency="EUR", rate="0.5",
                     rate_type="default", valid_from="2026-01-01")  # fmt: skip
    await hold.facts(
        rate, ask.event("erp.customer.changed.v1", customer="C-2"),
        ask.profile("100", 2, credit_management_group="KEY"),
        ask.profile("9000", 2, customer="C-2", credit_management_group="OTHER"),
        ask.order("O-1", "600", currency="USD", sales_deadline="2026-03-20"),
    )  # fmt: skip
    await hold.credit_parameters(check_customer_credit_groups=True)
    members = ("DE01/C-1", "DE01/C-2")
    await hold.facts(ask.group("99000", members=members, check_member_overdue=True))
    await hold.check(ask.request("O-1", "600", currency="USD"))
    await hold.today("2026-03-03")
    await hold.facts(ask.invoice("I-1", "10", due="2026-01-01"))
    await hold.check(ask.request("O-2", "20", customer="C-2", created_at="2026-03-03T08:00:00Z", proforma=True))
    first, second = await kim.holds()
    edited = await kim.send("PATCH", f"/holds/{second['hold']}", {"notes": "asked the Bank"}, "*")
    assert edited.status_code == 200
    return first["hold"], second["hold"]


async def test_the_columns_of_a_hold(two: tuple[str, str], kim: Any) -> None:
    first, second = await kim.holds()
    assert first["sales_total"] == {"amount": "300.00", "currency": "EUR"}
    assert (first["credit_management_group"], first["sales_deadline"]) == ("KEY", "2026-03-20")
    assert (first["hold_type"], first["overdue_accounts"]) == ("credit", [])
    assert (second["overdue_accounts"], second["sales_total"]) == (
        ["DE01/C-1"], {"amount": "20.00", "currency": "EUR"})  # fmt: skip


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"credit_management_group": "KEY"}, [0]),
        ({"overdue_accounts": "DE01/C-1"}, [1]),
        ({"sales_total_from": "20.01"}, [0]),
        ({"sales_total_to": "20.00"}, [1]),
        ({"created_from": "2026-03-03T00:00:00Z"}, [1]),
        ({"created_to": "2026-03-02T23:59:59Z"}, [0]),
        ({"deadline_to": "2026-03-20"}, [0]),
        ({"notes": "bank"}, [1]),
        ({"hold": "H-000002"}, [1]),
        ({"previous_hold": "H-000001"}, []),
        ({"hold_type": "credit", "proforma": False}, [0]),
    ],
)
async def test_a_filter(two: tuple[str, str], kim: Any, params: dict[str, Any], found: list[int]) -> None:
    assert [item["hold"] for item in await kim.holds(**params)] == [two[n] for n in found]


async def test_every_column_sorts_both_ways_page_by_page(two: tuple[str, str], kim: Any) -> None:
    for column in COLUMNS:
        for sort in (column, f"-{column}"):
            first = await kim.get("/holds", sort=sort, limit=1)
            second = await kim.get("/holds", sort=sort, limit=1, cursor=first["next_cursor"])
            assert {item["hold"] for item in first["items"] + second["items"]} == set(two), sort
            assert second["next_cursor"] is None, sort


async def test_a_filter_that_is_written_wrongly_is_refused(two: tuple[str, str], kim: Any) -> None:
    refused = await kim.get("/holds", resaon="credit_exceeded")
    assert (refused["status"], refused["errors"][0]["field"]) == (422, "resaon")
    assert "reason" in refused["errors"][0]["remedy"]


@pytest.mark.parametrize(
    "params",
    [
        {"review_from": "2026-01-01"}, {"delivery_from": "2027-01-01"}, {"deadline_from": "2026-03-21"},
        {"closed_from": "2026-01-01T00:00:00Z", "history": True}, {"review_to": "2030-01-01"},
    ],
)  # fmt: skip
async def test_what_is_missing_lies_in_no_range(two: tuple[str, str], kim: Any, params: dict[str, Any]) -> None:
    assert await kim.holds(**params) == []


async def test_an_order_whose_worth_is_not_known_lies_in_no_range_of_it(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up()
    await hold.check(ask.request("O-1", "600", currency="USD"))
    (held,) = await kim.holds()
    assert held["sales_total"] is None
    assert await kim.holds(sales_total_to="1000") == []
