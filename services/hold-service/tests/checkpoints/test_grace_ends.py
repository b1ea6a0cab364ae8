"""Grace ends when what freed an order counts no longer, by whatever door (spec 3.1)."""

from __future__ import annotations

from typing import Any

import pytest

from hold_service.holds.jobs import forget_what_freed
from holdfast.database.work import transaction

CANCELLED, RETURNED = "erp.document.cancelled.v1", "erp.payment.returned.v1"


async def freed_by(hold: Any, ask: Any, *facts: Any) -> None:
    """O-1 is held beside an invoice of 900, until these facts come; it has grace then."""
    await hold.set_up(limit="1000")
    await hold.checkpoints(grace=5)
    await hold.facts(ask.invoice("I-1", "900"))
    await hold.check(ask.request("O-1", "600"))
    await hold.facts(*facts)
    await hold.recheck()
    assert (await at_packing(hold, ask, "1"))["checked"] is False


async def test_a_release_says_until_when_the_order_has_grace(hold: Any, ask: Any, kim: Any) -> None:
    await freed_by(hold, ask, ask.payment("P-1", "900", ("I-1", "900")))
    (released,) = [e for kind, e in await hold.published() if kind == "hold.order.released.v1"]
    (shown,) = await kim.holds(history=True)
    assert (released["grace_until"], shown["grace_until"]) == ("2026-03-07", "2026-03-07")
    await hold.facts(ask.event(CANCELLED, document="P-1"))
    (shown,) = await kim.holds(history=True)
    assert shown["grace_until"] is None


async def at_packing(hold: Any, ask: Any, attempt: str = "2") -> Any:
    (answer,) = await hold.check(ask.request("O-1", "600", attempt, checkpoint="packing_slip"))
    return answer


async def test_a_payment_that_is_cancelled_ends_the_grace_it_gave(hold: Any, ask: Any) -> None:
    await freed_by(hold, ask, ask.payment("P-1", "900", ("I-1", "900")))
    await hold.facts(ask.event(CANCELLED, document="P-1"))
    assert (await at_packing(hold, ask))["outcome"] == "held"


async def test_a_credit_note_that_is_cancelled_ends_the_grace_it_gave(hold: Any, ask: Any) -> None:
    credit = ask.event("erp.credit-note.posted.v1", document="CN-1", amount="900", tax_amount="0", lines=[])
    await freed_by(hold, ask, credit)
    await hold.facts(ask.event(CANCELLED, document="CN-1"))
    assert (await at_packing(hold, ask))["outcome"] == "held"


async def test_an_invoice_that_is_cancelled_frees_and_the_message_again_binds_nobody(hold: Any, ask: Any) -> None:
    gone = ask.event(CANCELLED, document="I-1")
    await freed_by(hold, ask, gone)
    await hold.facts(gone)
    assert (await at_packing(hold, ask))["checked"] is False


@pytest.mark.parametrize("event_type", [CANCELLED, RETURNED])
async def test_the_payment_behind_the_settlement_that_freed_the_order_is_gone(
    hold: Any, ask: Any, event_type: str
) -> None:
    await hold.set_up(rules={"days_overdue": "5"})
    await hold.checkpoints(grace=5)
    await hold.facts(ask.invoice("I-1", "900", "2026-02-01"), ask.payment("P-1", "900"))
    await hold.check(ask.request("O-1", "600"))
    await hold.facts(ask.event(
        "erp.settlement.posted.v1", settlement="S-1", debit_document="I-1", credit_document="P-1",
        debit_amount="900", credit_amount="900"))  # fmt: skip
    await hold.recheck()
    assert (await at_packing(hold, ask, "1"))["checked"] is False
    await hold.facts(ask.event(event_type, document="P-1"))
    assert (await at_packing(hold, ask))["reasons"] == ["open_transactions_overdue"]


async def test_the_payment_of_another_member_is_returned(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0")
    await hold.credit_parameters(check_customer_credit_groups=True)
    await hold.checkpoints(grace=5)
    await hold.facts(ask.event("erp.customer.changed.v1", customer="C-2"), ask.profile("0", customer="C-2"))
    await hold.facts(ask.group("1000", members=("DE01/C-1", "DE01/C-2")), ask.invoice("I-1", "900", customer="C-2"))
    await hold.check(ask.request("O-1", "600"))
    paid = {"amount": "900", "applications": [{"document": "I-1", "amount": "900"}], "customer": "C-2"}
    await hold.facts(ask.event("erp.payment.posted.v1", document="P-1", **paid))
    await hold.recheck()
    assert (await at_packing(hold, ask, "1"))["checked"] is False
    await hold.facts(ask.event(RETURNED, document="P-1", customer="C-2"))
    assert (await at_packing(hold, ask))["reasons"] == ["credit_exceeded"]


async def test_of_many_payments_that_freed_an_order_together_none_is_forgotten(hold: Any, ask: Any) -> None:
    await freed_by(hold, ask, *(ask.payment(f"P-{n:03}", "18", ("I-1", "18")) for n in range(50)))
    (released,) = [e for kind, e in await hold.published() if kind == "hold.order.released.v1"]
    assert released["triggers"] == [f"P-{n:03}" for n in range(20)]
    await hold.facts(*(ask.event(CANCELLED, document=f"P-{n:03}") for n in range(22, 50)))
    assert (await at_packing(hold, ask))["outcome"] == "held"


async def test_payments_that_came_between_many_rechecks_are_remembered_too(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    await hold.checkpoints(grace=5)
    await hold.facts(ask.invoice("I-1", "900"))
    await hold.check(ask.request("O-1", "600"))
    for number in ("P-1", "P-2"):
        await hold.facts(ask.payment(number, "300", ("I-1", "300")))
        await hold.recheck()
    assert (await at_packing(hold, ask, "1"))["checked"] is False
    await hold.facts(ask.event(CANCELLED, document="P-1"))
    assert (await at_packing(hold, ask))["outcome"] == "held"


async def test_what_was_paid_before_the_order_was_held_gave_it_no_grace(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="1000")
    await hold.checkpoints(grace=5)
    await hold.facts(ask.invoice("I-1", "900"), ask.payment("P-0", "10"))
    await hold.check(ask.request("O-1", "600"))
    await hold.facts(ask.payment("P-1", "900", ("I-1", "900")))
    await hold.recheck()
    await hold.facts(ask.event(CANCELLED, document="P-0"))
    assert (await at_packing(hold, ask))["checked"] is False


async def test_the_payment_of_a_member_that_has_left_the_group_since_is_returned(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="0")
    await hold.credit_parameters(check_customer_credit_groups=True)
    await hold.checkpoints(grace=5)
    await hold.facts(ask.event("erp.customer.changed.v1", customer="C-2"), ask.profile("0", customer="C-2"))
    await hold.facts(ask.group("1000", members=("DE01/C-1", "DE01/C-2")), ask.invoice("I-1", "900", customer="C-2"))
    await hold.check(ask.request("O-1", "600"))
    await hold.facts(ask.event("erp.payment.posted.v1", document="P-1", amount="900", applications=[], customer="C-2"))
    await hold.recheck()
    left = [{"company": "DE01", "customer": "C-2"}]
    await hold.facts(ask.group("500", 2, former_members=left))
    await hold.facts(ask.event(RETURNED, document="P-1", customer="C-2"))
    assert (await at_packing(hold, ask))["reasons"] == ["credit_exceeded"]


async def known_to_free(hold: Any) -> int:
    """What is left once the job has forgotten what binds nobody."""
    async with transaction(hold.pool) as work:
        assert not await forget_what_freed(work)
    found: int = await hold.pool.fetchval("SELECT count(*) FROM freeing")
    return found


async def test_what_freed_an_order_is_forgotten_once_it_binds_nobody(hold: Any, ask: Any) -> None:
    """Not while the order may still lose what it was granted, nor while one that it may free waits."""
    await hold.set_up(limit="1000")
    await hold.checkpoints(grace=5)
    await hold.facts(ask.invoice("I-1", "900"))
    await hold.check(ask.request("O-1", "600"))
    await hold.facts(ask.payment("P-1", "900", ("I-1", "900")))
    assert await known_to_free(hold) > 0
    await hold.recheck()
    assert await known_to_free(hold) > 0
    await hold.facts(ask.event(CANCELLED, document="P-1"))
    assert (await at_packing(hold, ask))["outcome"] == "held"
    await hold.release("O-1")
    assert await known_to_free(hold) == 0
