"""Attempts on orders that are held already (spec 3.5): refused, they refresh the hold; some documents go on."""

from __future__ import annotations

from typing import Any

import pytest


async def tried(hold: Any, ask: Any, checkpoint: str = "confirmation", total: str = "1000", **changes: Any) -> Any:
    """The answer to an attempt of its own at O-1."""
    hold.sent += 1
    (answer,) = await hold.check(ask.request("O-1", total, f"try-{hold.sent}", checkpoint=checkpoint, **changes))
    return answer


async def row(hold: Any) -> Any:
    """The hold of O-1."""
    return await hold.pool.fetchrow("SELECT * FROM hold WHERE order_no = 'O-1' ORDER BY id DESC LIMIT 1")


async def reasons(hold: Any) -> list[str]:
    """The reasons of holds that stand."""
    return [r["reason"] for r in await hold.pool.fetch("SELECT reason FROM hold_reason WHERE active ORDER BY 1")]


async def kinds(hold: Any) -> list[str]:
    """The types of what was published, in short."""
    return [kind.removeprefix("hold.").removesuffix(".v1") for kind, _ in await hold.published()]


@pytest.mark.parametrize("attempt", [{"checkpoint": "picking_list"}, {"checkpoint": "invoice", "proforma": True}])
async def test_an_attempt_at_a_document_that_is_not_checked_leaves_the_hold_as_it_is(
    hold: Any, ask: Any, attempt: dict[str, Any]
) -> None:
    await hold.set_up(limit="0")
    await hold.checkpoints(grace=3, proforma=False)
    await hold.pool.execute("UPDATE checkpoint SET check_on_posting = false WHERE document = 'picking_list'")
    await tried(hold, ask, posting_request={"ref": 1})
    before = await row(hold)
    answer = await tried(hold, ask, posting_request={"ref": 2}, **attempt)
    assert (answer["outcome"], answer["reasons"], answer["checked"]) == ("held", ["credit_exceeded"], False)
    await hold.recheck()
    assert dict(await row(hold)) == dict(before)


@pytest.mark.parametrize("change", ["cancel", "reduce"])
async def test_row_84_a_packing_slip_of_a_held_order_is_taken_back(hold: Any, ask: Any, change: str) -> None:
    await hold.set_up(limit="0")
    await tried(hold, ask, "packing_slip", posting_request={"ref": 1})
    before = await row(hold)
    answer = await tried(hold, ask, "packing_slip", change=change, posting_request={"ref": 2})
    assert (answer["outcome"], answer["checked"], "hold" in answer) == ("cleared", False, False)
    assert dict(await row(hold)) == dict(before)
    await hold.parameters(skip_check_when_cancelling_packing_slip=False, skip_check_when_reducing_packing_slip=False)
    assert (await tried(hold, ask, "packing_slip", change=change))["outcome"] == "held"


async def test_a_corrected_order_is_decided_again_as_the_newest_attempt_tells_of_it(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="5000")
    await hold.rule("payment_term", payment_term="N60")
    await tried(hold, ask, payment_terms="N60")
    await tried(hold, ask, payment_terms="N30", order_version=2)
    await hold.recheck()
    assert (await row(hold))["closed_as"] == "released"


@pytest.mark.parametrize("state_first", [True, False])
@pytest.mark.parametrize(
    "said", [{"exclude_from_credit_management": True}, {"origin": "intercompany"}, {"origin": "project"}]
)
async def test_what_a_request_leaves_out_is_told_by_the_state_whichever_comes_first(
    hold: Any, ask: Any, said: dict[str, Any], state_first: bool
) -> None:
    await hold.set_up(limit="0")
    state = ask.order("O-1", "1000", **said)
    if state_first:
        await hold.facts(state)
    answer = await tried(hold, ask)
    assert (answer["outcome"] == "cleared") is state_first
    if not state_first:
        await hold.facts(state)
        await hold.recheck()
        assert (await row(hold))["closed_as"] == "released"


async def test_terms_that_a_request_leaves_out_are_those_of_the_state(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up(limit="5000")
    await hold.facts(ask.invoice("I-1", "6000"))
    await hold.rule("payment_term", payment_term="CASH")
    await tried(hold, ask, payment_terms=None)
    await hold.facts(ask.order("O-1", "1000", payment_terms="CASH"))
    await hold.recheck()
    assert await reasons(hold) == ["credit_exceeded", "payment_term"]
    (shown,) = await kim.holds(payment_terms="CASH")
    assert shown["payment_terms"] == "CASH"


async def test_an_older_attempt_changes_nothing(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="500")
    await tried(hold, ask, order_version=2)
    before = await row(hold)
    assert (await tried(hold, ask, total="100", order_version=1))["outcome"] == "held"
    await hold.recheck()
    assert dict(await row(hold)) == dict(before)


async def test_a_newer_attempt_is_taken_over_whole(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="500")
    await hold.facts(ask.event("erp.exchange-rate.published.v1", from_currency="USD", to_currency="EUR", rate="0.9"))
    await tried(hold, ask, posting_request={"ref": 1})
    await tried(hold, ask, "invoice", "2000", currency="USD", order_version=2, posting_request=None)
    now = await row(hold)
    assert (now["checkpoint"], now["order_currency"], now["order_total"], now["posting_request"]) == (
        "invoice", "USD", 2000, None)  # fmt: skip


async def test_a_pro_forma_does_not_take_the_place_of_a_posting(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="500")
    await tried(hold, ask, posting_request={"ref": 1})
    await tried(hold, ask, "invoice", proforma=True, posting_request={"ref": 2})
    now = await row(hold)
    assert (now["checkpoint"], now["proforma"], now["posting_request"]) == ("confirmation", False, {"ref": 1})


async def test_an_attempt_clears_reasons_that_are_gone(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="500", rules={"credit_limit_used": "100", "days_overdue": "5"})
    await hold.facts(ask.invoice("I-1", "100", due="2026-02-01"))
    answer = await tried(hold, ask)
    assert answer["reasons"] == ["credit_exceeded", "open_transactions_overdue"]
    await hold.facts(ask.payment("P-1", "100", ("I-1", "100")))
    answer = await tried(hold, ask)
    assert answer["reasons"] == await reasons(hold) == ["credit_exceeded"]
    assert await kinds(hold) == ["order.held", "order.held", "reason.cleared"]
    _, body = (await hold.published())[-1]
    assert (body["reason"], body["reasons_left"]) == ("open_transactions_overdue", ["credit_exceeded"])


@pytest.mark.parametrize("stop", ["unknown rate", "facts too old", "block"])
async def test_what_stops_a_check_does_not_clear_what_rules_have_found(hold: Any, ask: Any, stop: str) -> None:
    await hold.set_up(limit="500")
    await tried(hold, ask)
    if stop == "unknown rate":
        await hold.facts(ask.invoice("I-1", "10", currency="GBP"))
    elif stop == "block":
        await hold.facts(ask.event("collections.customer.block-requested.v1", effect="all"))
    await hold.recheck()
    hold.sent += 1
    again = ask.request("O-1", "1000", f"try-{hold.sent}")
    (answer,) = await hold.check(again, most_facts_age=1 if stop == "facts too old" else None)
    wanted = {"unknown rate": "technical_error", "facts too old": "facts_too_old", "block": "customer_blocked"}[stop]
    assert answer["reasons"] == await reasons(hold) == sorted(["credit_exceeded", wanted])
    assert "reason.cleared" not in await kinds(hold)


async def test_a_blocked_customers_other_reasons_are_listed_too(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="500")
    await hold.facts(ask.profile("500", 2, invoicing_delivery_on_hold="all", account_status="STOP"))
    assert (await tried(hold, ask))["reasons"] == ["credit_exceeded", "customer_blocked"]


async def test_a_preview_of_a_held_order_says_that_it_is_held(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up(limit="5000")
    await hold.facts(ask.order("O-1", "1000"))
    await hold.pool.execute("INSERT INTO reason VALUES ('DE01', 'hold', 'FRAUD', '', 1)")
    await kim.post("/forced-holds", {"company": "DE01", "orders": ["O-1"], "reason": "FRAUD"})
    body = ask.request("O-1", "1000").model_dump(mode="json", exclude_none=True)
    found = (await kim.post("/credit-checks/preview", body)).json()
    assert (found["outcome"], found["reasons"], found["hold"]) == ("held", ["forced_hold"], "H-000001")


async def test_a_reason_that_appears_or_clears_makes_another_version(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up(limit="500", rules={"credit_limit_used": "100", "days_overdue": "5"})
    await hold.pool.execute("INSERT INTO reason VALUES ('DE01', 'release', 'PAID', '', 1)")
    number = (await tried(hold, ask))["hold"]
    assert (await kim.get(f"/holds/{number}"))["version"] == 1
    await hold.facts(ask.invoice("I-1", "100", due="2026-02-01"))
    await hold.recheck()
    refused = await kim.send("POST", f"/holds/{number}/release", {"reason": "PAID"}, '"1"')
    assert refused.status_code == 412
    await hold.facts(ask.payment("P-1", "100", ("I-1", "100")))
    await hold.recheck()
    assert (await kim.get(f"/holds/{number}"))["version"] == 3


async def test_a_pro_forma_does_not_use_up_what_a_release_admits(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0")
    await tried(hold, ask)
    await hold.release("O-1")
    assert (await tried(hold, ask, proforma=True))["outcome"] == "cleared"
    assert (await tried(hold, ask))["outcome"] == "cleared"
    assert (await tried(hold, ask))["outcome"] == "held"


async def test_what_is_reserved_counts_in_re_checks_too(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="200")
    await hold.credit_parameters(bypass_inventory_reservations=False)
    answer = await tried(hold, ask, reserved_total="300")
    assert (answer["outcome"], answer["figures"]["this_order"]) == ("held", "300.00")
    await hold.facts(ask.profile("400", 2))
    await hold.recheck()
    assert (await row(hold))["closed_as"] == "released"


@pytest.mark.parametrize(("total", "ends"), [("999", True), ("5000", False)])
async def test_the_smallest_order_that_is_checked_is_measured_by_the_newest_state(
    hold: Any, ask: Any, total: str, ends: bool
) -> None:
    await hold.set_up(limit="10")
    await hold.parameters(exclude_sales_order_below="1000")
    assert (await tried(hold, ask))["outcome"] == "held"
    await hold.facts(ask.order("O-1", total, version=2))
    await hold.recheck()
    assert (await row(hold))["active"] is not ends


async def test_an_order_that_is_another_customers_by_now_is_decided_by_that_one(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    await hold.parameters(release_admits_held_document=False)
    await hold.facts(
        ask.event("erp.customer.changed.v1", customer="C-2"), ask.profile("1200", customer="C-2"),
        ask.invoice("I-2", "1000", customer="C-2"),
    )  # fmt: skip
    await tried(hold, ask, total="1500")
    answer = await tried(hold, ask, total="1500", customer="C-2", order_version=2)
    assert (answer["outcome"], (await row(hold))["customer"], (await row(hold))["order_version"]) == ("held", "C-1", 1)
    await hold.facts(ask.order("O-1", "1500", customer="C-2", version=2))
    await hold.recheck()
    assert ((await row(hold))["customer"], (await row(hold))["active"]) == ("C-2", True)
    await hold.facts(ask.profile("2500", 2, customer="C-2"))
    await hold.recheck()
    assert (await row(hold))["closed_as"] == "released"


async def test_a_late_request_of_the_customer_that_an_order_has_left_is_decided_by_the_other(
    hold: Any, ask: Any
) -> None:
    await hold.set_up(limit="1000")
    await hold.facts(
        ask.event("erp.customer.changed.v1", customer="C-2"), ask.profile("5000", customer="C-2"),
        ask.order("O-1", "1500", customer="C-2", version=2),
    )  # fmt: skip
    await hold.facts(ask.profile("0", 2), ask.invoice("I-1", "100"))
    assert (await tried(hold, ask, total="1500"))["outcome"] == "held"
    await hold.recheck()
    assert ((await row(hold))["customer"], (await row(hold))["closed_as"]) == ("C-2", "released")
