"""Master data that something names is not removed (spec 1.2 to 1.4, 1.8)."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from credit_service.masterdata.model import LISTS, USES
from holdfast.testing.waiting import eventually

PROFILE = "/v1/credit-profiles/DE01/C-1001"
WAITS = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
POLICY = {
    "company": "DE01", "customer": "C-1001", "kind": "insurance", "insurer_guarantor": "Euler", "type": "GENERAL",
    "effective_from": "2026-01-01", "expires_on": "2026-12-31", "value": {"amount": "500", "currency": "EUR"},
    "update_credit_limit_pct": "50",
}  # fmt: skip


def key(**headers: str) -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), **headers}


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


async def put(client: httpx.AsyncClient, path: str, body: Any, tag: str | None = None) -> httpx.Response:
    condition = {"if-match": tag} if tag else {"if-none-match": "*"}
    answer = await client.put(path, json=body, headers=key(**condition))
    assert answer.status_code in (200, 201, 202), answer.text
    return answer


async def entry(client: httpx.AsyncClient, name: str, code: str) -> str:
    path = f"/v1/master-data/{name}/DE01/{code}"
    await put(client, path, {})
    return path


async def remove(client: httpx.AsyncClient, path: str) -> httpx.Response:
    return await client.delete(path, headers=key(**{"if-match": '"1"'}))


@pytest.mark.parametrize("name", [name for name, use in USES.items() if not use.of_policies])
async def test_what_a_profile_names_stays_until_it_names_it_no_more(client: httpx.AsyncClient, name: str) -> None:
    path, field = await entry(client, name, "X"), USES[name].field
    await put(client, PROFILE, {"credit_limit": eur("1"), field: "X"})
    refused = await remove(client, path)
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (409, "in-use")
    assert "named by 1 credit profiles." in refused.json()["detail"]
    kept = await put(client, PROFILE, {"credit_limit": eur("1"), field: "X", "notes": "called"}, '"1"')
    assert kept.json()[field] == "X"
    await put(client, PROFILE, {"credit_limit": eur("1")}, '"2"')
    assert (await remove(client, path)).status_code == 204


@pytest.mark.parametrize("name", [name for name, use in USES.items() if use.of_policies])
async def test_what_a_policy_names_stays_and_the_policy_can_be_changed(client: httpx.AsyncClient, name: str) -> None:
    path, field = await entry(client, name, "X"), USES[name].field
    made = await client.post("/v1/policies", json=POLICY | {field: "X"}, headers=key())
    refused = await remove(client, path)
    assert (refused.status_code, "1 policies" in refused.json()["detail"]) == (409, True)
    where, body = f"/v1/policies/{made.json()['id']}", POLICY | {field: "X", "identification": "P-7"}
    changed = await client.put(where, json=body, headers=key(**{"if-match": '"1"'}))
    assert (changed.status_code, changed.json()["identification"]) == (200, "P-7")


async def test_what_an_open_request_names_stays_until_it_is_decided(client: httpx.AsyncClient) -> None:
    steps = [{"name": "manager", "permission": "approvals:decide"}]
    await put(client, "/v1/workflows/DE01/credit-profile-change", {"active": True, "steps": steps}, '"0"')
    path, kind = await entry(client, "account-statuses", "GOOD"), await entry(client, "policy-types", "CI")
    asked = await put(client, PROFILE, {"credit_limit": eur("9"), "account_status": "GOOD"})
    policy = await client.post("/v1/policies", json=POLICY | {"type": "CI"}, headers=key())
    assert (asked.status_code, policy.status_code) == (202, 202)
    for used in (path, kind):
        refused = await remove(client, used)
        assert (refused.status_code, "1 open requests" in refused.json()["detail"]) == (409, True)
    for answer in (asked, policy):
        number = answer.json()["approval"]["id"]
        recalled = await client.post(f"/v1/approvals/{number}/recall", json={}, headers=key())
        assert recalled.status_code == 200, recalled.text
    assert [(await remove(client, used)).status_code for used in (path, kind)] == [204, 204]


async def test_what_a_scoring_group_compares_stays(client: httpx.AsyncClient) -> None:
    path = await entry(client, "account-statuses", "GOOD")
    lines = [{"value": "GOOD", "score": "1"}]
    group = {"group_type": "account_status", "score_type": "list", "lines": lines}
    await put(client, "/v1/scoring-groups/DE01/STATUS", group)
    refused = await remove(client, path)
    assert (refused.status_code, "1 scoring groups" in refused.json()["detail"]) == (409, True)


async def test_who_removes_waits_for_who_begins_to_name_it(credit: Any, client: httpx.AsyncClient) -> None:
    path = await entry(client, "account-statuses", "GOOD")
    async with credit.pool.acquire() as connection:
        turn = connection.transaction()
        await turn.start()
        await connection.execute("SELECT FROM master_data WHERE id = 'GOOD' FOR KEY SHARE")
        gone = asyncio.create_task(remove(client, path))
        await eventually(lambda: credit.pool.fetchval(WAITS))
        await connection.execute(
            """INSERT INTO credit_profile (company, customer, version, currency, credit_limit, account_status,
                                           changed_at, changed_by)
               VALUES ('DE01', 'C-1001', 1, 'EUR', 1, 'GOOD', now(), 'kim')"""
        )
        await turn.commit()
    assert (await gone).status_code == 409


def test_every_list_says_what_names_its_entries() -> None:
    assert LISTS.keys() == USES.keys()
