"""Statistics over real HTTP: the task, its rows by day, and the limits of the day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import httpx

from holdfast.database.work import set_business_clock

DAYS = "/v1/balance-statistics/DE01/C-1001"


def key(**headers: str) -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), **headers}


async def run(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    made = await client.post("/v1/tasks/statistics/runs", json={"company": "DE01", **body}, headers=key())
    assert made.status_code == 201, made.text
    state: dict[str, Any] = made.json()
    return state


async def limit(client: httpx.AsyncClient, amount: str, **fields: Any) -> None:
    body = {"credit_limit": {"amount": amount, "currency": "EUR"}, **fields}
    answer = await client.put("/v1/credit-profiles/DE01/C-1001", json=body, headers=key(**{"if-none-match": "*"}))
    assert answer.status_code == 201, answer.text


async def policy(client: httpx.AsyncClient, currency: str) -> None:
    body = {
        "company": "DE01", "customer": "C-1001", "kind": "insurance", "type": "GENERAL", "insurer_guarantor": "Euler",
        "effective_from": "2026-03-01", "expires_on": "2026-03-31", "update_credit_limit_pct": "50",
        "included_in_exposure": True, "value": {"amount": "5000", "currency": currency},
    }  # fmt: skip
    assert (await client.post("/v1/policies", json=body, headers=key())).status_code == 201


async def test_the_limit_of_a_day_is_the_one_that_governed(credit: Any, client: httpx.AsyncClient, made: Any) -> None:
    """Permanent 10,000; a temporary 15,000 until the 3rd and a policy that adds 2,500."""
    await limit(client, "10000")
    await policy(client, "EUR")
    await credit.facts(made("erp.invoice.posted.v1", document="I-1", amount="5000.00", lines=[], tax_amount="0"))
    await credit.pool.execute(
        "INSERT INTO temporary_limit VALUES ($1, 'DE01', 'C-1001', NULL, 15000, $2, $3, 'DE01-1')",
        uuid4(), date(2026, 3, 1), date(2026, 3, 3),
    )  # fmt: skip
    for day in (3, 4):
        async with credit.pool.acquire() as connection:
            await set_business_clock(connection, datetime(2026, 3, day, 12, tzinfo=UTC))
        assert (await run(client))["incomplete"] == 0
    rows = (await client.get(DAYS)).json()["items"]
    assert [(row["date"], row["credit_limit"]["amount"], row["exposure_value"]["amount"]) for row in rows] == [
        ("2026-03-04", "12500.00", "7500.00"), ("2026-03-03", "17500.00", "12500.00")]  # fmt: skip
    box = (await client.get("/v1/fact-boxes/DE01/C-1001")).json()["statistics"]
    assert box["average_credit_limit_pct"] == "34.29"


async def test_a_limit_that_lacks_a_rate_is_left_empty_and_counted(
    credit: Any, client: httpx.AsyncClient, made: Any
) -> None:
    await limit(client, "10000")
    await policy(client, "GBP")
    await credit.facts(made("erp.invoice.posted.v1", document="I-1", amount="5000.00", lines=[], tax_amount="0"))
    assert (await run(client))["incomplete"] == 1
    (row,) = (await client.get(DAYS)).json()["items"]
    assert (row["balance"]["amount"], row["credit_limit"]) == ("5000.00", None)


async def test_the_exposure_of_a_day_is_that_of_the_companys_limit_type(
    credit: Any, client: httpx.AsyncClient, made: Any
) -> None:
    await credit.facts(
        made("erp.invoice.posted.v1", document="I-1", amount="5000.00", lines=[], tax_amount="0"),
        made("erp.order.changed.v1", order="SO-1", total="300.00", lines=[]),
    )
    await run(client)
    (row,) = (await client.get(DAYS)).json()["items"]
    assert row["exposure"]["amount"] == (await client.get("/v1/exposures/DE01/C-1001")).json()["exposure"]["amount"]
    fields = {"credit_limit_type": "balance", "allow_manual_limit_edit": True}
    answer = await client.put("/v1/credit-parameters/DE01", json=fields, headers=key(**{"if-match": '"1"'}))
    assert answer.status_code == 200
    await run(client)
    (row,) = (await client.get(DAYS)).json()["items"]
    assert row["exposure"]["amount"] == "5000.00"


async def test_orders_beyond_the_horizon_do_not_count(credit: Any, client: httpx.AsyncClient, made: Any) -> None:
    await credit.facts(
        made("erp.order.changed.v1", order="SO-1", total="300.00", lines=[], requested_delivery_date="2026-03-12"),
        made("erp.order.changed.v1", order="SO-2", total="40.00", lines=[], requested_delivery_date="2026-03-13"),
    )
    fields = {"open_order_horizon_days": 10, "open_orders_counted": "all"}
    answer = await client.put("/v1/credit-parameters/DE01", json=fields, headers=key(**{"if-match": '"1"'}))
    assert answer.status_code == 200
    await run(client)
    (row,) = (await client.get(DAYS)).json()["items"]
    assert row["exposure"]["amount"] == "300.00"
    assert (await client.get("/v1/exposures/DE01/C-1001")).json()["exposure"]["amount"] == "300.00"


def payment(made: Any, number: str, invoice: str, day: str) -> Any:
    applied = [{"document": invoice, "amount": "100.00"}]
    return made("erp.payment.posted.v1", document=number, amount="100.00", document_date=day, applications=applied)


async def test_the_average_of_days_late_is_told_when_it_changes(
    credit: Any, client: httpx.AsyncClient, made: Any
) -> None:
    """Due on the 11th of January, paid on the 31st; then one more, paid in time."""
    dates = {"document_date": "2026-01-01", "due_date": "2026-01-11"}
    invoice = {"amount": "100.00", "lines": [], "tax_amount": "0", **dates}
    await credit.facts(
        made("erp.invoice.posted.v1", document="I-1", **invoice), payment(made, "P-1", "I-1", "2026-01-31"),
        made("erp.invoice.posted.v1", document="I-2", **invoice),
    )  # fmt: skip
    assert await late(credit) == []
    await run(client)
    await run(client)
    assert await late(credit) == [(1, "20.00")]
    await credit.facts(payment(made, "P-2", "I-2", "2026-01-11"))
    await run(client)
    assert await late(credit) == [(1, "20.00"), (2, "10.00")]
    headers = key(**{"if-match": '"2"'})
    body = {"credit_limit": {"amount": "7", "currency": "EUR"}}
    assert (await client.put("/v1/credit-profiles/DE01/C-1001", json=body, headers=headers)).status_code == 200
    assert (await late(credit))[-1] == (3, "10.00")
    box = (await client.get("/v1/fact-boxes/DE01/C-1001")).json()["statistics"]
    assert box["average_days_late"] == "10.00"


async def late(credit: Any) -> list[tuple[int, str | None]]:
    """Version and average of days late of every profile that was told."""
    return [(p["version"], p.get("average_days_late")) for p in await credit.published() if "temporary_limits" in p]
