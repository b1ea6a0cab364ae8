"""A hold stands on the newest decision about it, whose numbers are those of that moment (design, section 5)."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("reasons")


async def decisions(hold: Any) -> list[str]:
    rows = await hold.pool.fetch("SELECT outcome FROM decision WHERE order_no = 'O-1' ORDER BY decided_at, outcome")
    return [row["outcome"] for row in rows]


async def test_a_re_check_that_finds_other_reasons_is_a_decision(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up(limit="1000", rules={"credit_limit_used": "100", "days_overdue": "10"})
    await hold.facts(ask.invoice("I-1", "300", due="2026-01-31"))
    (first,) = await hold.check(ask.request("O-1", "2000"))
    await hold.facts(ask.payment("P-1", "300", ("I-1", "300")))
    await hold.recheck()
    shown = await kim.get(f"/holds/{first['hold']}")
    assert shown["decision"] != first["decision"]
    told = await kim.get(f"/decisions/{shown['decision']}")
    assert (told["outcome"], told["answer"]["reasons"]) == ("held", ["credit_exceeded"])
    assert (told["answer"]["figures"]["exposure"], told["answer"]["triggers"]) == ("2000.00", ["P-1"])
    assert told["to_pass"]
    (cleared,) = [e for kind, e in await hold.published() if kind == "hold.reason.cleared.v1"]
    assert cleared["decision"] == shown["decision"]
    (same,) = await hold.check(ask.request("O-1", "2000"))
    assert same["decision"] == first["decision"]


async def test_a_re_check_that_finds_the_same_stores_nothing(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    await hold.check(ask.request("O-1", "2000"))
    await hold.facts(ask.profile("1001", 2))
    await hold.recheck()
    assert await decisions(hold) == ["held"]


async def test_a_hold_that_becomes_ready_stands_on_the_figures_that_made_it_so(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up(limit="1000")
    await hold.parameters(auto_release=False)
    await hold.check(ask.request("O-1", "2000"))
    await hold.facts(ask.profile("5000", 2))
    await hold.recheck()
    (ready,) = [e for kind, e in await hold.published() if kind == "hold.order.ready.v1"]
    told = await kim.get(f"/decisions/{ready['decision']}")
    assert (told["answer"]["reasons"], told["answer"]["figures"]["limit"]) == (["ready_for_release"], "5000")


async def test_a_later_attempt_renews_the_decision_of_the_hold(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up(limit="1000")
    await hold.check(ask.request("O-1", "2000"))
    (second,) = await hold.check(ask.request("O-1", "2500", "again"))
    assert (await kim.get(f"/holds/{second['hold']}"))["decision"] == second["decision"]


async def test_a_hold_names_the_one_before(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up(limit="1000")
    (first,) = await hold.check(ask.request("O-1", "2000"))
    await kim.act(first["hold"], "reject", reason="PAID")
    (second,) = await hold.check(ask.request("O-1", "2000", "again"))
    (third,) = await hold.check(ask.request("O-1", "2000", "once more"))
    assert [answer.get("previous_hold") for answer in (first, second, third)] == [None, first["hold"], first["hold"]]


async def test_an_attempt_for_less_frees_room_for_what_is_held(hold: Any, ask: Any) -> None:
    """The order has become smaller, and its new state has not been told yet."""
    await hold.set_up(limit="1000")
    await hold.check(ask.request("O-1", "600"), ask.request("O-2", "500"))
    await hold.check(ask.request("O-1", "300", attempt="O-1-2", order_version=2))
    await hold.recheck()
    assert [e["order"] for kind, e in await hold.published() if kind == "hold.order.released.v1"] == ["O-2"]


async def test_an_order_that_passed_and_is_held_now_frees_room_for_older_ones(hold: Any, ask: Any) -> None:
    """What is held counts for younger orders only (spec 2.1)."""
    await hold.set_up(limit="1000")
    young = {"created_at": "2026-03-01T12:00:00Z"}
    await hold.check(ask.request("YOUNG", "600", **young))
    await hold.check(ask.request("OLD", "500", created_at="2026-03-01T08:00:00Z"))
    await hold.recheck()
    await hold.check(ask.request("YOUNG", "1100", attempt="YOUNG-2", order_version=2, **young))
    await hold.recheck()
    assert [e["order"] for kind, e in await hold.published() if kind == "hold.order.released.v1"] == ["OLD"]
