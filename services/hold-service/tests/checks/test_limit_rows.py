"""Rows of the test catalogue on limits and exposure (6.1-6.3). Order O-1 of customer C-1 unless said otherwise."""

from __future__ import annotations

from typing import Any

import pytest

TEMPORARY = {"id": "T-1", "amount": "150000", "from_date": "2026-06-01", "to_date": "2026-06-30"}
POLICY = {
    "id": "P-1", "kind": "insurance", "value": "50000", "currency": "EUR", "update_credit_limit_pct": "50",
    "effective_from": "2026-01-01", "expires_on": "2026-12-31",
}  # fmt: skip


async def outcome(hold: Any, ask: Any, total: str, number: str = "O-1", **changes: Any) -> Any:
    """The answer of a check."""
    (answer,) = await hold.check(ask.request(number, total, f"{number}-{total}-{hold.sent}", **changes))
    return answer


async def in_group(hold: Any, ask: Any, own: str, total: str, shared: str = "15000", **profile: Any) -> Any:
    """The answer of a check of a group's only member."""
    await hold.set_up(limit=own)
    await hold.facts(ask.profile(own, 2, **profile), ask.group(shared))
    await hold.credit_parameters(check_customer_credit_groups=True)
    return await outcome(hold, ask, total)


async def test_row_1_own_limit_below_the_groups_governs(hold: Any, ask: Any) -> None:
    answer = await in_group(hold, ask, "10000", "10001")
    assert answer["reasons"] == ["credit_exceeded"]
    assert "The exposure with this order" in answer["explanation"][0]


async def test_row_3_the_groups_limit_below_the_own_governs(hold: Any, ask: Any) -> None:
    answer = await in_group(hold, ask, "20000", "15001")
    assert "of the credit group" in answer["explanation"][0]
    assert answer["figures"]["limit_level"] == "group"


async def test_row_4_a_mandatory_limit_of_nothing_holds(hold: Any, ask: Any) -> None:
    answer = await in_group(hold, ask, "0", "1", mandatory_credit_limit=True)
    assert answer["outcome"] == "held"


async def test_row_5_unlimited_passes_also_in_a_group(hold: Any, ask: Any) -> None:
    answer = await in_group(hold, ask, "0", "1000000", unlimited_credit=True)
    assert answer["outcome"] == "cleared"


@pytest.mark.parametrize(("total", "wanted"), [("15001", "held"), ("15000", "cleared")])
async def test_row_6_without_an_own_limit_the_group_governs(hold: Any, ask: Any, total: str, wanted: str) -> None:
    answer = await in_group(hold, ask, "0", total)
    assert answer["outcome"] == wanted
    assert answer["figures"]["group_limit"] == "15000"


async def test_row_8_no_limit_and_no_group_is_no_credit(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0")
    assert (await outcome(hold, ask, "1"))["outcome"] == "held"


async def test_row_9_credit_management_off(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0")
    await hold.credit_parameters(credit_management_enabled=False)
    answer = await outcome(hold, ask, "50000")
    assert (answer["outcome"], answer["checked"]) == ("cleared", False)


async def test_row_10_groups_are_not_checked(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="20000")
    await hold.facts(ask.group("15000"))
    assert (await outcome(hold, ask, "16000"))["outcome"] == "cleared"


async def test_row_11_the_own_temporary_limit_holds_in_a_group_with_room(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="100000")
    temporary = {**TEMPORARY, "amount": "100000", "from_date": "2026-01-01", "to_date": "2026-12-31"}
    await hold.facts(
        ask.profile("5000000", 2, temporary_limits=[temporary]),
        ask.group("1000000", members=("DE01/C-1", "DE01/C-2")),
        ask.order("O-9", "500000", customer="C-2"),
    )
    await hold.credit_parameters(check_customer_credit_groups=True)
    answer = await outcome(hold, ask, "110000")
    assert "of the credit group" not in answer["explanation"][0]


async def test_row_12_a_limit_without_a_rule_holds_nothing(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000", rules={"days_overdue": "3000"})
    assert (await outcome(hold, ask, "5000"))["outcome"] == "cleared"


async def test_row_14_no_limit_test_on_sales_orders(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="100")
    await hold.rule("sales_order", "1000", currency="EUR")
    await hold.credit_parameters(check_limit_on_sales_order=False)
    assert (await outcome(hold, ask, "5000"))["reasons"] == ["sales_order"]


async def test_row_15_an_excluded_customer(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="100", rules={"days_overdue": "30"})
    await hold.facts(
        ask.invoice("I-1", "10", due="2025-01-26"), ask.profile("0", 2, exclude_from_credit_management=True)
    )
    assert (await outcome(hold, ask, "5000"))["checked"] is False


async def test_row_16_an_excluded_order(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0")
    answer = await outcome(hold, ask, "5000", exclude_from_credit_management=True)
    assert (answer["outcome"], answer["checked"]) == ("cleared", False)


async def test_row_17_an_unlimited_customer_who_is_overdue(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0", rules={"days_overdue": "61", "credit_limit_used": "100"})
    await hold.facts(ask.invoice("I-1", "10", due="2025-12-02"), ask.profile("0", 2, unlimited_credit=True))
    assert (await outcome(hold, ask, "5000"))["reasons"] == ["open_transactions_overdue"]


@pytest.mark.parametrize(
    ("day", "wanted"), [("2026-06-15", "cleared"), ("2026-06-30", "cleared"), ("2026-07-01", "held")]
)
async def test_rows_18_and_19_a_temporary_limit(hold: Any, ask: Any, day: str, wanted: str) -> None:
    await hold.set_up(limit="100000")
    await hold.facts(ask.profile("100000", 2, temporary_limits=[TEMPORARY]))
    await hold.today(day)
    assert (await outcome(hold, ask, "140000"))["outcome"] == wanted


@pytest.mark.parametrize(
    ("changes", "mode", "total", "wanted"),
    [
        ({}, "exposure_only", "125000", "cleared"),
        ({}, "exposure_only", "125001", "held"),
        ({"included_in_exposure": True}, "exposure_only", "125000", "cleared"),
        ({"included_in_exposure": True}, "reduce_limit", "75000", "cleared"),
        ({"included_in_exposure": True}, "reduce_limit", "75001", "held"),
        ({"expires_on": "2026-03-01"}, "exposure_only", "100001", "held"),
    ],
)
async def test_rows_21_22_and_24_policies(
    hold: Any, ask: Any, changes: dict[str, Any], mode: str, total: str, wanted: str
) -> None:
    await hold.set_up(limit="100000")
    await hold.facts(ask.profile("100000", 2, policies=[POLICY | changes]))
    await hold.credit_parameters(flagged_policy_mode=mode)
    assert (await outcome(hold, ask, total))["outcome"] == wanted


async def test_row_23_temporary_and_policy_add_up(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1")
    await hold.facts(ask.profile("1", 2, policies=[POLICY], temporary_limits=[TEMPORARY]))
    await hold.today("2026-06-15")
    answer = await outcome(hold, ask, "175000")
    assert (answer["outcome"], answer["figures"]["own_limit"]) == ("cleared", "175000.00")


async def test_row_28_a_policy_in_another_currency(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0")
    rate = ask.event("erp.exchange-rate.published.v1", from_currency="EUR", to_currency="USD", rate="1.10")
    policy = POLICY | {"value": "11000", "currency": "USD", "update_credit_limit_pct": "100"}
    await hold.facts(rate, ask.profile("0", 2, policies=[policy]))
    answer = await outcome(hold, ask, "10000")
    assert (answer["outcome"], answer["figures"]["limit"]) == ("cleared", "10000.00")


async def test_row_28_without_a_rate_a_policy_holds(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="100000")
    await hold.facts(ask.profile("100000", 2, policies=[POLICY | {"currency": "JPY"}]))
    assert (await outcome(hold, ask, "1"))["reasons"] == ["technical_error"]


@pytest.mark.parametrize(("comparison", "wanted"), [("strict", "cleared"), ("inclusive", "held")])
async def test_row_30_exactly_at_the_threshold(hold: Any, ask: Any, comparison: str, wanted: str) -> None:
    await hold.set_up(limit="10000", rules={"credit_limit_used": "90"})
    await hold.facts(ask.invoice("I-1", "5000"))
    await hold.credit_parameters(limit_comparison=comparison)
    assert (await outcome(hold, ask, "4000"))["outcome"] == wanted


@pytest.mark.parametrize(
    ("limit_type", "used"),
    [("balance", "30.00"), ("balance_and_packing_slip", "60.00"), ("balance_and_all", "100.00")],
)
async def test_row_31_what_the_limit_types_count(hold: Any, ask: Any, limit_type: str, used: str) -> None:
    await hold.set_up(limit="10000")
    slip = ask.event("erp.delivery.posted.v1", order="O-8", amount="3000", lines=[])
    await hold.facts(
        ask.invoice("I-1", "2000"), ask.order("O-8", "3000", created_at="2026-01-01T00:00:00Z"), slip,
        ask.order("O-9", "4000", created_at="2026-01-01T00:00:00Z"),
    )  # fmt: skip
    await hold.credit_parameters(credit_limit_type=limit_type)
    assert (await outcome(hold, ask, "1000"))["figures"]["used_percent"] == used


async def test_row_32_type_none_tests_no_limit(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0")
    await hold.credit_parameters(credit_limit_type="none")
    answer = await outcome(hold, ask, "1000")
    assert (answer["outcome"], answer["checked"]) == ("cleared", True)


async def test_row_34_a_credit_balance_counts(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="150")
    await hold.facts(ask.payment("P-1", "250"))
    answer = await outcome(hold, ask, "1000")
    assert (answer["outcome"], answer["figures"]["exposure"]) == ("held", "750.00")
    assert answer["to_pass"][0].startswith("Lower the order by 600.00 EUR")


async def test_row_35_an_order_never_counts_twice(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    first = await outcome(hold, ask, "1000")
    await hold.facts(ask.order("O-1", "1000"))
    second = await outcome(hold, ask, "1000", checkpoint="packing_slip")
    assert [a["figures"]["used_percent"] for a in (first, second)] == ["100.00", "100.00"]


async def test_row_36_a_held_order_counts(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="10000")
    await hold.rule("sales_order", "3999", currency="EUR", checkpoints=("confirmation",))
    old, new = "2026-02-01T08:00:00Z", "2026-02-02T08:00:00Z"
    assert (await outcome(hold, ask, "4000", "O-0", created_at=old))["outcome"] == "held"
    answer = await outcome(hold, ask, "7000", created_at=new, checkpoint="invoice")
    assert (answer["reasons"], answer["figures"]["used_percent"]) == (["credit_exceeded"], "110.00")


async def test_row_37_what_is_invoiced_is_no_longer_the_order(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    await hold.facts(ask.order("O-1", "1000"), ask.invoice("I-1", "400", order="O-1"), ask.payment("P", "400"))
    assert (await outcome(hold, ask, "1000"))["figures"]["this_order"] == "600.00"


async def test_row_40_no_rate_for_the_order(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000000")
    assert (await outcome(hold, ask, "10", currency="USD"))["reasons"] == ["technical_error"]


async def test_orders_beyond_the_horizon_do_not_count(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    created = "2026-01-01T00:00:00Z"
    await hold.facts(ask.order("O-8", "900", created_at=created, requested_delivery_date="2026-08-01"))
    assert (await outcome(hold, ask, "200"))["outcome"] == "held"
    await hold.credit_parameters(open_order_horizon_days=30)
    assert (await outcome(hold, ask, "200", "O-2"))["figures"]["open_orders"] == "0"


async def test_limits_convert_with_the_companys_rate_type(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    await hold.facts(
        ask.event("erp.exchange-rate.published.v1", rate="1"),
        ask.event("erp.exchange-rate.published.v1", rate="2", rate_type="credit"),
    )
    assert (await outcome(hold, ask, "600", "O-1", currency="USD"))["outcome"] == "cleared"
    await hold.credit_parameters(credit_limit_exchange_rate_type="credit")
    assert (await outcome(hold, ask, "600", "O-2", currency="USD"))["outcome"] == "held"
