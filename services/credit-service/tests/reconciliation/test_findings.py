"""Control totals of the ERP: compared as of their day, told when they differ, never corrected (spec, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

from holdfast.contracts.credit_notices import BalanceDifferenceFound

Made = Callable[..., Any]


def key() -> dict[str, str]:
    return {"idempotency-key": str(uuid4())}


def invoice(made: Made, number: str, amount: str, **fields: Any) -> Any:
    return made(
        "erp.invoice.posted.v1", document=number, amount=amount, order=None, lines=[], tax_amount="0",
        **{"document_date": "2026-02-10", "due_date": "2026-03-10", **fields},
    )  # fmt: skip


def report(made: Made, balance: str, version: int = 1, **fields: Any) -> Any:
    totals = [{"currency": "EUR", "balance": balance, "open_debits": 1, "open_credits": 0}]
    fields = {"as_of": "2026-02-28", "totals": totals, **fields}
    return made("erp.balance.reported.v1", version=version, **fields)


async def run(client: httpx.AsyncClient) -> dict[str, Any]:
    made = await client.post("/v1/tasks/reconciliation/runs", json={"company": "DE01"}, headers=key())
    assert made.status_code == 201, made.text
    state: dict[str, Any] = made.json()
    return state


async def findings(client: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    answer = await client.get("/v1/reconciliation-findings", params=params)
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_what_was_posted_after_the_day_of_the_report_is_no_difference(
    credit: Any, client: httpx.AsyncClient, made: Made
) -> None:
    await credit.facts(
        invoice(made, "I-1", "100"), report(made, "100"),
        invoice(made, "I-2", "7", document_date="2026-03-01", due_date="2026-03-31"),
    )  # fmt: skip
    found = (await client.get("/v1/reconciliation", params={"company": "DE01"})).json()
    assert [(i["reported"]["amount"], i["computed"]["amount"], i["agrees"]) for i in found["items"]] == [
        ("100.00", "100.00", True)]  # fmt: skip
    assert ((await run(client))["changed"], await findings(client)) == (0, [])


async def test_a_difference_opens_one_finding_tells_it_once_and_is_closed_by_what_was_missing(
    credit: Any, client: httpx.AsyncClient, made: Made
) -> None:
    await credit.facts(
        invoice(made, "I-1", "100"), invoice(made, "I-2", "50", customer="C-2"), report(made, "130"),
        report(made, "50", customer="C-2"),
    )  # fmt: skip
    for changed in (1, 0):
        state = await run(client)
        assert (state["state"], state["processed"], state["changed"]) == ("done", 2, changed)
    (finding,) = await findings(client, company="DE01")
    assert (finding["customer"], finding["reported"]["amount"], finding["computed"]["amount"]) == (
        "C-1001", "130.00", "100.00")  # fmt: skip
    assert [d["document"] for d in finding["documents"]] == ["I-1"]
    (told,) = await credit.published(BalanceDifferenceFound.event_type)
    assert (told["reported"], told["computed"], told["report_version"]) == ("130", "100", 1)
    await credit.facts(report(made, "140", version=2))
    assert (await run(client))["changed"] == 1
    assert [f["reported"]["amount"] for f in await findings(client)] == ["140.00"]
    await credit.facts(invoice(made, "I-3", "40"))
    await run(client)
    assert await findings(client) == []
    (closed,) = await findings(client, closed=True)
    assert closed["closed_at"] is not None
    assert len(await credit.published(BalanceDifferenceFound.event_type)) == 2


async def test_a_currency_that_only_one_side_knows_differs(credit: Any, client: httpx.AsyncClient, made: Made) -> None:
    await credit.facts(invoice(made, "I-1", "100", currency="USD"), report(made, "0"))
    assert (await run(client))["changed"] == 1
    (finding,) = await findings(client)
    assert (finding["reported"], finding["computed"]) == (None, {"amount": "100.00", "currency": "USD"})


async def test_customers_are_compared_page_by_page(credit: Any, client: httpx.AsyncClient, made: Made) -> None:
    await credit.facts(*(invoice(made, f"I-{n}", "5", customer=f"C-{n}") for n in range(5)))
    await credit.facts(*(report(made, "5" if n % 2 else "6", customer=f"C-{n}") for n in range(5)))
    params: dict[str, Any] = {"company": "DE01", "limit": 2, "only_differences": True}
    items, differences = [], 0
    while True:
        found = (await client.get("/v1/reconciliation", params=params)).json()
        items, differences = items + found["items"], differences + found["differences"]
        if found["next_cursor"] is None:
            break
        params["cursor"] = found["next_cursor"]
    assert ([i["customer"] for i in items], differences) == (["C-0", "C-2", "C-4"], 3)
