"""Rules, checkpoints, rankings, parameters, previews, limit checks, decisions and what-if over real HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from hold_service.whatif.jobs import run_what_if
from holdfast.database.work import transaction
from holdfast.web.auth import issue_token

JSON = {"content-type": "application/json"}
EARLY = "2026-01-01T00:00:00Z"


async def put(client: httpx.AsyncClient, path: str, body: Any, key: Any) -> httpx.Response:
    """Replace a resource as it is now."""
    tag = (await client.get(path)).headers["etag"]
    return await client.put(path, json=body, headers={**key(), "if-match": tag})


async def test_row_69_a_blocking_rule_cannot_release(hold: Any, client: httpx.AsyncClient, key: Any) -> None:
    body = {"company": "DE01", "kind": "days_overdue", "value": "30", "release_sales_order": True}
    refused = await client.post("/v1/rules", json=body, headers=key())
    assert refused.status_code == 422
    assert "only an exclusion" in refused.json()["detail"]


async def test_row_70_a_blocking_days_rule_takes_no_amount(hold: Any, client: httpx.AsyncClient, key: Any) -> None:
    body = {"company": "DE01", "kind": "days_overdue", "value": "30", "value_type": "amount", "currency": "EUR"}
    refused = await client.post("/v1/rules", json=body, headers=key())
    assert refused.status_code == 422
    assert "amount is for exclusions only" in refused.json()["detail"]


async def test_rule_fields_are_kept_and_the_kinds_are_listed(hold: Any, client: httpx.AsyncClient, key: Any) -> None:
    body = {
        "company": "DE01", "kind": "overdue_amount", "value": "3000", "currency": "EUR", "threshold_percent": "70",
        "valid_for": "group", "account_or_group": "KEY", "risk_group": "High", "outcome": "warn",
        "checkpoints": ["invoice"],
    }  # fmt: skip
    made = await client.post("/v1/rules", json=body, headers=key())
    kept = (await client.get(f"/v1/rules/{made.json()['id']}")).json()
    assert {name: kept[name] for name in body} == body
    told = (await client.get("/v1/rules/kinds")).json()
    kinds = {kind["kind"]: kind for kind in told["items"]}
    assert told["levels"]["table"] == "one customer, by number"
    assert {level for kind in kinds.values() for level in kind["levels"]} <= set(told["levels"])
    assert kinds["payment_term_increase"]["switched_by"] == "check_when_payment_terms_increase"
    schema = (await client.get("/openapi.json")).json()["components"]["schemas"]["RuleBody"]
    listed = {name for name, kind in kinds.items() if kind["switched_by"] is None}
    assert set(schema["properties"]["kind"]["enum"]) == listed


async def test_row_77_grace_on_some_documents_only(hold: Any, client: httpx.AsyncClient, key: Any) -> None:
    both = {"check_on_posting": True, "grace_days": 0}
    assert (await put(client, "/v1/checkpoints/DE01/invoice", both, key)).status_code == 200
    refused = await put(client, "/v1/checkpoints/DE01/confirmation", {**both, "grace_days": 3}, key)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "grace_days"


async def test_row_78_grace_without_a_check(hold: Any, client: httpx.AsyncClient, key: Any) -> None:
    refused = await put(client, "/v1/checkpoints/DE01/invoice", {"check_on_posting": False, "grace_days": 3}, key)
    assert refused.status_code == 422


@pytest.mark.parametrize(("path", "body"), [
    ("checkpoints/DE01/invoice", {"check_on_posting": True}),
    ("parameters/DE01", {"auto_release": False}),
    ("rankings/DE01/payment-terms", {"ranks": {"N30": 1}}),
])  # fmt: skip
async def test_of_two_who_set_up_at_once_one_is_told_so(
    hold: Any, client: httpx.AsyncClient, key: Any, path: str, body: dict[str, Any]
) -> None:
    sent = [client.put(f"/v1/{path}", json=body, headers={**key(), "if-match": '"0"'}) for _ in range(5)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*sent)) == [200, 412, 412, 412, 412]


async def test_grace_is_never_mixed_by_two_at_once(hold: Any, client: httpx.AsyncClient, key: Any) -> None:
    days = {"confirmation": 0, "picking_list": 2, "packing_slip": 0, "invoice": 2}
    await asyncio.gather(*(
        put(client, f"/v1/checkpoints/DE01/{document}", {"check_on_posting": True, "grace_days": grace}, key)
        for document, grace in days.items()
    ))  # fmt: skip
    rows = await hold.pool.fetch("SELECT grace_days > 0 AS graceful FROM checkpoint")
    assert (len(rows), len({row["graceful"] for row in rows})) == (2, 1)


async def test_parameters_name_release_reasons_of_the_company(hold: Any, client: httpx.AsyncClient, key: Any) -> None:
    refused = await put(client, "/v1/parameters/DE01", {"cancel_reason": "CANCEL"}, key)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "cancel_reason")
    await hold.pool.execute("INSERT INTO reason VALUES ('DE01', 'release', 'CANCEL', '', 1)")
    assert (await put(client, "/v1/parameters/DE01", {"cancel_reason": "CANCEL"}, key)).status_code == 200


@pytest.mark.parametrize("field", ["cancel_reason", "modified_order_release_reason", "auto_release_reason"])
async def test_a_reason_that_parameters_name_stays_until_they_name_it_no_more(
    hold: Any, client: httpx.AsyncClient, key: Any, field: str
) -> None:
    await hold.pool.execute("INSERT INTO reason VALUES ('DE01', 'release', 'R', '', 1), ('DE01', 'hold', 'R', '', 1)")
    await put(client, "/v1/parameters/DE01", {field: "R"}, key)

    async def remove(kind: str) -> httpx.Response:
        return await client.delete(f"/v1/reasons/DE01/{kind}/R", headers={**key(), "if-match": '"1"'})

    refused = await remove("release")
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (409, "in-use")
    assert field in refused.json()["detail"]
    assert (await remove("hold")).status_code == 204
    assert (await put(client, "/v1/parameters/DE01", {field: "R", "auto_release": False}, key)).status_code == 200
    assert (await put(client, "/v1/parameters/DE01", {}, key)).status_code == 200
    assert (await remove("release")).status_code == 204


async def test_parameters_and_rankings_are_versioned_and_audited(
    hold: Any, client: httpx.AsyncClient, key: Any
) -> None:
    changed = await put(client, "/v1/parameters/DE01", {"auto_release": False}, key)
    assert (changed.json()["auto_release"], changed.json()["version"]) == (False, 1)
    stale = await client.put("/v1/parameters/DE01", json={}, headers={**key(), "if-match": '"0"'})
    assert stale.status_code == 412
    ranked = await put(client, "/v1/rankings/DE01/payment-terms", {"ranks": {"N30": 1, "N60": 2}}, key)
    assert ranked.json()["ranks"] == {"N30": 1, "N60": 2}
    assert (await client.get("/v1/rankings/DE01/payment-terms")).headers["etag"] == '"1"'
    told = await hold.pool.fetch("SELECT what FROM audit_trail ORDER BY what")
    assert [row["what"] for row in told] == ["parameters.changed", "ranking.changed"]


async def test_a_preview_answers_and_leaves_no_trace(hold: Any, ask: Any, client: httpx.AsyncClient) -> None:
    await hold.set_up(limit="100")
    body = ask.request("NEW", "600").model_dump_json(exclude_none=True)
    answer = await client.post("/v1/credit-checks/preview", content=body, headers=JSON)
    assert (answer.json()["outcome"], answer.json()["reasons"]) == ("held", ["credit_exceeded"])
    assert answer.json()["to_pass"][0].startswith("Lower the order by 500.00 EUR")
    for table in ("decision", "hold", "reservation", "outbox"):
        assert await hold.pool.fetchval(f"SELECT count(*) FROM {table}") == 0


@pytest.mark.parametrize(
    ("kind", "message", "amount", "wanted"),
    [
        ("free_text_invoice", "warning", "150.00", (True, "150.00", "warning")),
        ("free_text_invoice", "error", "150.00", (False, "0.00", "error")),
        ("free_text_invoice", "error", "100.00", (True, "100.00", "none")),
        ("on_account", "warning", "150.00", (False, "100.00", "warning")),
        ("on_account", "warning", "60.00", (True, "60.00", "none")),
    ],
)
async def test_limit_checks_without_a_hold(
    hold: Any, ask: Any, client: httpx.AsyncClient, kind: str, message: str, amount: str, wanted: Any
) -> None:
    await hold.set_up(limit="1000")
    await hold.facts(ask.invoice("I-1", "900"))
    await hold.credit_parameters(check_limit_on_free_text_invoice=True, message_when_exceeding=message)
    body = {"company": "DE01", "customer": "C-1", "kind": kind, "amount": {"amount": amount, "currency": "EUR"}}
    answer = (await client.post("/v1/limit-checks", json=body)).json()
    assert (answer["accepted"], answer["accepted_amount"]["amount"], answer["message"]) == wanted
    assert await hold.pool.fetchval("SELECT count(*) FROM decision") == 0


async def test_limit_checks_convert_and_leave_excluded_customers_alone(
    hold: Any, ask: Any, client: httpx.AsyncClient
) -> None:
    await hold.set_up(limit="100")
    await hold.facts(ask.event("erp.exchange-rate.published.v1", rate="0.5"))
    amount = {"amount": "300.00", "currency": "USD"}
    body = {"company": "DE01", "customer": "C-1", "kind": "on_account", "amount": amount}
    answer = (await client.post("/v1/limit-checks", json=body)).json()
    assert answer["accepted_amount"] == {"amount": "200.00", "currency": "USD"}
    await hold.facts(ask.profile("0", 2, exclude_from_credit_management=True))
    answer = (await client.post("/v1/limit-checks", json=body)).json()
    assert (answer["accepted"], answer["not_tested_because"]) == (
        True, "the customer is excluded from credit management"
    )  # fmt: skip


async def test_a_decision_is_told_in_sentences(hold: Any, ask: Any, client: httpx.AsyncClient) -> None:
    await hold.set_up(limit="100", rules={"credit_limit_used": "100", "days_overdue": "30"})
    held, passed = await hold.check(ask.request("O-1", "600"), ask.request("O-2", "60", created_at=EARLY))
    told = (await client.get(f"/v1/decisions/{held['decision']}")).json()
    assert told["sentences"][0] == ("Order O-1 of customer C-1 must wait at the checkpoint confirmation on 2026-03-02.")
    assert any(sentence.startswith("To pass: Lower the order by 500.00 EUR") for sentence in told["sentences"])
    assert {line["kind"]: line["true"] for line in told["rules"]} == {
        "credit_limit_used": True, "days_overdue": False
    }  # fmt: skip
    await hold.pool.execute("DELETE FROM rule")
    told = (await client.get(f"/v1/decisions/{passed['decision']}")).json()
    assert "No rule holds the order." in told["sentences"]
    assert any("60.00 % of the limit" in sentence for sentence in told["sentences"])


async def test_what_if_reports_what_would_have_been_held_or_freed(
    hold: Any, ask: Any, client: httpx.AsyncClient, key: Any
) -> None:
    await hold.set_up(limit="1000")
    await hold.check(ask.request("O-1", "600"), ask.request("O-2", "600"))
    await hold.check(ask.request("O-3", "10", created_at=EARLY))
    await hold.check(ask.request("O-4", "1", exclude_from_credit_management=True))
    before = await hold.published()
    rules = [{"company": "DE01", "kind": "sales_order", "value": "500", "currency": "EUR",
              "valid_for": "table", "account_or_group": "C-1", "checkpoints": ["confirmation"]}]  # fmt: skip
    body = {"company": "DE01", "since": "2026-03-01T00:00:00Z", "until": "2026-04-01T00:00:00Z", "rules": rules}
    run = (await client.post("/v1/what-if", json=body, headers=key())).json()
    assert (run["state"], run["decisions"], run["progress_percent"]) == ("waiting", 4, 0)
    await work_off(hold)
    done = (await client.get(f"/v1/what-if/{run['run']}")).json()
    assert (done["state"], done["progress_percent"], done["tried"]) == ("done", 100, 3)
    assert (done["would_be_held"], done["would_be_freed"]) == (1, 0)
    items = (await client.get(f"/v1/what-if/{run['run']}/results")).json()["items"]
    assert [(item["order"], item["became"], item["reasons"]) for item in items] == [
        ("O-1", "held", ["sales_order"])
    ]  # fmt: skip
    free = (await client.post("/v1/what-if", json=body | {"rules": []}, headers=key())).json()
    await work_off(hold)
    assert (await client.get(f"/v1/what-if/{free['run']}")).json()["would_be_freed"] == 1
    assert await hold.published() == before


async def test_what_if_leaves_out_what_no_rule_decides(
    hold: Any, ask: Any, client: httpx.AsyncClient, key: Any
) -> None:
    await hold.set_up(limit="1000")
    await hold.parameters(auto_release=False)
    await hold.facts(ask.order("O-1", "100"))
    await hold.pool.execute("INSERT INTO reason VALUES ('DE01', 'hold', 'FRAUD', '', 1)")
    forced = {"company": "DE01", "orders": ["O-1"], "reason": "FRAUD"}
    await client.post("/v1/forced-holds", json=forced, headers=key())
    await hold.check(ask.request("O-1", "100"), ask.request("O-2", "1500"))
    await hold.facts(ask.profile("5000", 2))
    await hold.recheck()
    (ready,) = await hold.check(ask.request("O-2", "1500", "again"))
    assert (ready["outcome"], ready.get("to_pass")) == ("held", [])
    body = {"company": "DE01", "since": "2026-03-01T00:00:00Z", "until": "2026-04-01T00:00:00Z", "rules": []}
    run = (await client.post("/v1/what-if", json=body, headers=key())).json()
    await work_off(hold)
    items = (await client.get(f"/v1/what-if/{run['run']}/results")).json()["items"]
    assert [(item["order"], item["became"]) for item in items] == [("O-2", "freed")]


async def work_off(hold: Any) -> None:
    """Run the job until nothing is left."""
    more: bool | None = True
    while more:
        async with transaction(hold.pool) as work:
            more = await run_what_if(work)


async def test_other_companies_set_up_does_not_exist(hold: Any, ask: Any, api: str, configured: Any, key: Any) -> None:
    await hold.set_up(limit="100")
    (held,) = await hold.check(ask.request("O-1", "600"))
    token = issue_token(configured, "eve", ["administer"], ["US01"])
    body = ask.request("NEW", "600").model_dump_json(exclude_none=True)
    limit = {"company": "DE01", "customer": "C-1", "kind": "on_account", "amount": {"amount": "1", "currency": "EUR"}}
    trial = {"company": "DE01", "since": "2026-03-01T00:00:00Z", "until": "2026-04-01T00:00:00Z", "rules": []}
    async with httpx.AsyncClient(base_url=api, headers={"authorization": f"Bearer {token}"}) as eve:
        for path in ("parameters/DE01", "rankings/DE01/cash-discounts", f"decisions/{held['decision']}"):
            assert (await eve.get(f"/v1/{path}")).status_code == 404, path
        sent = {"headers": key()}
        assert (await eve.post("/v1/credit-checks/preview", content=body, headers=JSON)).status_code == 404
        assert (await eve.post("/v1/limit-checks", json=limit)).status_code == 404
        assert (await eve.post("/v1/what-if", json=trial, **sent)).status_code == 404
