"""What the credit team reads: due dates, policies by expiry, temporary limits, changes, groups (spec 5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import uuid4

import httpx
import pytest

from holdfast.web.auth import issue_token

NO_LINES = {"lines": [], "tax_amount": "0"}


def key(**headers: str) -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), **headers}


async def profile(
    client: httpx.AsyncClient, customer: str, amount: str = "1000", tag: str | None = None, **fields: Any
) -> None:
    body = {"credit_limit": {"amount": amount, "currency": "EUR"}, "confirm_unknown_customer": True, **fields}
    condition = {"if-match": tag} if tag else {"if-none-match": "*"}
    answer = await client.put(f"/v1/credit-profiles/DE01/{customer}", json=body, headers=key(**condition))
    assert answer.status_code in (200, 201), answer.text


async def all_pages(client: httpx.AsyncClient, path: str, **params: Any) -> list[dict[str, Any]]:
    """Every row, two a page."""
    found: list[dict[str, Any]] = []
    while True:
        answer = await client.get(path, params={"limit": 2, **params})
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next_cursor"] is None:
            return found
        params["cursor"] = answer.json()["next_cursor"]


@pytest.mark.parametrize(
    ("path", "field"),
    [("/v1/expiring-limits", "credit_limit_expiry_date"), ("/v1/due-reviews", "next_review_date")],
)
async def test_due_dates_come_in_order_and_in_pages(
    credit: Any, client: httpx.AsyncClient, path: str, field: str
) -> None:
    days = ["2026-03-20", "2026-02-01", "2026-03-20", "2026-03-31", "2026-04-20"]
    for n, day in enumerate(days):
        await profile(client, f"C-{n}", **{field: day})
    await profile(client, "C-9")
    found = await all_pages(client, path)
    assert [(item["customer"], item[field]) for item in found] == [
        ("C-1", "2026-02-01"), ("C-0", "2026-03-20"), ("C-2", "2026-03-20"), ("C-3", "2026-03-31")]  # fmt: skip
    between = await all_pages(client, path, **{"from": "2026-03-25", "until": "2026-05-01"}, company="DE01")
    assert [item["customer"] for item in between] == ["C-3", "C-4"]
    assert await all_pages(client, path, company="US01") == []


async def test_policies_by_expiry(credit: Any, client: httpx.AsyncClient) -> None:
    for last in ("2026-06-30", "2026-04-30", "2026-12-31"):
        body = {
            "company": "DE01", "customer": "C-1001", "kind": "guarantee", "type": "GENERAL",
            "insurer_guarantor": "Bank",
            "effective_from": "2026-01-01", "expires_on": last, "value": {"amount": "50", "currency": "EUR"},
        }  # fmt: skip
        assert (await client.post("/v1/policies", json=body, headers=key())).status_code == 201
    assert [p["expires_on"] for p in await all_pages(client, "/v1/policies")] == [
        "2026-04-30", "2026-06-30", "2026-12-31"]  # fmt: skip
    some = await all_pages(client, "/v1/policies", expires_from="2026-05-01", expires_until="2026-06-30")
    assert [p["expires_on"] for p in some] == ["2026-06-30"]


async def test_temporary_limits_active_and_future(credit: Any, client: httpx.AsyncClient) -> None:
    body = {"owner_company": "DE01", "credit_limit": {"amount": "9", "currency": "USD"}, "expiry_date": "2026-12-31"}
    assert (
        await client.put("/v1/credit-groups/G-1", json=body, headers=key(**{"if-none-match": "*"}))
    ).status_code == 200
    rows = [("C-1", None, "2026-02-01", "2026-02-28"), ("C-2", None, "2026-03-01", "2026-03-31"),
            ("C-3", None, "2026-04-01", "2026-04-30"), (None, "G-1", "2026-04-01", "2026-05-31")]  # fmt: skip
    for customer, group, first, last in rows:
        await credit.pool.execute(
            "INSERT INTO temporary_limit VALUES ($1, $2, $3, $4, 15000, $5, $6, 'DE01-1')", uuid4(),
            "DE01" if customer else None, customer, group, date.fromisoformat(first), date.fromisoformat(last),
        )  # fmt: skip
    found = await all_pages(client, "/v1/temporary-limits", company="DE01")
    assert [(i["customer"], i["credit_group"], i["amount"]["currency"]) for i in found] == [
        ("C-2", None, "EUR"), ("C-3", None, "EUR"), (None, "G-1", "USD")]  # fmt: skip


async def test_limit_changes_say_who_and_why(credit: Any, client: httpx.AsyncClient) -> None:
    await profile(client, "C-1", "10", reason="first")
    await profile(client, "C-1", "20", '"1"', reason="better")
    await profile(client, "C-2", "5")
    found = await all_pages(client, "/v1/limit-changes", company="DE01")
    assert [(i["customer"], i["new_limit"]["amount"], i["who"], i["why"]) for i in found] == [
        ("C-2", "5.00", "kim", None), ("C-1", "20.00", "kim", "better"), ("C-1", "10.00", "kim", "first")]  # fmt: skip
    assert await all_pages(client, "/v1/limit-changes", source="journal") == []
    mine = await all_pages(client, "/v1/credit-profiles/DE01/C-1/limit-history")
    assert [(i["old_limit"] and i["old_limit"]["amount"], i["new_limit"]["amount"]) for i in mine] == [
        ("10.00", "20.00"), (None, "10.00")]  # fmt: skip


async def test_a_groups_exposure_per_member(
    credit: Any, address: str, client: httpx.AsyncClient, made: Callable[..., Any]
) -> None:
    await credit.facts(
        made("erp.customer.changed.v1", customer="C-2"),
        made("erp.company.changed.v1", company="AT01", currency="EUR"),
        made("erp.customer.changed.v1", company="AT01"),
        made("erp.invoice.posted.v1", amount="100", due_date="2026-02-28", order=None, **NO_LINES),
        made("erp.invoice.posted.v1", company="AT01", amount="40", order=None, **NO_LINES),
    )
    body = {"owner_company": "DE01", "credit_limit": {"amount": "200", "currency": "EUR"}, "expiry_date": "2026-12-31"}
    assert (
        await client.put("/v1/credit-groups/G-1", json=body, headers=key(**{"if-none-match": "*"}))
    ).status_code == 200
    empty = (await client.get("/v1/credit-groups/G-1/exposure")).json()
    assert (empty["available"]["amount"], empty["members"]) == ("200.00", [])
    for company, customer in (("DE01", "C-1001"), ("DE01", "C-2"), ("AT01", "C-1001")):
        member = {"company": company, "customer": customer}
        assert (await client.post("/v1/credit-groups/G-1/members", json=member, headers=key())).status_code == 200
    whole = (await client.get("/v1/credit-groups/G-1/exposure")).json()
    assert (whole["used_percent"], whole["available"]["amount"], len(whole["members"])) == ("70.00", "60.00", 3)
    token = issue_token(credit.settings, "eve", ["see"], ["DE01"])
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as eve:
        seen = (await eve.get("/v1/credit-groups/G-1/exposure")).json()
    assert [(m["customer"], m["balance"]["amount"], m["overdue_amount"]["amount"], m["days_overdue"])
            for m in seen["members"]] == [("C-1001", "100.00", "100.00", 2), ("C-2", "0.00", "0.00", 0)]  # fmt: skip
    assert seen["other_companies"] == {"members": 1, "exposure": {"amount": "40.00", "currency": "EUR"}}
    assert [amounts(m["aging"]) for m in seen["members"]] == [["0.00", "100.00", "0.00", "0.00", "0.00"], ["0.00"] * 5]
    assert amounts(seen["aging"]) == ["40.00", "100.00", "0.00", "0.00", "0.00"]
    assert amounts(seen["aging_of_other_companies"]) == ["40.00", "0.00", "0.00", "0.00", "0.00"]
    token = issue_token(credit.settings, "zoe", ["see"], ["FR01"])
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as zoe:
        assert (await zoe.get("/v1/credit-groups/G-1/exposure")).status_code == 404


def amounts(ages: dict[str, Any]) -> list[str]:
    """By bucket: not due, 1 to 30 days past due, to 60, to 90, more."""
    return [amount["amount"] for amount in ages.values()]


async def test_another_companys_rows_are_absent(credit: Any, address: str, client: httpx.AsyncClient) -> None:
    await profile(client, "C-1", credit_limit_expiry_date="2026-03-10", next_review_date="2026-03-10")
    token = issue_token(credit.settings, "eve", ["see"], ["US01"])
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as eve:
        for path in ("expiring-limits", "due-reviews", "limit-changes", "temporary-limits"):
            assert len((await client.get(f"/v1/{path}")).json()["items"]) == (path != "temporary-limits")
            assert (await eve.get(f"/v1/{path}")).json()["items"] == []
        assert (await eve.get("/v1/credit-profiles/DE01/C-1/limit-history")).status_code == 404
