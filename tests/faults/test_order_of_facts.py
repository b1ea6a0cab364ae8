"""Facts that come in another order, early, or late and outdated."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from tests.faults.system import System
from tests.faults.watching import watched
from tests.oracle.trade import event, invoice, order, payment, profile, request

from holdfast.database.work import transaction
from holdfast.receivables.waiting import read_waiting

pytestmark = pytest.mark.fault


def story(customer: str) -> list[Any]:
    """An overdue invoice, its payment, its cancellation, and an order; what counts is the same in any order."""
    number = customer.removeprefix("C-")
    cancelled = {"document": f"INV-{number}", "version": 2, "cancellation_date": "2026-03-02"}
    return [
        invoice(customer, f"INV-{number}", "900", due="2026-01-15"),
        payment(customer, f"PAY-{number}", "400", (f"INV-{number}", "400"), document_date="2026-03-02"),
        event("erp.document.cancelled.v1", customer, **cancelled),
        order(customer, f"SO-9{number}", "350"),
    ]


async def test_row_4_4_23_facts_in_all_orders(system: System) -> None:
    """Each customer hears its story in another order, and asks for an order after each sentence."""
    orders = list(permutations(range(4)))
    customers = [f"C-{n}" for n in range(len(orders))]
    await system.set_up(customers)
    stories = [[story(customer)[at] for at in steps] for customer, steps in zip(customers, orders, strict=True)]
    async with system.worker():
        await system.passed(system.goals)
        for step in range(4):
            await system.passed(await system.say(sentences[step] for sentences in stories))
            await system.noon()
            asked = [request(c, f"SO-{step}{n:02d}", "300") for n, c in enumerate(customers)]
            await system.passed(await system.say(asked))
            await system.evening()
            system.day += 1
            await system.set_clock(8)
        await system.is_as_it_should_be()
    balances = await system.pool.fetch("SELECT company, customer, balance, currency FROM balance WHERE balance <> 0")
    assert {row["customer"] for row in balances} == set(customers)
    assert {(row["balance"], row["currency"]) for row in balances} == {(-400, "EUR")}


async def test_row_4_4_24_a_payment_that_comes_days_before_its_invoice(system: System) -> None:
    await system.set_up(["C-1"])
    async with system.worker():
        await system.passed(system.goals)
        paid = payment("C-1", "PAY-1", "700", ("INV-1", "700"), document_date="2026-03-02")
        await system.passed(await system.say([paid]))
        assert await waiting(system) == [("settlement", "document INV-1")]
        await waits_for_all_to_see(system)
        await system.passed(await system.say([request("C-1", "SO-1", "900")]))
        system.day += 2
        await system.set_clock(8)
        late = invoice("C-1", "INV-1", "700", due="2026-01-15")
        await system.passed(await system.say([late]))
        assert await waiting(system) == []
        await system.noon()
        await system.passed(await system.say([request("C-1", "SO-2", "90"), request("C-1", "SO-3", "20")]))
        await system.is_as_it_should_be()
    decided = [(d.what, d.order, d.reasons) for d in system.oracle.history["DE01/C-1"]]
    assert decided == [("cleared", "SO-1", ()), ("cleared", "SO-2", ()), ("held", "SO-3", ("credit_exceeded",))]


async def waits_for_all_to_see(system: System) -> None:
    """A person sees by the API what waits, an alarm by the metric of the jobs role."""
    async with system.api() as api, watched(system, "jobs") as jobs:
        (found,) = (await api.client.get("/v1/waiting", params={"company": "DE01"})).json()["items"]
        assert (found["what"], found["waits_for"]) == ("settlement", "document INV-1")
        assert (await api.client.get("/v1/waiting", params={"what": "notice"})).json()["items"] == []
        await jobs.shows("holdfast_facts_waiting", 1, service="hold-service", what="settlement")


async def waiting(system: System) -> list[tuple[str, str]]:
    async with transaction(system.pool) as work:
        return [(found.what, found.waits_for) for found in await read_waiting(work)]


async def test_row_4_4_25_an_old_version_after_a_newer_one(system: System) -> None:
    await system.set_up(["C-1"])
    async with system.worker():
        await system.passed(system.goals)
        for version, amount in ((3, "300"), (2, "900"), (1, "100")):
            await system.passed(await system.say([invoice("C-1", "INV-1", amount, version=version)]))
        await system.passed(await system.say([request("C-1", "SO-1", "700"), request("C-1", "SO-2", "1")]))
        await system.is_as_it_should_be()
    stale = await system.pool.fetch("SELECT event_type, subject, version FROM stale_event ORDER BY id")
    assert [(row["event_type"], row["version"]) for row in stale] == [("erp.invoice.posted.v1", n) for n in (2, 1)]
    assert [d.what for d in system.oracle.history["DE01/C-1"]] == ["cleared", "held"]


async def test_what_is_not_known_holds_and_is_checked_again_by_itself_when_it_comes(system: System) -> None:
    """A customer nobody has told of, and dollars without a rate: nobody asks again, and each order goes on."""
    await system.set_up(["C-1"])
    async with system.worker(recheck_delay_seconds=0):
        await system.passed(system.goals)
        asked = [request("C-9", "SO-1", "300"), request("C-1", "SO-2", "300", currency="USD")]
        await system.passed(await system.say(asked))
        rate = event("erp.exchange-rate.published.v1", from_currency="USD", to_currency="EUR", valid_from="2026-01-01")
        for fact in (event("erp.customer.changed.v1", "C-9"), profile("C-9", "1000"), rate):
            await system.passed(await system.say([fact]))
            system.oracle.recheck()
        await system.is_as_it_should_be()
    became = {key: [(d.what, d.reasons) for d in decided] for key, decided in system.oracle.history.items()}
    assert became == {
        "DE01/C-9": [
            ("held", ("unknown_customer",)),
            ("cleared of unknown_customer", ("credit_exceeded",)),
            ("released", ()),
        ],
        "DE01/C-1": [("held", ("technical_error",)), ("released", ())],
    }
