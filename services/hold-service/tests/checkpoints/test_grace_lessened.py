"""Grace ends when what freed an order is corrected to less than it was (spec 3.1): a newer version of a payment, credit
note or settlement takes back a part of it."""

from __future__ import annotations

from typing import Any

import pytest

PAYMENT, CREDIT_NOTE, SETTLEMENT = "erp.payment.posted.v1", "erp.credit-note.posted.v1", "erp.settlement.posted.v1"
TO_I_1 = [{"document": "I-1", "amount": "900"}]


async def held(hold: Any, ask: Any, **rules: str) -> None:
    """O-1 of 600 is held beside I-1 of 900, which is late; grace is 5 days."""
    await hold.set_up(limit="1000", rules=rules or {"credit_limit_used": "100"})
    await hold.checkpoints(grace=5)
    await hold.facts(ask.invoice("I-1", "900", "2026-02-01"), ask.invoice("I-2", "900"))
    await hold.facts(ask.profile("2000", 2))
    await hold.check(ask.request("O-1", "600"))


async def at_packing(hold: Any, ask: Any, attempt: str) -> Any:
    (answer,) = await hold.check(ask.request("O-1", "600", attempt, checkpoint="packing_slip"))
    return answer


def paid(ask: Any, amount: str, version: int, applications: Any = (), **changes: Any) -> Any:
    return ask.event(PAYMENT, document="P-1", amount=amount, version=version, applications=list(applications),
                     document_date="2026-03-02", **changes)  # fmt: skip


@pytest.mark.parametrize(("amount", "checked"), [("100", True), ("399.99", True), ("900", False), ("901", False)])
async def test_a_payment_that_is_corrected(hold: Any, ask: Any, amount: str, checked: bool) -> None:
    """2,400 against 2,000; 900 frees it. 399.99 leaves 2,000.01."""
    await held(hold, ask)
    await hold.facts(paid(ask, "900", 1))
    await hold.recheck()
    assert (await at_packing(hold, ask, "1"))["checked"] is False
    await hold.facts(paid(ask, amount, 2))
    answer = await at_packing(hold, ask, "2")
    assert (answer["checked"], answer["outcome"]) == (checked, "held" if checked else "cleared")


async def test_an_older_version_of_the_payment_that_comes_late_takes_nothing_back(hold: Any, ask: Any) -> None:
    await held(hold, ask)
    await hold.facts(paid(ask, "900", 2))
    await hold.recheck()
    await hold.facts(paid(ask, "100", 1))
    assert (await at_packing(hold, ask, "1"))["checked"] is False


async def test_a_payment_that_is_another_customers(hold: Any, ask: Any) -> None:
    await held(hold, ask)
    await hold.facts(paid(ask, "900", 1))
    await hold.recheck()
    await hold.facts(paid(ask, "900", 2, customer="C-2"))
    assert (await at_packing(hold, ask, "1"))["outcome"] == "held"


@pytest.mark.parametrize(
    "applied", [[], [{"document": "I-1", "amount": "899"}], [{"document": "I-2", "amount": "900"}]]
)
async def test_a_payment_that_is_applied_to_less_or_to_something_else(hold: Any, ask: Any, applied: Any) -> None:
    await held(hold, ask, days_overdue="5")
    await hold.facts(paid(ask, "900", 1, TO_I_1))
    await hold.recheck()
    assert (await at_packing(hold, ask, "1"))["checked"] is False
    await hold.facts(paid(ask, "900", 2, applied))
    assert (await at_packing(hold, ask, "2"))["reasons"] == ["open_transactions_overdue"]


async def test_a_credit_note_that_is_corrected(hold: Any, ask: Any) -> None:
    def credited(amount: str, version: int) -> Any:
        return ask.event(CREDIT_NOTE, document="CN-1", amount=amount, tax_amount="0", lines=[], version=version)

    await held(hold, ask)
    await hold.facts(credited("900", 1))
    await hold.recheck()
    assert (await at_packing(hold, ask, "1"))["checked"] is False
    await hold.facts(credited("300", 2))
    assert (await at_packing(hold, ask, "2"))["reasons"] == ["credit_exceeded"]


def settled(ask: Any, number: str, amount: str, version: int) -> Any:
    return ask.event(SETTLEMENT, settlement=number, debit_document="I-1", credit_document="P-1", debit_amount=amount,
                     credit_amount=amount, version=version, settlement_date="2026-03-02")  # fmt: skip


async def test_a_settlement_that_is_reversed_in_part(hold: Any, ask: Any) -> None:
    await held(hold, ask, days_overdue="5")
    await hold.facts(paid(ask, "900", 1), settled(ask, "S-1", "900", 1))
    await hold.recheck()
    assert (await at_packing(hold, ask, "1"))["checked"] is False
    await hold.facts(settled(ask, "S-1", "400", 2))
    assert (await at_packing(hold, ask, "2"))["reasons"] == ["open_transactions_overdue"]


async def test_the_application_of_a_payment_that_is_replaced_by_a_smaller_settlement(hold: Any, ask: Any) -> None:
    await held(hold, ask, days_overdue="5")
    await hold.facts(paid(ask, "900", 1, TO_I_1))
    await hold.recheck()
    assert (await at_packing(hold, ask, "1"))["checked"] is False
    await hold.facts(settled(ask, "P-1/I-1", "400", 2))
    assert (await at_packing(hold, ask, "2"))["reasons"] == ["open_transactions_overdue"]
