"""Scoring groups, risk groups and typed values over real HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from holdfast.contracts.credit import RiskChanged
from holdfast.web.auth import issue_token

CREATE = {"if-none-match": "*"}
RISK = "/v1/customer-risks/DE01/C-1001"


def key(**headers: str) -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), **headers}


async def put(client: httpx.AsyncClient, path: str, body: Any, tag: str | None = None) -> httpx.Response:
    condition = {"if-match": tag} if tag else CREATE
    return await client.put(path, json=body, headers=key(**condition))


def ranges(*lines: tuple[str, str, str], kind: str = "user") -> dict[str, Any]:
    shown = [{"from_value": low, "to_value": high, "score": points} for low, high, points in lines]
    return {"group_type": kind, "score_type": "range", "lines": shown}


def listed(kind: str, **points: str) -> dict[str, Any]:
    lines = [{"value": value, "score": score} for value, score in points.items()]
    return {"group_type": kind, "score_type": "list", "lines": lines}


async def classes(client: httpx.AsyncClient, company: str = "DE01") -> None:
    for name, low, high in (("LOW", "0", "35"), ("MEDIUM", "36", "60"), ("HIGH", "61", "100")):
        body = {"score_from": low, "score_to": high, "indicator": "red" if name == "HIGH" else "none"}
        assert (await put(client, f"/v1/risk-groups/{company}/{name}", body)).status_code == 201


async def two_groups(client: httpx.AsyncClient) -> None:
    await classes(client)
    assert (
        await put(client, "/v1/scoring-groups/DE01/ACCOUNT", listed("user", good="30", bad="10"))
    ).status_code == 201
    growth = ranges(("0", "9", "0"), ("10", "99", "50"))
    assert (await put(client, "/v1/scoring-groups/DE01/GROWTH", growth)).status_code == 201


async def risk(client: httpx.AsyncClient) -> tuple[str, str | None]:
    found = (await client.get(RISK)).json()
    return found["risk_score"], found["risk_group"]


async def test_row_135_typed_values_make_score_and_class_and_are_published(
    credit: Any, client: httpx.AsyncClient
) -> None:
    await two_groups(client)
    await put(client, f"{RISK}/values/ACCOUNT", {"value": "good"})
    await put(client, f"{RISK}/values/GROWTH", {"value": "12"})
    assert await risk(client) == ("80", "HIGH")
    events = [e for e in await credit.published() if "risk_score" in e]
    assert [(e["risk_score"], e.get("risk_group"), e["sequence"], e["version"]) for e in events] == [
        ("30", "LOW", 1, 1), ("80", "HIGH", 2, 2),
    ]  # fmt: skip
    assert RiskChanged.event_type == await credit.pool.fetchval("SELECT DISTINCT type FROM outbox")


async def test_row_136_without_a_value_for_growth_it_is_low(client: httpx.AsyncClient) -> None:
    await two_groups(client)
    await put(client, f"{RISK}/values/ACCOUNT", {"value": "good"})
    assert await risk(client) == ("30", "LOW")


async def test_row_137_more_than_any_class_is_unclassified(client: httpx.AsyncClient) -> None:
    await classes(client)
    await put(client, "/v1/scoring-groups/DE01/ACCOUNT", listed("user", worst="120"))
    await put(client, f"{RISK}/values/ACCOUNT", {"value": "worst"})
    assert await risk(client) == ("120", None)
    shown = (await client.get("/v1/customer-risks/DE01", params={"unclassified": True})).json()["items"]
    assert [item["customer"] for item in shown] == ["C-1001"]
    assert (await client.get("/v1/customer-risks/DE01", params={"risk_group": "HIGH"})).json()["items"] == []


async def test_a_typed_value_is_changed_removed_and_audited(credit: Any, client: httpx.AsyncClient) -> None:
    await two_groups(client)
    path = f"{RISK}/values/GROWTH"
    made = await put(client, path, {"value": "12.50"})
    assert (made.status_code, made.json()["value"], made.headers["etag"]) == (201, "12.5", '"1"')
    assert (await put(client, path, {"value": "3"}, '"1"')).json()["score"] == "0"
    assert (await put(client, path, {"value": "4"}, '"1"')).status_code == 412
    wrong = await put(client, path, {"value": "much"}, '"2"')
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "value")
    assert (await client.delete(path, headers=key(**{"if-match": '"2"'}))).status_code == 204
    assert (await client.get(RISK)).json()["values"] == []
    trail = await credit.pool.fetch("SELECT what FROM audit_trail WHERE what LIKE 'risk-value%' ORDER BY id")
    assert [row["what"] for row in trail] == ["risk-value.changed", "risk-value.changed", "risk-value.deleted"]


async def test_computed_values_are_not_typed(client: httpx.AsyncClient) -> None:
    await put(client, "/v1/scoring-groups/DE01/PAYS", ranges(("0", "30", "5"), kind="average_payment_days"))
    answer = await put(client, f"{RISK}/values/PAYS", {"value": "3"})
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (422, "computed-value")
    assert (await put(client, f"{RISK}/values/NONE", {"value": "3"})).status_code == 404
    assert (await put(client, "/v1/customer-risks/DE01/NOBODY/values/PAYS", {"value": "3"})).status_code == 404


async def test_gaps_are_a_warning_and_overlaps_an_error(client: httpx.AsyncClient) -> None:
    path = "/v1/scoring-groups/DE01/G"
    made = await put(client, path, ranges(("0", "35", "1"), ("40", "60", "2")))
    assert made.json()["warnings"] == ["No line covers 36 to 39: such a value scores 0."]
    refused = await put(client, path, ranges(("0", "35", "1"), ("35", "60", "2")), '"1"')
    assert "0 to 35 and 35 to 60 overlap" in refused.json()["detail"]
    closed = await put(client, path, ranges(("0", "35", "1"), ("36", "60", "2")), '"1"')
    assert (closed.json()["warnings"], closed.headers["etag"]) == ([], '"2"')


async def test_wrong_scoring_groups_are_refused_with_the_field(client: httpx.AsyncClient) -> None:
    wrong = {
        "score_type": ranges(("0", "1", "1"), kind="country"),
        "lines": {**listed("user"), "lines": [{"value": "A", "score": "1"}, {"value": "A", "score": "2"}]},
        "lines.0": {**listed("user"), "lines": [{"from_value": "1", "to_value": "2", "score": "1"}]},
        "lines.0.to_value": ranges(("5", "1", "1")),
        "lines.0.value": {**listed("dso"), "lines": [{"value": "ten", "score": "1"}]},
    }
    for field, body in wrong.items():
        answer = await put(client, "/v1/scoring-groups/DE01/G", body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_a_scoring_group_keeps_its_type(client: httpx.AsyncClient) -> None:
    await two_groups(client)
    changed = await put(client, "/v1/scoring-groups/DE01/ACCOUNT", listed("country", DE="1"), '"1"')
    assert changed.json()["errors"][0]["field"] == "group_type"


async def test_risk_groups_do_not_overlap(client: httpx.AsyncClient) -> None:
    await classes(client)
    body = {"score_from": "60", "score_to": "60.5"}
    assert "overlap" in (await put(client, "/v1/risk-groups/DE01/MORE", body)).json()["detail"]
    again = await put(client, "/v1/risk-groups/DE01/HIGH", {"score_from": "61", "score_to": "200"}, '"1"')
    assert (again.status_code, again.headers["etag"]) == (200, '"2"')
    assert (await client.get("/v1/risk-groups/DE01/HIGH")).json()["score_to"] == "200"
    assert (await client.delete("/v1/risk-groups/DE01/HIGH", headers=key(**{"if-match": '"2"'}))).status_code == 204
    assert [g["id"] for g in (await client.get("/v1/risk-groups/DE01")).json()["items"]] == ["LOW", "MEDIUM"]


async def test_a_removed_scoring_group_scores_no_more(client: httpx.AsyncClient) -> None:
    await two_groups(client)
    await put(client, f"{RISK}/values/GROWTH", {"value": "12"})
    await put(client, f"{RISK}/values/ACCOUNT", {"value": "good"})
    gone = await client.delete("/v1/scoring-groups/DE01/GROWTH", headers=key(**{"if-match": '"1"'}))
    assert gone.status_code == 204
    await put(client, f"{RISK}/values/ACCOUNT", {"value": "bad"}, '"1"')
    assert await risk(client) == ("10", "LOW")
    assert [v["scoring_group"] for v in (await client.get(RISK)).json()["values"]] == ["ACCOUNT"]


async def test_the_risk_of_another_company_does_not_exist(credit: Any, address: str, client: httpx.AsyncClient) -> None:
    await two_groups(client)
    token = issue_token(credit.settings, "eve", ["administer"], ["US01"])
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as eve:
        for path in ("risk-groups/DE01", "risk-groups/DE01/LOW", "scoring-groups/DE01/GROWTH", "customer-risks/DE01"):
            assert (await eve.get(f"/v1/{path}")).status_code == 404
        assert (await put(eve, f"{RISK}/values/GROWTH", {"value": "1"})).status_code == 404


async def test_the_history_of_a_score_tells_every_change_the_newest_first(client: httpx.AsyncClient) -> None:
    await two_groups(client)
    await put(client, f"{RISK}/values/ACCOUNT", {"value": "good"})
    await put(client, f"{RISK}/values/GROWTH", {"value": "12"})
    await put(client, f"{RISK}/values/GROWTH", {"value": "13"}, '"1"')
    first = (await client.get(f"{RISK}/history", params={"limit": 1})).json()
    (newest,) = first["items"]
    assert (newest["risk_score"], newest["former_risk_score"], newest["former_risk_group"]) == ("80", "30", "LOW")
    assert (newest["who"], newest["as_of"], newest["version"]) == ("kim", "2026-03-02", 2)
    rest = (await client.get(f"{RISK}/history", params={"cursor": first["next_cursor"]})).json()
    assert [(row["risk_score"], row["former_risk_score"], row["version"]) for row in rest["items"]] == [("30", None, 1)]
    assert (rest["next_cursor"], (await client.get(RISK)).json()["version"]) == (None, 2)
    assert (await client.get("/v1/customer-risks/DE01/NOBODY/history")).status_code == 404
