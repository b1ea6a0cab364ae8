"""What becomes of a profile that is sent back as it was read, but for one field (spec 1.1, 1.20, 2.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

PATH = "/v1/credit-profiles/DE01/C-1001"
PARAMETERS = "/v1/credit-parameters/DE01"
READ_ONLY = {
    "company", "customer", "currency", "version", "customer_currency", "credit_limit_date",
    "eligible_credit_limit_currency", "eligible_credit_limit_date",
    "temporary_credit_limit", "insurance_and_guarantees", "total_credit_limit", "risk_score", "risk_group",
}  # fmt: skip


def key(**headers: str) -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), **headers}


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


async def create(client: httpx.AsyncClient, **fields: Any) -> None:
    made = await client.put(PATH, json={"credit_limit": eur("1000"), **fields}, headers=key(**{"if-none-match": "*"}))
    assert made.status_code == 201, made.text


async def edit(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    """Read the profile, change some fields, and send all of it back."""
    read = await client.get(PATH)
    body = {name: value for name, value in read.json().items() if name not in READ_ONLY}
    return await client.put(PATH, json=body | fields, headers=key(**{"if-match": read.headers["etag"]}))


async def parameters(client: httpx.AsyncClient, **fields: Any) -> None:
    tag = (await client.get(PARAMETERS)).headers["etag"]
    fields = {"allow_manual_limit_edit": True, **fields}
    assert (await client.put(PARAMETERS, json=fields, headers=key(**{"if-match": tag}))).status_code == 200


async def rate(credit: Any, made: Callable[..., Any], value: str, version: int) -> None:
    await credit.facts(made("erp.exchange-rate.published.v1", from_currency="EUR", to_currency="USD", rate=value,
                            version=version, valid_from="2026-01-01"))  # fmt: skip


async def limits(client: httpx.AsyncClient) -> tuple[str, str | None]:
    found = (await client.get(PATH)).json()
    own = found["credit_limit_customer_currency"]
    return found["credit_limit"]["amount"], own and own["amount"]


async def test_a_limit_in_the_customers_currency_stays_as_it_was_entered(
    credit: Any, client: httpx.AsyncClient, made: Callable[..., Any]
) -> None:
    await rate(credit, made, "1.10", 1)
    await create(client, credit_limit=None, credit_limit_customer_currency=usd("110000"))
    await rate(credit, made, "1.00", 2)
    await parameters(client, allow_manual_limit_edit=False)
    kept = await edit(client, notes="called")
    assert (kept.status_code, kept.json()["notes"], await limits(client)) == (200, "called", ("100000.00", "110000.00"))
    without = await edit(client, credit_limit=None, notes="again")
    assert (without.status_code, await limits(client)) == (200, ("100000.00", "110000.00"))
    await parameters(client)
    await edit(client, credit_limit=eur("90000"))
    assert await limits(client) == ("90000.00", None)
    await edit(client, credit_limit_customer_currency=usd("50000"))
    assert await limits(client) == ("50000.00", "50000.00")


async def test_a_refused_eligible_limit_stops_new_limits_only(client: httpx.AsyncClient) -> None:
    await parameters(client, eligible_limit_check="refused")
    await create(client)
    lower = await edit(client, eligible_credit_limit=eur("500"))
    assert (lower.status_code, lower.json()["warnings"]) == (200, [])
    assert (await edit(client, notes="called")).status_code == 200
    refused = await edit(client, credit_limit=eur("1001"))
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "credit_limit")
    assert (await edit(client, credit_limit=eur("500"))).status_code == 200


async def test_an_eligible_limit_in_another_currency_is_converted_and_fails_closed(
    credit: Any, client: httpx.AsyncClient, made: Callable[..., Any]
) -> None:
    await create(client, eligible_credit_limit=usd("2200"))
    await parameters(client, eligible_limit_check="refused")
    unknown = await edit(client, credit_limit=eur("1500"))
    assert (unknown.status_code, "no exchange rate for USD" in unknown.json()["detail"]) == (422, True)
    await rate(credit, made, "1.10", 1)
    assert (await edit(client, credit_limit=eur("2000"))).status_code == 200
    assert (await edit(client, credit_limit=eur("2000.01"))).status_code == 422
    await parameters(client)
    assert (await edit(client, credit_limit=eur("2500"))).json()["warnings"] == [
        "The limit 2500 EUR is above the eligible limit 2200.00 USD."]  # fmt: skip


async def test_a_limit_needs_a_government_id_where_the_company_says_so(
    credit: Any, client: httpx.AsyncClient, made: Callable[..., Any]
) -> None:
    await credit.facts(made("erp.customer.changed.v1", version=10**9, identification=None))
    await parameters(client, require_identification="from_limit", identification_limit="2000")
    await create(client)
    refused = await edit(client, credit_limit=eur("2000"))
    assert (refused.status_code, "identification" in refused.json()["detail"]) == (422, True)
    assert (await edit(client, unlimited_credit=True)).status_code == 422
    assert (await edit(client, credit_limit=eur("1999.99"))).status_code == 200
    file = "customer,credit_limit\nC-1001,3000\n"
    told = await client.post("/v1/credit-profiles/import?company=DE01", content=file, headers=key())
    assert [(line["outcome"], line["field"]) for line in told.json()["lines"]] == [("refused", "credit_limit")]
    await credit.facts(made("erp.customer.changed.v1", version=10**9 + 1, identification="HRB 12345"))
    assert (await edit(client, credit_limit=eur("2000"))).status_code == 200


async def test_a_journal_that_raises_a_limit_needs_a_government_id_too(
    credit: Any, client: httpx.AsyncClient, made: Callable[..., Any]
) -> None:
    await credit.facts(made("erp.customer.changed.v1", version=10**9, identification=None))
    await parameters(client, require_identification="yes")
    line = {"customer": "C-1001", "new_limit": eur("5"), "new_to_date": "2026-12-31"}
    body = {"company": "DE01", "type": "credit_limit", "lines": [line]}
    number = (await client.post("/v1/adjustments", json=body, headers=key())).json()["number"]
    refused = await client.post(f"/v1/adjustments/{number}/post", json={}, headers=key())
    assert (refused.status_code, "C-1001" in refused.json()["detail"]) == (409, True)
    await credit.facts(made("erp.customer.changed.v1", version=10**9 + 1, identification="HRB 12345"))
    assert (await client.post(f"/v1/adjustments/{number}/post", json={}, headers=key())).status_code == 200


async def test_a_number_that_may_be_mistyped_gets_no_credit_by_any_door(credit: Any, client: httpx.AsyncClient) -> None:
    path, body = "/v1/credit-profiles/DE01/C-1010", {"credit_limit": eur("9")}
    policy = {
        "company": "DE01", "customer": "C-1010", "kind": "guarantee", "type": "GENERAL", "insurer_guarantor": "Bank",
        "effective_from": "2026-01-01", "expires_on": "2026-12-31", "value": eur("5"),
    }  # fmt: skip
    file = "customer,credit_limit\nC-1010,9\n"
    imported = "/v1/credit-profiles/import?company=DE01"
    refused = await client.put(path, json=body, headers=key(**{"if-none-match": "*"}))
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "customer")
    assert (await client.post("/v1/policies", json=policy, headers=key())).json()["errors"][0]["field"] == "customer"
    told = (await client.post(imported, content=file, headers=key())).json()["lines"]
    assert [(line["outcome"], line["field"]) for line in told] == [("refused", "customer")]
    assert await credit.pool.fetchval("SELECT count(*) FROM account WHERE customer = 'C-1010'") == 0
    meant = {"confirm_unknown_customer": True}
    assert (await client.post("/v1/policies", json=policy | meant, headers=key())).status_code == 201
    told = (await client.post(f"{imported}&confirm_unknown_customer=true", content=file, headers=key())).json()["lines"]
    assert [line["outcome"] for line in told] == ["changed"]


async def test_a_profile_may_be_there_before_its_customer_when_that_is_said(client: httpx.AsyncClient) -> None:
    path, body = "/v1/credit-profiles/DE01/C-1010", {"credit_limit": eur("9"), "confirm_unknown_customer": True}
    made = await client.put(path, json=body, headers=key(**{"if-none-match": "*"}))
    assert (made.status_code, "confirm_unknown_customer" in made.json()) == (201, False)
    again = await client.put(path, json={"credit_limit": eur("8")}, headers=key(**{"if-match": '"1"'}))
    assert (again.status_code, again.json()["credit_limit"]) == (200, eur("8.00"))
