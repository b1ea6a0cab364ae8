"""Balances, open items and days late at the end of any date, and what waits, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

NO_LINES = {"lines": [], "tax_amount": "0", "order": None}
INVOICES = (("INV-1", "100", "2026-01-10", "2026-01-20"), ("INV-2", "50", "2026-01-15", "2026-02-15"))


async def a_history(credit: Any, made: Callable[..., Any]) -> None:
    """Two invoices; the first is paid ten days late, together with 20 in advance."""
    for number, amount, dated, due in INVOICES:
        await credit.facts(made(
            "erp.invoice.posted.v1", document=number, amount=amount, document_date=dated, due_date=due, **NO_LINES
        ))  # fmt: skip
    await credit.facts(made(
        "erp.payment.posted.v1", document="PAY-1", amount="120", document_date="2026-01-30",
        applications=[{"document": "INV-1", "amount": "100"}],
    ))  # fmt: skip


async def balance_on(client: httpx.AsyncClient, day: str) -> Any:
    answer = await client.get("/v1/balances", params={"company": "DE01", "as_of": day})
    assert answer.status_code == 200, answer.text
    return [
        (item["customer"], [(b["balance"]["amount"], b["overdue_amount"]["amount"], b["days_overdue"])
                            for b in item["balances"]], item["paid"], item["days_late"], item["most_days_late"])
        for item in answer.json()["items"]
    ]  # fmt: skip


async def test_balances_of_any_date(credit: Any, client: httpx.AsyncClient, made: Callable[..., Any]) -> None:
    await a_history(credit, made)
    assert await balance_on(client, "2026-01-09") == []
    assert await balance_on(client, "2026-01-20") == [("C-1001", [("150.00", "0.00", 0)], 0, 0, 0)]
    assert await balance_on(client, "2026-01-29") == [("C-1001", [("150.00", "100.00", 9)], 0, 0, 0)]
    assert await balance_on(client, "2026-01-30") == [("C-1001", [("30.00", "0.00", 0)], 1, 10, 10)]
    today = (await client.get("/v1/balances", params={"company": "DE01"})).json()
    assert today["as_of"] == "2026-03-02"
    assert today["items"][0]["balances"][0]["days_overdue"] == 15


async def test_open_items_of_any_date_page_by_page(
    credit: Any, client: httpx.AsyncClient, made: Callable[..., Any]
) -> None:
    await a_history(credit, made)
    params = {"company": "DE01", "customer": "C-1001", "as_of": "2026-02-20", "limit": "1"}
    first = (await client.get("/v1/open-items", params=params)).json()
    second = (await client.get("/v1/open-items", params=params | {"cursor": first["next_cursor"]})).json()
    assert second["next_cursor"] is None
    assert [
        (i["document"], i["kind"], i["open_amount"]["amount"], i["due_date"], i["days_overdue"])
        for i in (*first["items"], *second["items"])
    ] == [("INV-2", "invoice", "50.00", "2026-02-15", 5), ("PAY-1", "payment", "-20.00", None, 0)]  # fmt: skip
    before = (await client.get("/v1/open-items", params=params | {"as_of": "2026-01-12"})).json()
    assert [item["document"] for item in before["items"]] == ["INV-1"]


async def test_customers_come_page_by_page(credit: Any, client: httpx.AsyncClient, made: Callable[..., Any]) -> None:
    for number in (1, 2, 3):
        await credit.facts(made("erp.invoice.posted.v1", customer=f"C-{number}", document=f"I-{number}", **NO_LINES))
    seen, params = [], {"company": "DE01", "as_of": "2026-12-31", "limit": "2"}
    while True:
        found = (await client.get("/v1/balances", params=params)).json()
        seen += [item["customer"] for item in found["items"]]
        if found["next_cursor"] is None:
            break
        params["cursor"] = found["next_cursor"]
    assert seen == ["C-1", "C-2", "C-3"]


async def test_what_waits_is_seen(credit: Any, client: httpx.AsyncClient, made: Callable[..., Any]) -> None:
    await credit.facts(
        made("erp.settlement.posted.v1"), made("erp.invoice.posted.v1", document="INV-2026-0042", order=None,
                                               lines=[], tax_amount="0"),
    )  # fmt: skip
    assert (await client.get("/v1/waiting", params={"what": "settlement"})).json()["items"] == [
        {"what": "settlement", "company": "DE01", "number": "ST-551", "waits_for": "document CN-2026-0007"}
    ]
