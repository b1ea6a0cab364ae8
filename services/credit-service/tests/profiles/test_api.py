"""Credit profiles over real HTTP."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from holdfast.contracts.credit import ProfileChanged
from holdfast.contracts.credit_notices import LimitChanged
from holdfast.testing.exploring import TIMEOUT_SECONDS, explore
from holdfast.web.auth import issue_token

PATH = "/v1/credit-profiles/DE01/C-1001"


def limit(amount: str, **more: Any) -> dict[str, Any]:
    return {"credit_limit": {"amount": amount, "currency": "EUR"}, **more}


def key(**headers: str) -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), **headers}


async def create(client: httpx.AsyncClient, amount: str = "1000") -> httpx.Response:
    return await client.put(PATH, json=limit(amount), headers=key(**{"if-none-match": "*"}))


async def test_a_profile_is_created_changed_audited_and_published(credit: Any, client: httpx.AsyncClient) -> None:
    made = await create(client)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    change = limit("2500.50", reason="yearly review")
    kept = await client.put(PATH, json=change, headers=key(**{"if-match": '"1"'}))
    assert kept.json()["credit_limit"] == {"amount": "2500.50", "currency": "EUR"}
    assert (await client.get(PATH)).headers["etag"] == '"2"'
    events = await credit.published(ProfileChanged.event_type)
    assert [(e["sequence"], e["version"], e["credit_limit"]) for e in events] == [(1, 1, "1000"), (3, 2, "2500.50")]
    moved = await credit.published(LimitChanged.event_type)
    assert [(e["sequence"], e["former_limit"], e["credit_limit"], e.get("reason")) for e in moved] == [
        (2, "0", "1000", None), (4, "1000", "2500.50", "yearly review")]  # fmt: skip
    assert len(await credit.published()) == 4
    trail = await credit.pool.fetch("SELECT who, why FROM audit_trail ORDER BY id")
    assert [tuple(row) for row in trail] == [("kim", None), ("kim", "yearly review")]


async def test_two_editors_of_one_profile_one_gets_412(credit: Any, client: httpx.AsyncClient) -> None:
    await create(client)
    answers = await asyncio.gather(*(
        client.put(PATH, json=limit(f"{n}00"), headers=key(**{"if-match": '"1"'})) for n in range(1, 6)
    ))  # fmt: skip
    assert sorted(a.status_code for a in answers) == [200, 412, 412, 412, 412]
    (winner,) = (a.json()["credit_limit"]["amount"] for a in answers if a.status_code == 200)
    assert (await client.get(PATH)).json()["credit_limit"]["amount"] == winner
    history = (await client.get(f"{PATH}/limit-history")).json()["items"]
    assert [change["new_limit"]["amount"] for change in history] == [winner, "1000.00"]
    assert [event["version"] for event in await credit.published(ProfileChanged.event_type)] == [1, 2]
    assert await credit.pool.fetchval("SELECT count(*) FROM audit_trail") == 2


async def test_the_same_request_again_gets_the_same_answer(credit: Any, client: httpx.AsyncClient) -> None:
    same = key(**{"if-none-match": "*"})
    first = await client.put(PATH, json=limit("10"), headers=same)
    again = await client.put(PATH, json=limit("10"), headers=same)
    assert (first.status_code, again.status_code, len(await credit.published())) == (201, 201, 2)


async def test_what_is_wrong_is_said_with_its_remedy(client: httpx.AsyncClient) -> None:
    wrong = [
        ({"credit_limit": {"amount": "5", "currency": "USD"}}, "Send the limit in EUR."),
        (limit("-1"), "0 or more"),
        (limit("1.005"), "minor units"),
    ]
    for body, remedy in wrong:
        answer = await client.put(PATH, json=body, headers=key(**{"if-none-match": "*"}))
        assert answer.status_code == 422
        assert remedy in answer.json()["detail"]
    unknown = await client.put("/v1/credit-profiles/XX/C-1", json=limit("5"), headers=key(**{"if-none-match": "*"}))
    assert "erp.company.changed.v1" in unknown.json()["detail"]


async def test_another_company_does_not_exist(credit: Any, address: str, client: httpx.AsyncClient) -> None:
    await create(client)
    token = issue_token(credit.settings, "eve", ["administer"], ["US01"])
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as eve:
        assert (await eve.get("/v1/credit-profiles")).json()["items"] == []
        assert (await eve.get(PATH)).status_code == 404
        assert (await eve.put(PATH, json=limit("9"), headers=key(**{"if-match": '"1"'}))).status_code == 404


async def test_see_does_not_let_change(credit: Any, address: str) -> None:
    token = issue_token(credit.settings, "sam", ["see"])
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as sam:
        assert (await create(sam)).status_code == 403


async def test_what_follows_from_a_profile_stands_beside_it(credit: Any, client: httpx.AsyncClient) -> None:
    made = (await create(client)).json()
    assert (made["temporary_credit_limit"], made["total_credit_limit"]["amount"], made["risk_group"]) == (
        None, "1000.00", None)  # fmt: skip
    await credit.pool.execute("""INSERT INTO temporary_limit VALUES
        (gen_random_uuid(), 'DE01', 'C-1001', NULL, 1500, '2026-03-02', '2026-03-02', 'J'),
        (gen_random_uuid(), 'DE01', 'C-1001', NULL, 9000, '2026-03-03', '2026-03-09', 'J')""")
    await credit.pool.execute("INSERT INTO customer_risk VALUES ('DE01', 'C-1001', 80, 'HIGH', now(), 1)")
    policy = {"company": "DE01", "customer": "C-1001", "kind": "insurance", "type": "GENERAL",
              "insurer_guarantor": "Euler",
              "effective_from": "2026-01-01", "expires_on": "2026-12-31", "update_credit_limit_pct": "50"}  # fmt: skip
    for currency, total in (("EUR", "1750.00"), ("GBP", None)):
        body = policy | {"value": {"amount": "500", "currency": currency}}
        assert (await client.post("/v1/policies", json=body, headers=key())).status_code == 201
        for found in ((await client.get(PATH)).json(), (await client.get("/v1/credit-profiles")).json()["items"][0]):
            assert (found["temporary_credit_limit"]["amount"], found["risk_score"], found["risk_group"]) == (
                "1500.00", "80", "HIGH")  # fmt: skip
            assert (found["total_credit_limit"] and found["total_credit_limit"]["amount"]) == total
    told = (await credit.published(ProfileChanged.event_type))[-1]
    assert (told["risk_score"], told["risk_group"]) == ("80", "HIGH")


@pytest.mark.timeout(TIMEOUT_SECONDS)
async def test_schemathesis_finds_nothing(credit: Any, address: str) -> None:
    await asyncio.to_thread(explore, address, issue_token(credit.settings, "kim", ["administer"]))
