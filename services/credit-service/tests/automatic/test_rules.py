"""Automatic limit rules, revenues and the preview over real HTTP (spec 1.11, 2.10)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from holdfast.web.auth import issue_token

RULE = "/v1/automatic-limit-rules/DE01/LOW/EUR"
REVENUE = "/v1/customer-revenues/DE01/C-1/2025-12-31"


def eur(amount: str, currency: str = "EUR") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def line(group: str = "DNB", operator: str = "=", value: str = "A2", limit: Any = None) -> dict[str, Any]:
    limit = limit or eur("300000")
    return {"scoring_group": group, "operator": operator, "comparison_value": value, "credit_limit": limit}


async def test_a_rule_is_made_changed_and_removed(office: Any, credit: Any) -> None:
    body = {"max_revenue": eur("2000000"), "lines": [line(), line("YEARS", ">=", "5.0", eur("5"))]}
    made = await office.put(RULE, body)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"'), made.text
    assert made.json() == {
        "risk_group": "LOW", "currency": "EUR", "max_revenue": eur("2000000.00"), "choice": "highest", "version": 1,
        "lines": [line(limit=eur("300000.00")), line("YEARS", ">=", "5", eur("5.00"))], "warnings": [],
    }  # fmt: skip
    assert (await office.client.get(RULE)).json() == made.json()
    assert (await office.put(RULE, body)).status_code == 428
    assert (await office.put(RULE, body, '"7"')).status_code == 412
    changed = await office.put(RULE, {"choice": "first", "lines": [line()]}, '"1"')
    assert (changed.status_code, changed.headers["etag"], changed.json()["max_revenue"]) == (200, '"2"', None)
    assert (await office.client.get("/v1/automatic-limit-rules/DE01")).json() == {"items": [changed.json()]}
    assert (await office.delete(RULE, '"1"')).status_code == 412
    assert (await office.delete(RULE, '"2"')).status_code == 204
    assert (await office.client.get(RULE)).status_code == 404
    trail = await credit.pool.fetch("SELECT what, subject FROM audit_trail WHERE what LIKE 'automatic%' ORDER BY id")
    assert [tuple(row) for row in trail] == [
        (f"automatic-limit-rule.{act}", "LOW/EUR") for act in ("changed", "changed", "deleted")
    ]
    assert await credit.pool.fetchval("SELECT count(*) FROM automatic_limit_line") == 0


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({"lines": []}, "lines", "at least 1"),
        ({"lines": [line("NONE")]}, "lines.0.scoring_group", "does not exist"),
        ({"lines": [line("YEARS", ">", "many")]}, "lines.0.comparison_value", "not a number"),
        ({"lines": [line(operator=">", value="C")]}, "lines.0.comparison_value", "not in the list of DNB"),
        ({"lines": [line(operator="~")]}, "lines.0.operator", "'<>'"),
        ({"lines": [line(limit=eur("1", "USD"))]}, "lines.0.credit_limit.currency", "Send it in EUR"),
        ({"lines": [line(limit=eur("-1"))]}, "lines.0.credit_limit.amount", "0 or more"),
        ({"lines": [line(limit=eur("1.005"))]}, "lines.0.credit_limit.amount", "minor units"),
        ({"lines": [line()], "max_revenue": eur("1", "USD")}, "max_revenue.currency", "the rule is for EUR"),
    ],
)  # fmt: skip
async def test_what_a_rule_may_not_be(office: Any, body: dict[str, Any], field: str, says: str) -> None:
    refused = await office.put(RULE, body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == field
    assert says in refused.text


async def test_a_rule_is_for_a_risk_group_and_a_currency_that_exist(office: Any) -> None:
    for path, field in (("NONE/EUR", "risk_group"), ("LOW/EUX", "currency")):
        refused = await office.put(f"/v1/automatic-limit-rules/DE01/{path}", {"lines": [line()]})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field), refused.text


async def test_what_a_rule_stands_on_is_not_removed(office: Any) -> None:
    await office.set(RULE, {"lines": [line()]})
    for path in ("scoring-groups/DE01/DNB", "risk-groups/DE01/LOW"):
        refused = await office.delete(f"/v1/{path}", '"1"')
        assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (409, "in-use")
    assert (await office.delete(RULE, '"1"')).status_code == 204
    for path in ("scoring-groups/DE01/DNB", "risk-groups/DE01/LOW"):
        assert (await office.delete(f"/v1/{path}", '"1"')).status_code == 204


async def test_a_value_that_has_left_the_list_is_a_warning(office: Any) -> None:
    await office.set(RULE, {"lines": [line(operator=">", value="A2")]})
    shorter = {"group_type": "user", "score_type": "list", "lines": [{"value": "A1", "score": "1"}]}
    assert (await office.put("/v1/scoring-groups/DE01/DNB", shorter, '"1"')).status_code == 200
    shown = (await office.client.get(RULE)).json()
    assert shown["warnings"] == ["Line 1: DNB has no line for A2, so that nothing is less or greater."]


async def test_the_revenue_of_a_period(office: Any, credit: Any) -> None:
    await office.customer("C-1")
    made = await office.put(REVENUE, {"revenue": eur("5000000")})
    assert (made.status_code, made.json()) == (
        201, {"period_end": "2025-12-31", "revenue": eur("5000000.00"), "version": 1},
    )  # fmt: skip
    assert (await office.client.get(REVENUE)).headers["etag"] == '"1"'
    assert (await office.put(REVENUE, {"revenue": eur("1", "USD")}, '"1"')).json()["version"] == 2
    assert (await office.put(REVENUE, {"revenue": eur("2")}, '"1"')).status_code == 412
    await office.set("/v1/customer-revenues/DE01/C-1/2024-12-31", {"revenue": eur("9")})
    listed = (await office.client.get("/v1/customer-revenues/DE01/C-1")).json()["items"]
    assert [item["period_end"] for item in listed] == ["2025-12-31", "2024-12-31"]
    assert (await office.delete(REVENUE, '"2"')).status_code == 204
    assert (await office.client.get(REVENUE)).status_code == 404
    late = await office.put("/v1/customer-revenues/DE01/C-1/2026-03-03", {"revenue": eur("2")})
    assert (late.status_code, late.json()["errors"][0]["field"]) == (422, "period_end")
    assert (await office.put("/v1/customer-revenues/DE01/NOBODY/2025-12-31", {"revenue": eur("2")})).status_code == 404
    what = await credit.pool.fetch("SELECT what FROM audit_trail WHERE what LIKE 'customer-revenue%' ORDER BY id")
    assert [row["what"].rsplit(".")[1] for row in what] == ["changed", "changed", "changed", "deleted"]


async def test_the_preview_says_why(office: Any) -> None:
    await office.rule(("DNB", "=", "A2", "300000"), ("DNB", ">", "A2", "10000"), max_revenue=eur("2000000"))
    for name, rating in (("C-1", "A2"), ("C-2", "B2"), ("C-3", "A1"), ("C-4", None)):
        await office.customer(name, rating)
    await office.profile("C-2", "5000", credit_limit_expiry_date="2026-06-30")
    await office.set("/v1/customer-revenues/DE01/C-2/2024-12-31", {"revenue": eur("3000000")})
    await office.set("/v1/customer-revenues/DE01/C-2/2025-12-31", {"revenue": eur("1000000")})
    assert await office.previewed("C-1") == {
        "customer": "C-1", "outcome": "proposed", "risk_group": "LOW", "current_limit": eur("0.00"), "current_to": None,
        "new_limit": eur("300000.00"),
        "basis": {"risk_group": "LOW", "currency": "EUR", "max_revenue": eur("2000000.00"), "revenue": None, "line": 1,
                  "scoring_group": "DNB", "operator": "=", "comparison_value": "A2", "value": "A2",
                  "credit_limit": eur("300000.00"), "rate": "1"},
    }  # fmt: skip
    second = await office.previewed("C-2")
    assert (second["new_limit"], second["current_limit"], second["current_to"], second["basis"]["revenue"]) == (
        eur("10000.00"), eur("5000.00"), "2026-06-30", eur("1000000.00"),
    )  # fmt: skip
    third, fourth = await office.previewed("C-3"), await office.previewed("C-4")
    assert (third["outcome"], third["new_limit"], fourth["outcome"]) == ("no_match", None, "unclassified")


async def test_the_preview_is_paged_and_filtered(office: Any) -> None:
    await office.rule(("DNB", "=", "A2", "300000"))
    for n in range(1, 6):
        await office.customer(f"C-{n}", "A2" if n % 2 else "B2")
    found, cursor = [], None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        answer = (await office.client.get("/v1/automatic-limits/DE01", params=params)).json()
        found += [item["customer"] for item in answer["items"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert found == ["C-1", "C-1001", "C-2", "C-3", "C-4", "C-5"]
    params = {"outcome": "no_match", "limit": 1}
    first = (await office.client.get("/v1/automatic-limits/DE01", params=params)).json()
    params["cursor"] = first["next_cursor"]
    second = (await office.client.get("/v1/automatic-limits/DE01", params=params)).json()
    assert [page["items"][0]["customer"] for page in (first, second)] == ["C-2", "C-4"]
    assert second["next_cursor"] is None
    wrong = await office.client.get("/v1/automatic-limits/DE01", params={"outcome": "odd"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "outcome")


async def test_rules_of_another_company_do_not_exist(office: Any, credit: Any, address: str) -> None:
    await office.customer("C-1")
    await office.set(RULE, {"lines": [line()]})
    token = issue_token(credit.settings, "eve", ["administer"], ["US01"])
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}) as eve:
        paths = (RULE, "/v1/automatic-limit-rules/DE01", "/v1/automatic-limits/DE01", "/v1/customer-revenues/DE01/C-1")
        for path in paths:
            assert (await eve.get(path)).status_code == 404
