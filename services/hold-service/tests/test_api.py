"""hold-service over real HTTP: checks, holds, releases, rules, checkpoints."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from hold_service.app import create_api
from holdfast.platform.settings import Settings
from holdfast.testing.exploring import TIMEOUT_SECONDS, explore
from holdfast.web.auth import issue_token

Send = Callable[..., Awaitable[httpx.Response]]


def key() -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), "content-type": "application/json"}


def body(ask: Any, number: str, total: str, attempt: str | None = None) -> str:
    text: str = ask.request(number, total, attempt).model_dump_json(exclude_none=True)
    return text


async def test_a_check_is_answered_stored_and_explained(hold: Any, ask: Any, client: httpx.AsyncClient) -> None:
    await hold.set_up(limit="100")
    answer = await client.post("/v1/credit-checks", content=body(ask, "O-1", "600"), headers=key())
    assert answer.status_code == 200
    assert answer.json()["outcome"] == "held"
    stored = await client.get(f"/v1/credit-checks/{answer.json()['decision']}")
    assert "600.00 % of the limit" in stored.json()["explanation"][0]
    assert stored.json()["picture"]["findings"][0]["to_pass"].startswith("Lower the order by 500.00 EUR")


async def test_row_4_4_33_an_idempotency_key_takes_effect_once(hold: Any, ask: Any, client: httpx.AsyncClient) -> None:
    await hold.set_up()
    same = key()
    sent = [client.post("/v1/credit-checks", content=body(ask, "O-1", "600"), headers=same) for _ in range(10)]
    answers = await asyncio.gather(*sent)
    assert {a.status_code for a in answers} <= {200, 409}
    assert len({a.json()["decision"] for a in answers if a.status_code == 200}) == 1
    other = await client.post("/v1/credit-checks", content=body(ask, "O-2", "600"), headers=same)
    assert other.status_code == 422
    assert await hold.pool.fetchval("SELECT count(*) FROM decision") == 1


async def test_row_4_4_32_parallel_http_checks_never_pass_more_than_the_room(
    hold: Any, ask: Any, client: httpx.AsyncClient
) -> None:
    await hold.set_up(limit="1000")
    answers = await asyncio.gather(*(
        client.post("/v1/credit-checks", content=body(ask, f"O-{n}", "300"), headers=key()) for n in range(50)
    ))  # fmt: skip
    assert [a.json()["outcome"] for a in answers].count("cleared") == 3


async def test_a_release_needs_the_version_and_happens_once(hold: Any, ask: Any, client: httpx.AsyncClient) -> None:
    await hold.set_up(limit="100")
    await client.post("/v1/credit-checks", content=body(ask, "O-1", "600"), headers=key())
    listed = (await client.get("/v1/holds", params={"company": "DE01"})).json()["items"]
    path = f"/v1/holds/{listed[0]['hold']}"
    tag = (await client.get(path)).headers["etag"]
    wanted = {"reason": "BOSS", "note": "said so"}
    unknown = await client.post(f"{path}/release", json=wanted, headers={**key(), "if-match": tag})
    assert unknown.json()["type"].endswith("reason-unknown")
    described = {"description": "the boss said so"}
    await client.put("/v1/reasons/DE01/release/BOSS", json=described, headers={**key(), "if-none-match": "*"})
    assert (await client.post(f"{path}/release", json=wanted, headers=key())).status_code == 428
    stale = await client.post(f"{path}/release", json=wanted, headers={**key(), "if-match": '"9"'})
    assert stale.status_code == 412
    done = await asyncio.gather(*(
        client.post(f"{path}/release", json=wanted, headers={**key(), "if-match": tag}) for _ in range(5)
    ))  # fmt: skip
    assert sorted(a.status_code for a in done) == [200, 412, 412, 412, 412]
    again = await client.post("/v1/credit-checks", content=body(ask, "O-1", "600", "O-1-2"), headers=key())
    assert again.json()["outcome"] == "cleared"
    assert "goes through once" in again.json()["not_checked_because"]
    third = await client.post("/v1/credit-checks", content=body(ask, "O-1", "600", "O-1-3"), headers=key())
    assert third.json()["outcome"] == "held"
    assert [kind for kind, _ in await hold.published()].count("hold.order.released.v1") == 1


async def test_rules_and_checkpoints_are_kept_by_version(hold: Any, client: httpx.AsyncClient) -> None:
    made = await client.post(
        "/v1/rules", json={"company": "DE01", "kind": "days_overdue", "value": "30"}, headers=key()
    )
    assert made.status_code == 201
    path = f"/v1/rules/{made.json()['id']}"
    changed = {"company": "DE01", "kind": "days_overdue", "value": "40"}
    kept = await client.put(path, json=changed, headers={**key(), "if-match": made.headers["etag"]})
    assert kept.headers["etag"] == '"2"'
    late = await client.put(path, json=changed, headers={**key(), "if-match": made.headers["etag"]})
    assert late.status_code == 412
    wrong = await client.post("/v1/rules", json={**changed, "value": "1.5"}, headers=key())
    assert "whole days" in wrong.json()["detail"]
    switched = await client.put(
        "/v1/checkpoints/DE01/invoice", json={"check_on_posting": True}, headers={**key(), "if-match": '"0"'}
    )
    assert switched.json()["check_on_posting"] is True


async def test_another_company_does_not_exist(
    hold: Any, ask: Any, api: str, configured: Settings, client: httpx.AsyncClient
) -> None:
    await hold.set_up(limit="100")
    made = await client.post("/v1/credit-checks", content=body(ask, "O-1", "600"), headers=key())
    token = issue_token(configured, "eve", ["administer"], ["US01"])
    async with httpx.AsyncClient(base_url=api, headers={"authorization": f"Bearer {token}"}) as eve:
        assert (await eve.get("/v1/holds")).json()["items"] == []
        assert (await eve.get(f"/v1/holds/{made.json()['hold']}")).status_code == 404
        assert (await eve.get(f"/v1/credit-checks/{made.json()['decision']}")).status_code == 404
        refused = await eve.post("/v1/credit-checks", content=body(ask, "O-2", "600"), headers=key())
        assert refused.status_code == 404


async def test_no_route_but_health_answers_without_a_token(api: str, configured: Settings) -> None:
    app = create_api(configured)
    async with httpx.AsyncClient(base_url=api) as anybody:
        for path, methods in app.openapi()["paths"].items():
            for method in methods:
                url = path.replace("{decision_id}", str(uuid4())).replace("{hold}", "H-000001")
                url = url.replace("{rule_id}", str(uuid4())).replace("{document}", "invoice")
                url = url.replace("{kind}", "hold").replace("{reason}", "R")
                url = url.replace("{number}", str(uuid4()))
                url = url.replace("{run}", str(uuid4())).replace("{subject}", "payment-terms")
                answer = await anybody.request(method, url.replace("{company}", "DE01"))
                open_to_all = path in {"/livez", "/readyz", "/metrics"}
                assert (answer.status_code == 200) if open_to_all else (answer.status_code == 401), path


async def test_a_malformed_request_gets_a_problem_document(hold: Any, ask: Any, client: httpx.AsyncClient) -> None:
    for content in (b"", b"{", b"[]", b'{"company": 1}', b"\xff"):
        answer = await client.post("/v1/credit-checks", content=content, headers=key())
        assert answer.status_code in {400, 422}
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert answer.json()["detail"]


@pytest.mark.timeout(TIMEOUT_SECONDS)
async def test_schemathesis_finds_nothing(hold: Any, api: str, configured: Settings) -> None:
    await hold.set_up()
    await asyncio.to_thread(explore, api, issue_token(configured, "kim", ["administer"]))


async def test_what_no_column_takes_is_refused_with_its_field(hold: Any, ask: Any, client: httpx.AsyncClient) -> None:
    await hold.set_up()
    for written in ('"a\\u0000b"', "1" + "0" * 400, "1e400"):
        text = body(ask, "O-1", "600")[:-1] + f',"posting_request":{{"x":{written}}}}}'
        answer = await client.post("/v1/credit-checks", content=text, headers=key())
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "posting_request.x")


async def test_a_position_on_a_topic_nobody_reads_here_is_refused_at_once(
    hold: Any, ask: Any, client: httpx.AsyncClient
) -> None:
    await hold.set_up()
    for place in ("holds.v1:0:1", "no-such-topic:0:1"):
        text = body(ask, "O-1", "600")[:-1] + f',"after":["{place}"]}}'
        answer = await client.post("/v1/credit-checks", content=text, headers=key())
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "after")
