"""What other services say about a customer is what rules see, in whatever order it comes."""

from __future__ import annotations

from typing import Any

import pytest


async def reasons(hold: Any, ask: Any, number: str) -> Any:
    """Why an order would be held."""
    (answer,) = await hold.check(ask.request(number, "10"))
    return answer.get("reasons")


async def test_the_reminder_level_holds_and_frees(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000", rules={"dunning_level": "2"})
    await hold.facts(ask.event("reminders.level.changed.v1", sequence=2, level=2))
    await hold.facts(ask.event("reminders.level.changed.v1", sequence=1, level=1))
    assert await reasons(hold, ask, "O-1") == ["dunning_level"]
    await hold.facts(ask.event("reminders.level.changed.v1", sequence=3, level=0))
    await hold.recheck()
    assert (await hold.published())[-1][0] == "hold.order.released.v1"


async def test_a_broken_promise_holds_until_it_is_made_good(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000", rules={"broken_promise": "0"})
    await hold.facts(ask.event("collections.promise.kept.v1", sequence=1, promise="A"))
    await hold.facts(ask.event("collections.promise.broken.v1", sequence=2, promise="B"))
    assert await reasons(hold, ask, "O-1") == ["broken_promise"]
    await hold.facts(ask.event("collections.promise.kept.v1", sequence=3, promise="B"))
    await hold.recheck()
    assert (await hold.published())[-1][1]["triggers"] == ["B"]


async def test_the_disputed_share_of_open_invoices(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000", rules={"disputed_share": "20"})
    disputed = ask.event("erp.document.disputed.v1", document="I-1", disputed_amount="30")
    await hold.facts(ask.invoice("I-1", "50"), ask.invoice("I-2", "50"), disputed)
    assert await reasons(hold, ask, "O-1") == ["disputed_share"]


async def test_small_and_disputed_invoices_may_be_left_out_of_what_is_overdue(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="10000", rules={"days_overdue": "30"})
    dispute = ask.event("erp.document.disputed.v1", document="I-2", disputed_amount=None)
    await hold.facts(ask.invoice("I-1", "9", due="2025-01-02"), ask.invoice("I-2", "90", due="2025-01-02"), dispute)
    await hold.parameters(exclude_overdue_invoice_below="10", exclude_disputed_invoices=True)
    assert await reasons(hold, ask, "O-1") is None
    await hold.parameters(exclude_overdue_invoice_below="10")
    assert await reasons(hold, ask, "O-2") == ["open_transactions_overdue"]


async def test_the_newest_risk_group_aims_rules(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000", rules={"days_overdue": "30"})
    await hold.pool.execute("UPDATE rule SET risk_group = 'HIGH'")
    await hold.facts(ask.invoice("I-1", "9", due="2025-01-02"))
    await hold.facts(ask.event("credit.risk.changed.v1", version=2, risk_group="HIGH"))
    await hold.facts(ask.event("credit.risk.changed.v1", version=1, risk_group="LOW"))
    told = {"version": 90, "credit_limit": "1000", "credit_limit_expiry_date": None, "risk_group": "HIGH"}
    await hold.facts(ask.event("credit.profile.changed.v1", **told))
    assert await reasons(hold, ask, "O-1") == ["open_transactions_overdue"]
    await hold.facts(ask.event("credit.risk.changed.v1", version=3, risk_group=None))
    await hold.recheck()
    assert (await hold.published())[-1][1]["triggers"] == ["risk group"]


@pytest.mark.parametrize(("least", "outcome"), [("0", "held"), ("1", "cleared")])
async def test_who_has_credits_and_is_late_is_late(hold: Any, ask: Any, least: str, outcome: str) -> None:
    """Unless the company does not look at accounts below an amount; none is named by default."""
    await hold.set_up(rules={"days_overdue": "30"})
    await hold.parameters(exclude_account_below=least)
    await hold.facts(ask.invoice("I-1", "50", due="2026-01-02"), ask.payment("P-1", "200"))
    (answer,) = await hold.check(ask.request("O-1", "10"))
    assert (answer["figures"]["balance"], answer["outcome"]) == ("-150.00", outcome)
