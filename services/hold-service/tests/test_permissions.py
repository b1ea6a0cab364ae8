"""Every route of hold-service, with every permission, every role and a token of another company."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from holdfast.platform.settings import Settings
from holdfast.testing.permissions import Walk

CHECK = {
    "company": "DE01", "customer": "C-1", "order": "SO-1", "order_version": 1, "checkpoint": "confirmation",
    "attempt": "A-1", "currency": "EUR", "total": "9999.00",
}  # fmt: skip


async def something_of_everything(hold: Any, client: httpx.AsyncClient, key: Any) -> dict[str, str]:
    """A held order, a rule, a reason, a what-if run and an approval of DE01; answers where they are."""

    async def post(path: str, body: Any, **conditions: str) -> dict[str, Any]:
        answer = await client.post(path, json=body, headers=key() | conditions)
        assert answer.is_success, (path, answer.text)
        found: dict[str, Any] = answer.json()
        return found

    await hold.set_up()
    decision = await post("/v1/credit-checks", CHECK)
    assert decision["outcome"] == "held"
    rule = await post("/v1/rules", {"company": "DE01", "kind": "days_overdue", "value": "30"})
    run = await post("/v1/what-if", {"company": "DE01", "rules": [], "since": "2026-01-01T00:00:00Z",
                                      "until": "2026-04-01T00:00:00Z"})  # fmt: skip
    steps = [{"name": "manager", "permission": "approvals:decide"}]
    kind = "hold_release"
    made = await client.put(f"/v1/workflows/DE01/{kind}", json={"active": True, "steps": steps},
                            headers={**key(), "if-match": '"0"'})  # fmt: skip
    assert made.is_success, made.text
    tag = {"if-match": (await client.get(f"/v1/holds/{decision['hold']}")).headers["etag"]}
    await post(f"/v1/holds/{decision['hold']}/submit", {"reason": "PAID"}, **tag)
    given = {"company": "DE01", "to_user": "zoe", "from_date": "2026-01-01", "to_date": "2026-12-31"}
    delegation = await post("/v1/delegations", given)
    approvals = (await client.get("/v1/approvals")).json()["items"]
    return {
        "{company}": "DE01", "{customer}": "C-1", "{decision_id}": decision["decision"], "{hold}": decision["hold"],
        "/v1/approvals/{number}": f"/v1/approvals/{approvals[0]['id']}", "{rule_id}": rule["id"], "{run}": run["run"],
        "/v1/delegations/{number}": f"/v1/delegations/{delegation['id']}", "/v1/reasons/{company}/{kind}/{reason}":
        "/v1/reasons/DE01/release/PAID", "{document}": "invoice", "{subject}": "payment-terms",
        "/v1/workflows/{company}/{kind}": f"/v1/workflows/DE01/{kind}",
    }  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("reasons")
async def test_exactly_the_documented_permission_opens_a_route(
    hold: Any, client: httpx.AsyncClient, configured: Settings, key: Any
) -> None:
    places = await something_of_everything(hold, client, key)
    document = (await client.get("/openapi.json")).json()
    walk = Walk(client, configured)
    del client.headers["authorization"]
    await walk.all(document, places)
    assert walk.faults == []
    assert walk.calls > 1000
