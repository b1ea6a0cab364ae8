"""Every route of credit-service, with every permission, every role and a token of another company."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from holdfast.testing.permissions import Walk


def key(**headers: str) -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), **headers}


async def something_of_everything(client: httpx.AsyncClient) -> dict[str, str]:
    """Makes one of each in DE01; answers where they are."""

    async def put(path: str, body: Any, condition: str) -> dict[str, Any]:
        headers = {"if-none-match": "*"} if condition == "*" else {"if-match": condition}
        answer = await client.put(path, json=body, headers=key(**headers))
        assert answer.status_code in (200, 201, 202), (path, answer.text)
        found: dict[str, Any] = answer.json()
        return found

    async def post(path: str, body: Any) -> dict[str, Any]:
        answer = await client.post(path, json=body, headers=key())
        assert answer.status_code in (200, 201), (path, answer.text)
        found: dict[str, Any] = answer.json()
        return found

    limit = {"credit_limit": {"amount": "10", "currency": "EUR"}}
    await put("/v1/credit-profiles/DE01/C-1001", limit, "*")
    group = {"owner_company": "DE01", "expiry_date": "2026-12-31", **limit}
    await put("/v1/credit-groups/G-1", group, "*")
    policy = await post("/v1/policies", {
        "company": "DE01", "customer": "C-1001", "kind": "guarantee", "type": "GENERAL", "insurer_guarantor": "Bank",
        "effective_from": "2026-01-01", "expires_on": "2026-12-31", "value": {"amount": "5", "currency": "EUR"},
    })  # fmt: skip
    await put("/v1/master-data/policy-types/DE01/T", {}, "*")
    lines = [{"value": "a", "score": "1"}]
    await put("/v1/scoring-groups/DE01/S", {"group_type": "user", "score_type": "list", "lines": lines}, "*")
    await put("/v1/risk-groups/DE01/LOW", {"score_from": "0", "score_to": "35", "indicator": "none"}, "*")
    rule = {"scoring_group": "S", "operator": "=", "comparison_value": "a", **limit}
    await put("/v1/automatic-limit-rules/DE01/LOW/EUR", {"lines": [rule]}, "*")
    await put("/v1/adjustment-schedules/DE01/T", {
        "source": "existing_customers", "adjustment_value": "1", "value_type": "fixed", "date_method": "absolute",
        "valid_days": 30, "first_on": "2026-12-31",
    }, "*")  # fmt: skip
    await put("/v1/customer-revenues/DE01/C-1001/2025-12-31", {"revenue": limit["credit_limit"]}, "*")
    run = await post("/v1/tasks/due-dates/runs", {"company": "DE01"})
    steps = [{"name": "manager", "permission": "approvals:decide"}]
    await put("/v1/workflows/DE01/credit-profile-change", {"active": True, "steps": steps}, '"0"')
    raised = {"credit_limit": {"amount": "99", "currency": "EUR"}}
    asked = await put("/v1/credit-profiles/DE01/C-1001", raised, '"2"')
    given = {"company": "DE01", "to_user": "zoe", "from_date": "2026-01-01", "to_date": "2026-12-31"}
    delegation = await post("/v1/delegations", given)
    journal = await post("/v1/adjustments", {"company": "DE01", "type": "credit_limit"})
    line = {"customer": "C-1001", "new_limit": {"amount": "5", "currency": "EUR"}, "new_to_date": "2026-12-31"}
    await post(f"/v1/adjustments/{journal['number']}/lines", line)
    return {
        "/v1/adjustments/{number}": f"/v1/adjustments/{journal['number']}", "{line}": "1",
        "{company}": "DE01", "{customer}": "C-1001", "/v1/policies/{number}": f"/v1/policies/{policy['id']}",
        "/v1/credit-groups/{name}": "/v1/credit-groups/G-1", "/v1/tasks/{name}": "/v1/tasks/due-dates",
        "{run_id}": run["id"], "/v1/master-data/{name}": "/v1/master-data/policy-types", "{code}": "T",
        "{kind}": "credit-profile-change", "/v1/approvals/{number}": f"/v1/approvals/{asked['approval']['id']}",
        "/v1/delegations/{number}": f"/v1/delegations/{delegation['id']}",
        "/v1/scoring-groups/{company}/{group}": "/v1/scoring-groups/DE01/S", "{group}": "S",
        "/v1/risk-groups/{company}/{group}": "/v1/risk-groups/DE01/LOW",
        "{risk_group}/{currency}": "LOW/EUR", "{period_end}": "2025-12-31",
    }  # fmt: skip


@pytest.mark.timeout(300)
async def test_exactly_the_documented_permission_opens_a_route(credit: Any, client: httpx.AsyncClient) -> None:
    places = await something_of_everything(client)
    document = (await client.get("/openapi.json")).json()
    walk = Walk(client, credit.settings)
    del client.headers["authorization"]
    await walk.all(document, places)
    assert walk.faults == []
    assert walk.calls > 1000
