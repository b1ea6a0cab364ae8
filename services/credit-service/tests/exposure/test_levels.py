"""Own and shared limit of a customer, and which of them governs, over real HTTP (spec 2.1-2.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from holdfast.web.auth import issue_token

NO_LINES = {"lines": [], "tax_amount": "0"}
Made = Callable[..., Any]


def key(**headers: str) -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), **headers}


async def profile(client: httpx.AsyncClient, party: str, amount: str, currency: str = "EUR", **more: Any) -> None:
    body = {"credit_limit": {"amount": amount, "currency": currency}, "confirm_unknown_customer": True, **more}
    answer = await client.put(f"/v1/credit-profiles/{party}", json=body, headers=key(**{"if-none-match": "*"}))
    assert answer.status_code == 201, answer.text


async def parameters(client: httpx.AsyncClient, company: str, tag: str, **fields: Any) -> None:
    body = {"allow_manual_limit_edit": True, "check_customer_credit_groups": True, **fields}
    answer = await client.put(f"/v1/credit-parameters/{company}", json=body, headers=key(**{"if-match": tag}))
    assert answer.status_code == 200, answer.text


async def group(client: httpx.AsyncClient, amount: str, *members: tuple[str, str]) -> None:
    body = {"owner_company": "DE01", "credit_limit": {"amount": amount, "currency": "EUR"}, "expiry_date": "2026-12-31"}
    assert (
        await client.put("/v1/credit-groups/G-1", json=body, headers=key(**{"if-none-match": "*"}))
    ).status_code == 200
    for company, customer in members:
        body = {"company": company, "customer": customer}
        assert (await client.post("/v1/credit-groups/G-1/members", json=body, headers=key())).status_code == 200


async def policy(client: httpx.AsyncClient, **fields: Any) -> None:
    body = {
        "company": "DE01", "customer": "C-1001", "kind": "insurance", "type": "GENERAL", "insurer_guarantor": "Euler",
        "effective_from": "2026-01-01", "expires_on": "2026-12-31", "update_credit_limit_pct": "50",
        "value": {"amount": "50000", "currency": "EUR"}, **fields,
    }  # fmt: skip
    assert (await client.post("/v1/policies", json=body, headers=key())).status_code == 201


async def read(client: httpx.AsyncClient, party: str = "DE01/C-1001") -> dict[str, Any]:
    shown: dict[str, Any] = (await client.get(f"/v1/exposures/{party}")).json()
    return shown


async def two_companies(credit: Any, made: Made, rate: str | None = "1.10") -> None:
    await credit.facts(
        made("erp.company.changed.v1", company="US01", currency="USD", time_zone="America/New_York"),
        made("erp.customer.changed.v1", company="US01", currency="USD"),
    )
    if rate is not None:
        await credit.facts(made("erp.exchange-rate.published.v1", from_currency="EUR", to_currency="USD", rate=rate,
                                rate_type="default", valid_from="2026-01-01"))  # fmt: skip


@pytest.mark.parametrize(
    ("own", "fields", "level", "limit"),
    [
        ("10000", {}, "own", "10000.00"),
        ("20000", {}, "group", "15000.00"),
        ("0", {"mandatory_credit_limit": True}, "own", "0.00"),
        ("0", {"unlimited_credit": True}, None, None),
        ("0", {}, "group", "15000.00"),
    ],
)
async def test_the_five_documented_limits_govern(
    credit: Any, client: httpx.AsyncClient, made: Made, own: str, fields: Any, level: str | None, limit: str | None
) -> None:
    await parameters(client, "DE01", '"1"')
    await profile(client, "DE01/C-1001", own, **fields)
    await group(client, "15000", ("DE01", "C-1001"))
    await credit.facts(made("erp.invoice.posted.v1", amount="1000", order=None, **NO_LINES))
    shown = await read(client)
    assert (shown["limit_level"], shown["limit"] and shown["limit"]["amount"]) == (level, limit)


async def test_row_10_without_the_parameter_the_group_is_shown_and_not_tested(
    credit: Any, client: httpx.AsyncClient
) -> None:
    await profile(client, "DE01/C-1001", "20000")
    await group(client, "15000", ("DE01", "C-1001"))
    shown = await read(client)
    assert [(level["level"], level["governs"]) for level in shown["levels"]] == [("group", False), ("own", True)]
    assert (shown["limit"]["amount"], shown["group"]["checked"]) == ("20000.00", False)


async def test_rows_21_to_24_and_28_what_policies_add(credit: Any, client: httpx.AsyncClient, made: Made) -> None:
    await credit.facts(made("erp.exchange-rate.published.v1", from_currency="EUR", to_currency="USD", rate="1.10",
                            rate_type="default", valid_from="2026-01-01"))  # fmt: skip
    await profile(client, "DE01/C-1001", "100000")
    await policy(client, included_in_exposure=True)
    await policy(client, expires_on="2026-03-01")
    shown = await read(client)
    assert (shown["total_limit"]["amount"], shown["exposure_value"]["amount"]) == ("125000.00", "75000.00")
    await policy(client, value={"amount": "11000", "currency": "USD"}, update_credit_limit_pct="100")
    assert (await read(client))["total_limit"]["amount"] == "135000.00"
    await credit.pool.execute(
        "INSERT INTO temporary_limit VALUES ($1, 'DE01', 'C-1001', NULL, 150000, '2026-03-01', '2026-03-02', 'J')",
        uuid4(),
    )
    shown = await read(client)
    amounts = [shown[name]["amount"] for name in ("permanent_limit", "base_limit", "insurance_and_guarantees", "limit")]
    assert amounts == ["100000.00", "150000.00", "35000.00", "185000.00"]


async def test_row_22_reduce_limit_tests_against_the_exposure_value(credit: Any, client: httpx.AsyncClient) -> None:
    await parameters(client, "DE01", '"1"', flagged_policy_mode="reduce_limit")
    await profile(client, "DE01/C-1001", "100000")
    await policy(client, included_in_exposure=True)
    shown = await read(client)
    assert (shown["total_limit"]["amount"], shown["limit"]["amount"]) == ("125000.00", "75000.00")


async def test_row_31_the_limit_type_says_what_counts(credit: Any, client: httpx.AsyncClient, made: Made) -> None:
    await profile(client, "DE01/C-1001", "10000")
    await credit.facts(
        made("erp.invoice.posted.v1", amount="2000", order=None, **NO_LINES),
        made("erp.order.changed.v1", order="SO-1", total="8000", charges="0", lines=[]),
        made("erp.delivery.posted.v1", order="SO-1", amount="3000", lines=[]),
    )
    shown = await read(client)
    assert {name: amount["amount"] for name, amount in shown["exposure_by_limit_type"].items()} == {
        "balance": "2000.00", "balance_and_packing_slip": "5000.00", "balance_and_all": "10000.00",
    }  # fmt: skip
    for tag, kind, used in (("1", "balance", "20.00"), ("2", "balance_and_packing_slip", "50.00")):
        await parameters(client, "DE01", f'"{tag}"', credit_limit_type=kind)
        shown = await read(client)
        assert (shown["used_percent"], shown["credit_limit_type"]) == (used, kind)
    await parameters(client, "DE01", '"3"', credit_limit_type="none")
    shown = await read(client)
    assert (shown["limit"], shown["not_tested_because"]) == (None, "the limit type is none")


async def test_row_133_a_group_across_companies_and_what_others_see_of_it(
    credit: Any, address: str, client: httpx.AsyncClient, made: Made
) -> None:
    await two_companies(credit, made)
    await parameters(client, "DE01", '"1"')
    await group(client, "10000", ("DE01", "C-1001"), ("US01", "C-1001"))
    await credit.facts(
        made("erp.invoice.posted.v1", company="US01", amount="5500", currency="USD", order=None, **NO_LINES),
        made("erp.invoice.posted.v1", amount="5001", order=None, **NO_LINES),
    )
    shown = await read(client)
    (shared, _) = shown["levels"]
    assert (shared["exposure"]["amount"], shared["available"]["amount"]) == ("10001.00", "-1.00")
    assert (shown["limit_level"], shown["used_percent"]) == ("group", "100.01")
    token = issue_token(credit.settings, "eve", ["see"], ["DE01"])
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as eve:
        seen = (await read(eve))["group"]
        listed = (await eve.get("/v1/exposures")).json()["items"]
    assert [(m["company"], m["exposure"]["amount"]) for m in seen["members"]] == [("DE01", "5001.00")]
    assert seen["other_companies"] == {"members": 1, "exposure": {"amount": "5000.00", "currency": "EUR"}}
    assert [(item["company"], item["used_percent"]) for item in listed] == [("DE01", "100.01")]


async def test_a_missing_rate_fails_closed_and_says_so(credit: Any, client: httpx.AsyncClient, made: Made) -> None:
    await two_companies(credit, made, rate=None)
    await parameters(client, "DE01", '"1"')
    await profile(client, "DE01/C-1001", "20000")
    await group(client, "10000", ("DE01", "C-1001"), ("US01", "C-1001"))
    await credit.facts(
        made("erp.invoice.posted.v1", company="US01", amount="5500", currency="USD", order=None, **NO_LINES),
        made("erp.invoice.posted.v1", amount="100", order=None, **NO_LINES),
    )
    shown = await read(client)
    assert (shown["limit"], shown["used_percent"], shown["available"]) == (None, None, None)
    assert shown["missing_rates"] == ["EUR"]
    assert "erp.exchange-rate.published.v1" in shown["problem"]
    shared, own = shown["levels"]
    assert (shared["exposure"], own["exposure"]["amount"]) == (None, "100.00")
    assert (await client.get("/v1/exposures", params={"company": "DE01"})).json()["items"][0]["limit"] is None


async def many(credit: Any, client: httpx.AsyncClient, made: Made) -> None:
    """C-1 .. C-7, each with a limit of 1,000 and n hundred open; C-8 without a limit, C-9 unlimited."""
    for n in range(1, 10):
        more = {"unlimited_credit": True} if n == 9 else {}
        await profile(client, f"DE01/C-{n}", "0" if n == 8 else "1000", **more)
        await credit.facts(made("erp.invoice.posted.v1", customer=f"C-{n}", document=f"I-{n}", amount=f"{n}00",
                                order=None, **NO_LINES))  # fmt: skip


async def test_the_list_pages_by_a_cursor_that_holds_while_figures_change(
    credit: Any, client: httpx.AsyncClient, made: Made
) -> None:
    await many(credit, client, made)
    found: list[str] = []
    params: dict[str, Any] = {"company": "DE01", "limit": 2}
    while True:
        body = (await client.get("/v1/exposures", params=params)).json()
        found += [item["customer"] for item in body["items"]]
        if len(found) == 2:
            await credit.facts(made("erp.invoice.posted.v1", customer="C-8", document="I-8b", amount="9000",
                                    order=None, **NO_LINES))  # fmt: skip
        if body["next_cursor"] is None:
            break
        params["cursor"] = body["next_cursor"]
    assert found == ["C-8", "C-7", "C-6", "C-5", "C-4", "C-3", "C-2", "C-1", "C-9"]
    above = (await client.get("/v1/exposures", params={"minimum_used_percent": "60"})).json()["items"]
    assert [item["customer"] for item in above] == ["C-8", "C-7", "C-6"]


async def test_amounts_sort_within_one_company(credit: Any, client: httpx.AsyncClient, made: Made) -> None:
    await many(credit, client, made)
    await policy(client, customer="C-9", value={"amount": "850", "currency": "EUR"})
    params = {"company": "DE01", "sort": "-uninsured_exposure", "limit": 2}
    items = (await client.get("/v1/exposures", params=params)).json()["items"]
    assert [(i["customer"], i["uninsured_exposure"]["amount"]) for i in items] == [("C-8", "800.00"), ("C-7", "700.00")]
    refused = await client.get("/v1/exposures", params={"sort": "-exposure"})
    assert (refused.status_code, "Name one company" in refused.json()["detail"]) == (422, True)
    bad = await client.get("/v1/exposures", params={"cursor": "WzEsIngiLCJhIiwiYiJd"})
    assert bad.status_code == 400


async def test_concentration_names_the_largest_customers(credit: Any, client: httpx.AsyncClient, made: Made) -> None:
    await many(credit, client, made)
    await policy(client, customer="C-9", value={"amount": "850", "currency": "EUR"})
    found = (await client.get("/v1/exposure-concentration", params={"company": "DE01", "top": 2})).json()
    assert [(i["customer"], i["share_percent"], i["cumulated_percent"]) for i in found["items"]] == [
        ("C-9", "20.00", "20.00"), ("C-8", "17.78", "37.78"),
    ]  # fmt: skip
    assert (found["exposure"]["amount"], found["uninsured_exposure"]["amount"], found["top_share_percent"]) == (
        "4500.00", "3650.00", "37.78",
    )  # fmt: skip
    await credit.facts(made("erp.invoice.posted.v1", customer="C-1", document="I-X", amount="5", currency="JPY",
                            order=None, **NO_LINES))  # fmt: skip
    found = (await client.get("/v1/exposure-concentration", params={"company": "DE01"})).json()
    assert (found["incomplete"], found["incomplete_customers"], found["top_share_percent"]) == (["C-1"], 1, None)
