"""Rows of the test catalogue on checkpoints, grace and releases (6.5), and the stops that nothing overrides (3.1)."""

from __future__ import annotations

from typing import Any

import pytest

BLOCK = "collections.customer.block-requested.v1"
UNBLOCK = "collections.customer.unblock-requested.v1"


async def asked(hold: Any, ask: Any, checkpoint: str, total: str = "1000", **changes: Any) -> Any:
    """The answer of an attempt of its own."""
    hold.sent += 1
    (answer,) = await hold.check(ask.request("O-1", total, f"try-{hold.sent}", checkpoint=checkpoint, **changes))
    return answer


async def released(hold: Any, ask: Any, *, grace: int = 0, **given: Any) -> None:
    """O-1 of 1,000 was held at its confirmation on 2 March and released that day; the limit is 0."""
    await hold.set_up(limit="0")
    await hold.checkpoints(grace=grace)
    await hold.parameters(**given)
    assert (await asked(hold, ask, "confirmation"))["outcome"] == "held"
    await hold.release("O-1")


@pytest.mark.parametrize(("day", "checked"), [("2026-03-03", False), ("2026-03-04", False), ("2026-03-05", True)])
async def test_rows_72_and_73_grace_of_two_days(hold: Any, ask: Any, day: str, checked: bool) -> None:
    await released(hold, ask, grace=2)
    await hold.today(day)
    assert (await asked(hold, ask, "packing_slip"))["checked"] is checked


@pytest.mark.parametrize(("day", "checked"), [("2026-03-07", False), ("2026-03-08", True)])
async def test_row_74_grace_of_five_days(hold: Any, ask: Any, day: str, checked: bool) -> None:
    await released(hold, ask, grace=5)
    await hold.today(day)
    assert (await asked(hold, ask, "invoice"))["checked"] is checked


async def test_row_76_without_grace_the_held_document_goes_through_once(hold: Any, ask: Any) -> None:
    await released(hold, ask)
    assert (await asked(hold, ask, "confirmation"))["outcome"] == "cleared"
    assert (await asked(hold, ask, "picking_list"))["outcome"] == "held"


async def test_row_76_a_company_may_want_it_held_again(hold: Any, ask: Any) -> None:
    await released(hold, ask, release_admits_held_document=False)
    assert (await asked(hold, ask, "confirmation"))["outcome"] == "held"


async def test_row_79_pro_forma(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0")
    await hold.checkpoints(proforma=False)
    assert (await asked(hold, ask, "confirmation", proforma=True))["checked"] is False
    await hold.checkpoints(proforma=True)
    assert (await asked(hold, ask, "confirmation", proforma=True))["outcome"] == "held"


async def test_row_80_rules_are_skipped_after_a_release(hold: Any, ask: Any) -> None:
    await released(hold, ask, skip_rules_after_release=True)
    await hold.today("2026-03-03")
    assert (await asked(hold, ask, "invoice", "5000"))["checked"] is False


@pytest.mark.parametrize(
    ("total", "tolerance", "checked"),
    [("1200", "0", True), ("900", "0", False), ("1100", "10", False), ("1101", "10", True)],
)
async def test_rows_81_to_83_value_after_a_release(
    hold: Any, ask: Any, total: str, tolerance: str, checked: bool
) -> None:
    await released(hold, ask, grace=5, release_value_tolerance_percent=tolerance)
    assert (await asked(hold, ask, "packing_slip", total))["checked"] is checked


@pytest.mark.parametrize(("change", "skip", "checked"), [
    ("cancel", True, False), ("cancel", False, True), ("reduce", True, False), ("reduce", False, True),
])  # fmt: skip
async def test_row_84_packing_slips_taken_back(hold: Any, ask: Any, change: str, skip: bool, checked: bool) -> None:
    await hold.set_up(limit="0")
    await hold.parameters(
        skip_check_when_cancelling_packing_slip=skip, skip_check_when_reducing_packing_slip=skip
    )  # fmt: skip
    assert (await asked(hold, ask, "packing_slip", change=change))["checked"] is checked


@pytest.mark.parametrize(("bypass", "tested"), [(True, "1000.00"), (False, "300.00")])
async def test_row_85_reserved_quantities(hold: Any, ask: Any, bypass: bool, tested: str) -> None:
    await hold.set_up(limit="5000")
    await hold.credit_parameters(bypass_inventory_reservations=bypass)
    answer = await asked(hold, ask, "picking_list", reserved_total="300")
    assert answer["figures"]["this_order"] == tested


@pytest.mark.parametrize(("origin", "said"), [("intercompany", None), ("commerce", None)])
async def test_row_102_orders_excluded_by_their_origin(hold: Any, ask: Any, origin: str, said: bool | None) -> None:
    await hold.set_up(limit="0")
    answer = await asked(hold, ask, "confirmation", origin=origin, exclude_from_credit_management=said)
    assert (answer["outcome"], answer["checked"]) == ("cleared", False)


async def test_small_orders_are_not_checked(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0")
    await hold.parameters(exclude_sales_order_below="1000")
    assert (await asked(hold, ask, "confirmation", "999.99"))["checked"] is False
    assert (await asked(hold, ask, "confirmation", "1000"))["outcome"] == "held"


async def test_credit_management_suspended_until_a_date(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0")
    await hold.facts(ask.profile("0", 2, ignore_until_date="2026-03-02"))
    assert (await asked(hold, ask, "confirmation"))["checked"] is False
    await hold.today("2026-03-03")
    assert (await asked(hold, ask, "confirmation"))["outcome"] == "held"


@pytest.mark.parametrize(("effect", "checkpoint", "wanted"), [
    ("invoice", "confirmation", "cleared"), ("invoice", "packing_slip", "held"), ("invoice", "invoice", "held"),
    ("all", "confirmation", "held"),
])  # fmt: skip
async def test_a_hold_effect_stops_documents_of_the_customer(
    hold: Any, ask: Any, effect: str, checkpoint: str, wanted: str
) -> None:
    await hold.set_up(limit="5000")
    await hold.facts(ask.profile("5000", 2, invoicing_delivery_on_hold=effect, account_status="STOP"))
    answer = await asked(hold, ask, checkpoint)
    assert answer["outcome"] == wanted
    assert answer.get("reasons", ["customer_blocked"]) == ["customer_blocked"]


async def test_a_block_acts_inside_grace_and_on_excluded_orders(hold: Any, ask: Any) -> None:
    await released(hold, ask, grace=5)
    await hold.facts(ask.event(BLOCK, effect="all"))
    answer = await asked(hold, ask, "packing_slip", exclude_from_credit_management=True)
    assert answer["reasons"] == ["customer_blocked"]


async def test_the_end_of_a_block_releases_what_it_held(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="5000")
    await hold.facts(ask.event(BLOCK, sequence=1, effect="all"))
    assert (await asked(hold, ask, "confirmation"))["reasons"] == ["customer_blocked"]
    await hold.facts(ask.event(BLOCK, sequence=2, request="OTHER", effect="invoice"))
    await hold.facts(ask.event(UNBLOCK, sequence=3))
    await hold.recheck()
    assert (await hold.published())[-1][0] == "hold.order.released.v1"
    assert (await asked(hold, ask, "invoice"))["reasons"] == ["customer_blocked"]


async def test_a_late_block_request_does_not_undo_its_end(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="5000")
    await hold.facts(ask.event(UNBLOCK, sequence=3))
    await hold.facts(ask.event(BLOCK, sequence=2, effect="all"))
    assert (await asked(hold, ask, "confirmation"))["outcome"] == "cleared"


async def test_grace_ends_when_the_payment_that_freed_the_order_comes_back(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    await hold.checkpoints(grace=5)
    await hold.facts(ask.invoice("I-1", "900"))
    await asked(hold, ask, "confirmation", "600")
    await hold.facts(ask.payment("P-1", "900", ("I-1", "900")))
    await hold.recheck()
    assert (await asked(hold, ask, "picking_list", "600"))["checked"] is False
    await hold.facts(ask.event("erp.payment.returned.v1", document="P-1"))
    assert (await asked(hold, ask, "packing_slip", "600"))["outcome"] == "held"


async def test_grace_ends_when_the_settlement_is_reversed(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    await hold.checkpoints(grace=5)
    await hold.facts(ask.invoice("I-1", "900"))
    await asked(hold, ask, "confirmation", "600")
    await hold.facts(ask.payment("P-1", "900", ("I-1", "900")))
    await hold.recheck()
    await hold.facts(ask.event("erp.settlement.reversed.v1", settlement="P-1/I-1"))
    assert (await asked(hold, ask, "packing_slip", "600"))["checked"] is True


async def test_picking_may_go_through_although_the_order_is_held(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0")
    await hold.parameters(allow_picking=True)
    await asked(hold, ask, "confirmation")
    let = await asked(hold, ask, "picking_list")
    assert (let["outcome"], let["checked"], let["still_held"]) == ("cleared", False, True)
    assert await hold.pool.fetchval("SELECT credit_status FROM sales_order WHERE order_no = 'O-1'") == "held"
    assert (await asked(hold, ask, "invoice"))["outcome"] == "held"


async def test_without_auto_release_a_hold_becomes_ready(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0")
    await hold.parameters(auto_release=False)
    await asked(hold, ask, "confirmation")
    await hold.facts(ask.profile("5000", 2))
    await hold.recheck()
    rows = await hold.pool.fetch("SELECT reason, active FROM hold_reason ORDER BY reason")
    assert [tuple(row) for row in rows] == [("credit_exceeded", False), ("ready_for_release", True)]
    assert await hold.pool.fetchval("SELECT active FROM hold")


async def test_an_automatic_release_may_post(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0")
    await hold.parameters(auto_release_mode="with_posting", auto_release_reason="AUTO")
    await asked(hold, ask, "confirmation", posting_request={"print": True})
    await hold.facts(ask.profile("5000", 2))
    await hold.recheck()
    _, body = (await hold.published())[-1]
    assert (body["mode"], body["release_reason"], body["posting_request"]) == ("with_posting", "AUTO", {"print": True})


async def test_a_term_above_the_customers_holds_until_it_is_released(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="5000")
    await hold.parameters(check_when_payment_terms_increase=True)
    await hold.ranks("payment_terms", N30=1, N60=2, N90=3)
    assert (await asked(hold, ask, "confirmation", payment_terms="N60"))["reasons"] == ["payment_term_increased"]
    await hold.release("O-1")
    await asked(hold, ask, "confirmation", payment_terms="N60")
    assert (await asked(hold, ask, "picking_list", payment_terms="N60"))["outcome"] == "cleared"
    assert (await asked(hold, ask, "invoice", payment_terms="N90"))["reasons"] == ["payment_term_increased"]
