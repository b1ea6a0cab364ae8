"""The history of what customers and groups may owe, whatever the door, and the audit trail beside it (spec 1.12)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from holdfast.web.auth import issue_token

PATH = "/v1/credit-profiles/DE01/C-1001"


def key(**headers: str) -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), **headers}


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


async def profile(client: httpx.AsyncClient, tag: str, **fields: Any) -> None:
    condition = {"if-none-match": "*"} if tag == "*" else {"if-match": tag}
    answer = await client.put(PATH, json={"credit_limit": eur("1000"), **fields}, headers=key(**condition))
    assert answer.is_success, answer.text


async def group(client: httpx.AsyncClient, tag: str, **fields: Any) -> None:
    condition = {"if-none-match": "*"} if tag == "*" else {"if-match": tag}
    body = {"owner_company": "DE01", "credit_limit": eur("5000"), "expiry_date": "2026-12-31", **fields}
    answer = await client.put("/v1/credit-groups/G-1", json=body, headers=key(**condition))
    assert answer.is_success, answer.text


async def draft(client: httpx.AsyncClient, kind: str, *lines: dict[str, Any]) -> str:
    body = {"company": "DE01", "type": kind, "lines": lines}
    answer = await client.post("/v1/adjustments", json=body, headers=key())
    assert answer.status_code == 201, answer.text
    number: str = answer.json()["number"]
    return number


async def post(client: httpx.AsyncClient, number: str) -> None:
    answer = await client.post(f"/v1/adjustments/{number}/post", json={}, headers=key())
    assert answer.status_code == 200, answer.text


async def history(client: httpx.AsyncClient, path: str = PATH) -> list[tuple[Any, ...]]:
    """Field, source, and from what to what, the oldest first."""
    items = (await client.get(f"{path}/limit-history")).json()["items"]
    return [
        (i["field"], i["source"], *(i[n]["amount"] if i[n] else None for n in ("old_limit", "new_limit")),
         i["old_value"], i["new_value"]) for i in reversed(items)
    ]  # fmt: skip


async def trail(client: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        answer = await client.get("/v1/audit-trail", params={"limit": 2, **params})
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if (following := answer.json()["next_cursor"]) is None:
            return found
        params["cursor"] = following


async def test_switches_are_in_the_history_of_the_customer(client: httpx.AsyncClient) -> None:
    await profile(client, "*", unlimited_credit=True)
    await profile(client, '"1"', exclude_from_credit_management=True, mandatory_credit_limit=True)
    await profile(client, '"2"', ignore_until_date="2026-05-01")
    await profile(client, '"3"', ignore_until_date="2026-05-01", notes="called")
    assert await history(client) == [
        ("credit_limit", "manual", None, "1000.00", None, None),
        ("unlimited_credit", "manual", None, None, "false", "true"),
        ("mandatory_credit_limit", "manual", None, None, "false", "true"),
        ("unlimited_credit", "manual", None, None, "true", "false"),
        ("exclude_from_credit_management", "manual", None, None, "false", "true"),
        ("mandatory_credit_limit", "manual", None, None, "true", "false"),
        ("exclude_from_credit_management", "manual", None, None, "true", "false"),
        ("ignore_until_date", "manual", None, None, None, "2026-05-01"),
    ]
    only = await client.get("/v1/limit-changes", params={"field": "ignore_until_date"})
    assert [i["new_value"] for i in only.json()["items"]] == ["2026-05-01"]


async def test_a_temporary_limit_notes_what_was_there_when_it_was_posted(client: httpx.AsyncClient) -> None:
    await profile(client, "*")
    dates = {"new_from_date": "2026-03-02", "new_to_date": "2026-04-30"}
    number = await draft(client, "temporary_credit_limit", {"customer": "C-1001", "new_limit": eur("3000"), **dates})
    await profile(client, '"1"', credit_limit=eur("2000"))
    await post(client, number)
    assert (await history(client))[-1] == ("temporary_limit", "temporary", "2000.00", "3000.00", None, None)
    (there,) = (await client.get("/v1/temporary-limits")).json()["items"]
    line = {"customer": "C-1001", "new_limit": eur("4000"), "replaces_temporary_id": there["id"], **dates}
    await post(client, await draft(client, "temporary_credit_limit", line))
    assert (await history(client))[-1] == ("temporary_limit", "temporary", "3000.00", "4000.00", None, None)
    found = await trail(client, company="DE01", what="temporary-limit.given", subject="C-1001")
    assert [(e["before"] and e["before"]["amount"], e["after"]["amount"]) for e in found] == [
        ("3000", "4000"), (None, "3000")]  # fmt: skip


async def test_limits_of_groups_have_a_history_and_an_audit_whatever_the_door(client: httpx.AsyncClient) -> None:
    await group(client, "*")
    await group(client, '"1"', description="no change of the limit")
    await group(client, '"2"', credit_limit=eur("6000"), reason="good year")
    line = {"credit_group": "G-1", "new_limit": eur("7000"), "new_to_date": "2027-01-31"}
    await post(client, await draft(client, "credit_limit", line))
    line |= {"new_limit": eur("9000"), "new_from_date": "2026-03-02"}
    await post(client, await draft(client, "temporary_credit_limit", line))
    assert await history(client, "/v1/credit-groups/G-1") == [
        ("credit_limit", "manual", None, "5000.00", None, None),
        ("credit_limit", "manual", "5000.00", "6000.00", None, None),
        ("credit_limit", "journal", "6000.00", "7000.00", None, None),
        ("temporary_limit", "temporary", "7000.00", "9000.00", None, None),
    ]
    found = await trail(client, company="DE01", subject="G-1")
    assert [(e["what"], (e["before"] or {}).get("credit_limit")) for e in found] == [
        ("temporary-limit.given", None), ("credit-limit.changed", "6000"), ("credit-group.changed", "5000"),
        ("credit-group.changed", "5000"), ("credit-group.changed", None)]  # fmt: skip


async def test_a_posted_journal_is_audited_customer_by_customer(client: httpx.AsyncClient) -> None:
    await profile(client, "*")
    line = {"customer": "C-1001", "new_limit": eur("1500"), "new_to_date": "2026-12-31"}
    number = await draft(client, "credit_limit", line)
    await post(client, number)
    (entry,) = await trail(client, company="DE01", what="credit-limit.changed")
    assert (entry["who"], entry["subject"], entry["why"]) == ("kim", "C-1001", f"journal {number}")
    assert (entry["before"]["credit_limit"], entry["after"]["credit_limit"]) == ("1000", "1500")


async def test_the_audit_trail_shows_the_callers_companies_only(
    credit: Any, address: str, client: httpx.AsyncClient
) -> None:
    await profile(client, "*", reason="first")
    await client.put("/v1/credit-parameters/US01", json={}, headers=key(**{"if-match": '"0"'}))
    assert [e["company"] for e in await trail(client)] == ["US01", "DE01"]
    assert [e["why"] for e in await trail(client, who="kim", what="credit-profile.changed")] == ["first"]
    assert await trail(client, until="2026-03-01") == await trail(client, **{"from": "2026-03-03"}) == []
    assert len(await trail(client, **{"from": "2026-03-02"}, until="2026-03-02")) == 2
    for roles, status in ((["approve"], 200), (["work"], 403)):
        token = issue_token(credit.settings, "eve", roles, ["US01"])
        async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as eve:
            answer = await eve.get("/v1/audit-trail")
            assert answer.status_code == status
            if status == 200:
                assert [e["company"] for e in answer.json()["items"]] == ["US01"]
                assert (await eve.get("/v1/audit-trail?company=DE01")).json()["items"] == []
