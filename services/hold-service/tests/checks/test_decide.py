"""Decisions on real data: the same function serves bus and HTTP."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest


async def test_an_order_within_the_limit_passes_and_reserves(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    first, second = await hold.check(ask.request("O-1", "600"), ask.request("O-2", "500"))
    assert (first["outcome"], second["outcome"]) == ("cleared", "held")
    assert second["reasons"] == ["credit_exceeded"]
    assert str(second["figures"]["reserved"]) == "600.00"


async def test_exactly_the_limit_passes(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    (answer,) = await hold.check(ask.request("O-1", "1000"))
    assert answer["outcome"] == "cleared"


async def test_row_4_4_1_the_same_attempt_gets_the_same_answer_once(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    (first,) = await hold.check(ask.request("O-1", "600"))
    (again,) = await hold.check(ask.request("O-1", "600"))
    assert again["decision"] == first["decision"]
    assert len(await hold.published()) == 1


async def test_a_second_attempt_while_held_meets_the_same_hold(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="100")
    (first,) = await hold.check(ask.request("O-1", "600"))
    (again,) = await hold.check(ask.request("O-1", "600", "O-1-2"))
    assert again["outcome"] == "held"
    assert again["hold"] == first["hold"]
    assert await hold.pool.fetchval("SELECT count(*) FROM hold") == 1


async def test_a_payment_releases_the_oldest_hold_first(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    await hold.facts(ask.invoice("I-1", "900"))
    await hold.check(ask.request("O-1", "600"), ask.request("O-2", "600"))
    await hold.facts(ask.payment("P-1", "900", ("I-1", "900")))
    await hold.recheck()
    events = await hold.published()
    assert [(kind, body["order"]) for kind, body in events] == [
        ("hold.order.held.v1", "O-1"),
        ("hold.order.held.v1", "O-2"),
        ("hold.order.released.v1", "O-1"),
    ]
    assert events[-1][1]["triggers"] == ["P-1"]
    assert [body["sequence"] for _, body in events] == [1, 2, 3]


async def test_days_overdue_holds_and_clears_with_the_payment(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="10000", rules={"days_overdue": "30"})
    await hold.facts(ask.invoice("I-1", "100", due="2026-01-30"))
    (answer,) = await hold.check(ask.request("O-1", "10"))
    assert answer["reasons"] == ["open_transactions_overdue"]
    await hold.facts(ask.invoice("I-2", "100", due="2026-01-31"), ask.payment("P-1", "100", ("I-1", "100")))
    await hold.recheck()
    assert (await hold.published())[-1][0] == "hold.order.released.v1"


async def test_a_higher_limit_releases(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="100")
    await hold.check(ask.request("O-1", "600"))
    await hold.facts(ask.profile("1000", 2))
    await hold.recheck()
    kind, body = (await hold.published())[-1]
    assert (kind, body["triggers"]) == ("hold.order.released.v1", ["credit limit"])


async def test_a_cancelled_order_closes_its_hold(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="100")
    await hold.check(ask.request("O-1", "600"))
    await hold.facts(ask.order("O-1", "600"), ask.event("erp.order.cancelled.v1", order="O-1"))
    await hold.recheck()
    assert (await hold.published())[-1][0] == "hold.order.cancelled.v1"
    assert not await hold.pool.fetchval("SELECT active FROM hold")


def cancelled(ask: Any, version: int = 1) -> Any:
    """O-1 is cancelled."""
    return ask.event("erp.order.cancelled.v1", order="O-1", version=version)


@pytest.mark.parametrize("first", ["check", "cancellation", "cancellation of a version", "all in one batch"])
async def test_a_check_of_a_cancelled_order_reserves_nothing_whichever_comes_first(
    hold: Any, ask: Any, first: str
) -> None:
    await hold.set_up(limit="1000")
    gone, asked = cancelled(ask, 2 if "version" in first else 1), ask.request("O-1", "600")
    steps = [[asked], [gone]] if first == "check" else [[gone, asked]] if "batch" in first else [[gone], [asked]]
    for step in steps[:-1]:
        await hold.facts(*step)
    await hold.facts(*steps[-1], *([ask.request("O-2", "600")] if "batch" in first else []))
    (answer,) = await hold.check(ask.request("O-3", "600" if "batch" not in first else "400"))
    assert answer["outcome"] == "cleared"
    assert await hold.pool.fetchval("SELECT count(*) FROM reservation WHERE order_no = 'O-1'") == 0
    assert {body["order"] for kind, body in await hold.published() if kind == "hold.order.held.v1"} == set()


@pytest.mark.parametrize("checked_first", [True, False])
async def test_the_hold_of_a_cancelled_order_ends_whichever_comes_first(
    hold: Any, ask: Any, checked_first: bool
) -> None:
    await hold.set_up(limit="1000")
    await hold.facts(ask.invoice("I-1", "1100"))
    steps = [ask.request("O-1", "600"), cancelled(ask)]
    for step in steps if checked_first else steps[::-1]:
        await hold.facts(step)
    await hold.recheck()
    kinds = [kind for kind, body in await hold.published()]
    assert kinds == ["hold.order.held.v1", "hold.order.cancelled.v1"]


async def test_a_check_of_a_newer_version_reopens_a_cancelled_order(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    await hold.facts(cancelled(ask), ask.request("O-1", "600", order_version=2))
    (answer,) = await hold.check(ask.request("O-2", "600"))
    assert (answer["outcome"], answer["figures"]["reserved"]) == ("held", "600.00")
    (held,) = await hold.check(ask.request("O-1", "1600", "again", order_version=2))
    await hold.recheck()
    assert held["outcome"] == "held"
    assert {body["order"] for kind, body in await hold.published() if "cancelled" in kind} == set()


@pytest.mark.parametrize("version", [None, 1])
@pytest.mark.parametrize(("invoiced", "reserved"), [("600", "0"), ("400", "200"), ("900", "0")])
async def test_an_invoice_that_comes_before_the_state_of_its_order_counts_once(
    hold: Any, ask: Any, invoiced: str, reserved: str, version: int | None
) -> None:
    """It is in the balance, so the order is worth less (spec 2.1): also with an older state of the order."""
    await hold.set_up(limit="1000")
    if version is not None:
        await hold.facts(ask.order("O-1", "100", version=version))
    await hold.check(ask.request("O-1", "600", order_version=2))
    await hold.facts(ask.invoice("I-1", invoiced, order="O-1"))
    (answer,) = await hold.check(ask.request("O-2", "100"))
    figures = answer["figures"]
    assert (Decimal(figures["balance"]), Decimal(figures["reserved"])) == (Decimal(invoiced), Decimal(reserved))
    early = figures["exposure"]
    await hold.facts(ask.order("O-1", "600", version=2))
    (answer,) = await hold.check(ask.request("O-2", "100", "again"))
    assert answer["figures"]["exposure"] == early
    await hold.facts(ask.event("erp.document.cancelled.v1", document="I-1", version=2))
    (answer,) = await hold.check(ask.request("O-2", "100", "once more"))
    assert str(answer["figures"]["exposure"]) == "700.00"


async def test_what_is_not_known_holds_with_its_reason_and_is_checked_again(hold: Any, ask: Any) -> None:
    (answer,) = await hold.check(ask.request("O-1", "600"))
    assert answer["reasons"] == ["company_not_live", "unknown_customer"]
    await hold.set_up(limit="1000")
    await hold.recheck()
    assert [e["order"] for kind, e in await hold.published() if kind == "hold.order.released.v1"] == ["O-1"]
    unknown = ask.request("O-2", "60", customer="C-9")
    (answer,) = await hold.check(unknown)
    assert answer["reasons"] == ["unknown_customer"]
    await hold.facts(ask.event("erp.customer.changed.v1", customer="C-9"), ask.profile("1000", customer="C-9"))
    await hold.recheck()
    assert (await hold.published())[-1][0] == "hold.order.released.v1"


async def test_a_missing_rate_holds_until_it_comes(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    (answer,) = await hold.check(ask.request("O-1", "600", currency="USD"))
    assert answer["reasons"] == ["technical_error"]
    await hold.facts(ask.event("erp.exchange-rate.published.v1"))
    await hold.recheck()
    assert (await hold.published())[-1][0] == "hold.order.released.v1"


async def test_a_company_that_is_not_live_holds(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    await hold.facts(ask.event("erp.company.went-live.v1", version=2, live=False))
    (answer,) = await hold.check(ask.request("O-1", "600"))
    assert answer["reasons"] == ["company_not_live"]


async def test_a_company_nobody_has_heard_of_holds_though_it_has_set_nothing_up(hold: Any, ask: Any) -> None:
    """Its number may be mistyped."""
    await hold.set_up(limit="1000")
    (answer,) = await hold.check(ask.request("O-1", "600", company="de01"))
    assert (answer["outcome"], answer["reasons"]) == ("held", ["company_not_live", "unknown_customer"])
    assert "Company de01 is not known." in answer["explanation"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"origin": "project"}, "project"),
        ({"origin": "intercompany"}, "excluded"),
        ({"exclude_from_credit_management": True}, "excluded"),
    ],
)
async def test_a_check_that_does_not_run_says_why(hold: Any, ask: Any, changes: dict[str, Any], why: str) -> None:
    await hold.set_up(limit="0")
    (answer,) = await hold.check(ask.request("O-1", "600", **changes))
    assert answer["outcome"] == "cleared"
    assert why in answer["not_checked_because"]


async def test_row_4_5_3_an_older_state_does_not_end_a_reservation(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    await hold.check(ask.request("O-1", "500", order_version=2))
    await hold.facts(ask.order("O-1", "100", version=1))
    (answer,) = await hold.check(ask.request("O-2", "600"))
    assert answer["outcome"] == "held"


async def test_row_4_5_14_two_known_orders_do_not_hold_each_other(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    old, new = "2026-02-01T08:00:00Z", "2026-02-02T08:00:00Z"
    await hold.facts(ask.order("O-1", "600", created_at=old), ask.order("O-2", "600", created_at=new))
    second, first = await hold.check(
        ask.request("O-2", "600", created_at=new), ask.request("O-1", "600", created_at=old)
    )
    assert (first["outcome"], second["outcome"]) == ("cleared", "held")


async def test_row_4_4_32_parallel_checks_never_pass_more_than_the_room(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    answers = await asyncio.gather(*(hold.check(ask.request(f"O-{n}", "300")) for n in range(50)))
    assert [a["outcome"] for (a,) in answers].count("cleared") == 3
    assert await hold.pool.fetchval("SELECT count(*) FROM hold WHERE active") == 47


async def test_row_4_5_13_facts_older_than_the_limit_hold_and_so_does_an_age_nobody_knows(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    read = """INSERT INTO consumer_offset (topic, partition, event_time, fresh_at)
              VALUES ('erp.orders.v1', $1, now() - interval '1 day', now() - $2::int * interval '1 second')"""
    await hold.pool.execute(read, 0, 60)
    (young,) = await hold.check(ask.request("O-1", "1"), most_facts_age=90)
    (old,) = await hold.check(ask.request("O-2", "1"), most_facts_age=30)
    assert (young["outcome"], old["outcome"], old["reasons"]) == ("cleared", "held", ["facts_too_old"])
    assert 60 <= young["facts_age_seconds"] < 90
    await hold.pool.execute(read, 1, None)
    await hold.pool.execute("UPDATE consumer_offset SET event_time = NULL WHERE partition = 1")
    (unread,) = await hold.check(ask.request("O-3", "1"), most_facts_age=90)
    (no_limit,) = await hold.check(ask.request("O-4", "1"))
    assert (unread["reasons"], no_limit["outcome"]) == (["facts_too_old"], "cleared")
    assert "facts_age_seconds" not in no_limit


async def test_an_order_beyond_the_limit_is_warned_of_without_any_rule(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000", rules={"sales_order": "90000"})
    fits, over = await hold.check(ask.request("O-2", "1"), ask.request("O-1", "1500"))
    assert (over["outcome"], fits["outcome"]) == ("cleared", "cleared")
    assert over["warnings"] == ["The exposure with this order is 1,501.00 EUR, above the limit 1,000.00 EUR."]
    await hold.rule("credit_limit_used", "100", outcome="warn")
    (told,) = await hold.check(ask.request("O-3", "10"))
    assert len(told["warnings"]) == 1
    assert "the rule allows 100 %" in told["warnings"][0]
