"""Rows of the catalogue about credit groups (spec 1.10, 6.8), and what happens when two are at it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from holdfast.contracts.credit import GroupChanged, ProfileChanged
from holdfast.web.auth import issue_token

C = {"company": "DE01", "customer": "C-1001"}


def key(**headers: str) -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), **headers}


async def group(client: httpx.AsyncClient, name: str = "G-1", tag: str | None = None, **fields: Any) -> httpx.Response:
    body = {"owner_company": "DE01", "credit_limit": {"amount": "15000", "currency": "EUR"},
            "expiry_date": "2026-12-31", **fields}  # fmt: skip
    sent = {name: value for name, value in body.items() if value is not None}
    condition = {"if-match": tag} if tag else {"if-none-match": "*"}
    return await client.put(f"/v1/credit-groups/{name}", json=sent, headers=key(**condition))


async def join(client: httpx.AsyncClient, name: str = "G-1", **member: Any) -> httpx.Response:
    return await client.post(f"/v1/credit-groups/{name}/members", json={**C, **member}, headers=key())


async def leave(client: httpx.AsyncClient, name: str = "G-1") -> httpx.Response:
    return await client.post(f"/v1/credit-groups/{name}/members/remove", json=C, headers=key())


async def told(credit: Any, cls: type[Any]) -> list[dict[str, Any]]:
    rows = await credit.pool.fetch("SELECT type FROM outbox ORDER BY seq")
    return [p for row, p in zip(rows, await credit.published(), strict=True) if row["type"] == cls.event_type]


async def test_row_128_the_groups_expiry_becomes_the_members(credit: Any, client: httpx.AsyncClient) -> None:
    body = {"credit_limit": {"amount": "500", "currency": "EUR"}, "credit_limit_expiry_date": "2026-06-30"}
    path = "/v1/credit-profiles/DE01/C-1001"
    await client.put(path, json=body, headers=key(**{"if-none-match": "*"}))
    await group(client)
    assert (await join(client, reason="one house")).status_code == 200
    assert (await client.get(path)).json()["credit_limit_expiry_date"] == "2026-12-31"
    assert (await group(client, tag='"2"', expiry_date="2026-09-30")).status_code == 200
    assert (await client.get(path)).json()["credit_limit_expiry_date"] == "2026-09-30"
    dates = [p.get("credit_limit_expiry_date") for p in await told(credit, ProfileChanged)]
    assert dates == ["2026-06-30", "2026-12-31", "2026-09-30"]
    history = (await client.get(f"{path}/limit-history")).json()["items"]
    assert [(h["field"], h["source"], h["why"], h["valid_to"]) for h in history] == [
        ("credit_limit", "group", "expires with the credit group G-1", "2026-09-30"),
        ("credit_limit", "group", "one house", "2026-12-31"), ("credit_group", "manual", "one house", None),
        ("credit_limit", "manual", None, "2026-06-30")]  # fmt: skip


async def test_row_128_a_member_without_a_profile_gets_one(credit: Any, client: httpx.AsyncClient) -> None:
    await group(client)
    await join(client)
    made = (await client.get("/v1/credit-profiles/DE01/C-1001")).json()
    assert (made["credit_limit"]["amount"], made["credit_limit_expiry_date"]) == ("0.00", "2026-12-31")
    assert (await leave(client)).status_code == 200
    last = (await told(credit, GroupChanged))[-1]
    assert (last["members"], last["former_members"]) == ([], [C])


async def test_row_129_a_customer_belongs_to_one_group_at_most(credit: Any, client: httpx.AsyncClient) -> None:
    await group(client)
    await group(client, "G-2")
    await join(client)
    again = await join(client, "G-2")
    assert (again.status_code, "belongs to G-1" in again.json()["detail"]) == (409, True)
    assert (await join(client)).status_code == 409
    gone = await leave(client, "G-2")
    assert (gone.status_code, "does not belong" in gone.json()["detail"]) == (422, True)


async def test_row_129_two_groups_at_once_take_a_customer_in_once(credit: Any, client: httpx.AsyncClient) -> None:
    names = [f"G-{n}" for n in range(5)]
    for name in names:
        await group(client, name)
    answers = await asyncio.gather(*(join(client, name) for name in names))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert await credit.pool.fetchval("SELECT count(*) FROM credit_group_member") == 1


async def test_row_129_an_approval_lapses_when_the_customer_is_in_another_group_by_then(
    credit: Any, address: str, client: httpx.AsyncClient
) -> None:
    await group(client)
    await group(client, "G-2")
    path = "/v1/workflows/DE01/credit-profile-change"
    steps = [{"name": "manager", "permission": "approvals:decide"}]
    await client.put(path, json={"active": True, "steps": steps}, headers=key(**{"if-match": '"0"'}))
    asked = [(await join(client, name)).json()["approval"]["id"] for name in ("G-1", "G-2")]
    token = issue_token(credit.settings, "ann", ["administer"])
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as ann:
        await ann.post(f"/v1/approvals/{asked[0]}/approve", json={}, headers=key())
        done = [await ann.get(f"/v1/approvals/{number}") for number in asked]
    assert [(a.json()["state"], a.json()["lapsed"]) for a in done] == [("completed", False), ("cancelled", True)]
    assert (await client.get("/v1/credit-groups/G-2")).json()["members"] == []


async def test_row_130_the_same_number_in_other_companies_is_offered(
    credit: Any, address: str, client: httpx.AsyncClient, made: Callable[..., Any]
) -> None:
    for company in ("US01", "AT01"):
        await credit.facts(made("erp.company.changed.v1", company=company),
                           made("erp.customer.changed.v1", company=company))  # fmt: skip
    await group(client)
    await join(client)
    offered = "/v1/credit-groups/G-1/candidates?customer=C-1001"
    assert [i["company"] for i in (await client.get(offered)).json()["items"]] == ["AT01", "US01"]
    await join(client, company="AT01")
    assert [i["company"] for i in (await client.get(offered)).json()["items"]] == ["US01"]
    token = issue_token(credit.settings, "eve", ["see"], ["DE01"])
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as eve:
        assert (await eve.get(offered)).json()["items"] == []
        seen = (await eve.get("/v1/credit-groups/G-1")).json()
    assert (seen["members"], seen["members_of_other_companies"]) == ([C], 1)


async def test_row_131_a_group_needs_an_expiry(client: httpx.AsyncClient) -> None:
    refused = await group(client, expiry_date=None)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "expiry_date")
    assert (await client.get("/v1/credit-groups/G-1")).status_code == 404


async def test_a_member_that_the_erp_has_not_sent_is_refused(client: httpx.AsyncClient) -> None:
    await group(client)
    refused = await join(client, customer="NOBODY")
    assert (refused.status_code, "erp.customer.changed.v1" in refused.json()["detail"]) == (422, True)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"update_credit_limit_pct": "101"}, "update_credit_limit_pct"),
        ({"update_credit_limit_pct": "-1"}, "update_credit_limit_pct"),
        ({"kind": "guarantee", "coverage_type": "ALL"}, "coverage_type"),
        ({"expires_on": "2025-12-31"}, "expires_on"),
        ({"value": {"amount": "1.005", "currency": "EUR"}}, "value.amount"),
    ],
)
async def test_rows_25_and_26_policies_that_cannot_be(client: httpx.AsyncClient, fields: Any, field: str) -> None:
    body = {
        **C, "kind": "insurance", "type": "GENERAL", "insurer_guarantor": "Euler", "effective_from": "2026-01-01",
        "expires_on": "2026-12-31", "value": {"amount": "50000", "currency": "EUR"}, **fields,
    }  # fmt: skip
    refused = await client.post("/v1/policies", json=body, headers=key())
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


async def test_row_39_a_limit_in_the_customers_currency(
    credit: Any, client: httpx.AsyncClient, made: Callable[..., Any]
) -> None:
    body = {"credit_limit_customer_currency": {"amount": "110000", "currency": "USD"}}
    path, headers = "/v1/credit-profiles/DE01/C-1001", {"if-none-match": "*"}
    refused = await client.put(path, json=body, headers=key(**headers))
    assert (refused.status_code, "erp.exchange-rate.published.v1" in refused.json()["detail"]) == (422, True)
    await credit.facts(made("erp.exchange-rate.published.v1", from_currency="EUR", to_currency="USD", rate="1.10",
                            rate_type="default", valid_from="2026-01-01"))  # fmt: skip
    kept = await client.put(path, json=body, headers=key(**headers))
    assert (kept.json()["credit_limit"], kept.json()["credit_limit_customer_currency"]["amount"]) == (
        {"amount": "100000.00", "currency": "EUR"}, "110000.00")  # fmt: skip
    await credit.facts(made("erp.exchange-rate.published.v1", from_currency="EUR", to_currency="USD", rate="1.25",
                            rate_type="default", valid_from="2026-02-01"))  # fmt: skip
    assert (await client.get(path)).json()["credit_limit"]["amount"] == "100000.00"
