"""Journals of automatic limits, by API and as a task (spec 2.10, section 4; rows 138 to 141)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from credit_service.periodic import TASKS
from credit_service.tasks.running import background
from holdfast.database.jobs import register, run_next
from holdfast.database.work import set_business_clock, transaction

GENERATE = "/v1/adjustments/generate"
RUNS = "/v1/tasks/automatic-limits/runs"
RATED = (("DNB", "=", "A1", "400000"), ("DNB", "=", "A2", "300000"), ("DNB", ">", "A2", "10000"))


def eur(amount: str, currency: str = "EUR") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


async def generated(office: Any, **fields: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A journal of automatic limits, and its lines."""
    body = {"company": "DE01", "source": "automatic_limits", "new_to": "2026-12-31", **fields}
    made = await office.post(GENERATE, body)
    assert made.status_code == 201, made.text
    return made.json(), await lines_of(office, made.json()["number"])


async def lines_of(office: Any, number: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await office.client.get(f"/v1/adjustments/{number}/lines")).json()["items"]
    return items


async def run(office: Any, **fields: Any) -> dict[str, Any]:
    made = await office.post(RUNS, {"company": "DE01", **fields})
    assert (made.status_code, made.json()["state"]) == (201, "done"), made.text
    found: dict[str, Any] = made.json()
    return found


async def on(credit: Any, day: str) -> None:
    async with credit.pool.acquire() as connection:
        await set_business_clock(connection, datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC))


def left_out(journal: dict[str, Any]) -> dict[str, list[str]]:
    return {group["because"]: group["named"] for group in journal["left_out"]}


async def test_row_138_a_draft_line_for_the_rating(office: Any) -> None:
    await office.rule(*RATED)
    await office.customer("C-1", "A2")
    await office.profile("C-1", "5000", credit_limit_expiry_date="2026-06-30")
    journal, lines = await generated(office)
    assert (journal["source"], journal["approval_status"], journal["posted"]) == ("automatic_limits", "draft", False)
    assert [line["line"] for line in lines] == [1]
    assert lines[0] | {"basis": None} == {
        "new_limit_customer_currency": None, "line": 1, "customer": "C-1", "credit_group": None,
        "current_limit": eur("5000.00"),
        "current_from": "2026-03-02", "current_to": "2026-06-30", "new_limit": eur("300000.00"), "new_from_date": None,
        "new_to_date": "2026-12-31", "replaces_temporary_id": None, "approval_status": "draft", "posted": False,
        "basis": None,
    }  # fmt: skip
    assert lines[0]["basis"] == {
        "risk_group": "LOW", "currency": "EUR", "max_revenue": None, "revenue": None, "line": 2, "scoring_group": "DNB",
        "operator": "=", "comparison_value": "A2", "value": "A2", "credit_limit": eur("300000.00"), "rate": "1",
    }  # fmt: skip
    assert (await office.post(f"/v1/adjustments/{journal['number']}/post", {})).status_code == 200
    profile = (await office.client.get("/v1/credit-profiles/DE01/C-1")).json()
    assert (profile["credit_limit"], profile["credit_limit_expiry_date"]) == (eur("300000.00"), "2026-12-31")


async def test_row_139_the_highest_of_the_lines_that_match(office: Any, credit: Any) -> None:
    await office.rule(("YEARS", ">=", "5", "100000"), ("YEARS", ">=", "10", "200000"))
    await office.customer("C-1", customer_since="2014-01-15")
    await office.customer("C-2", customer_since="2020-01-15")
    await office.customer("C-3", customer_since="2025-01-15")
    await office.post("/v1/tasks/risk-scores/runs", {"company": "DE01"})
    journal, lines = await generated(office, customers=["C-1", "C-2", "C-3"])
    assert [(line["customer"], line["new_limit"]["amount"]) for line in lines] == [
        ("C-1", "200000.00"), ("C-2", "100000.00"),
    ]  # fmt: skip
    assert (journal["lines"], left_out(journal)) == (2, {"no_match": ["C-3"]})


async def test_row_140_more_revenue_than_the_rule_allows(office: Any) -> None:
    await office.rule(*RATED, max_revenue=eur("2000000"))
    for name in ("C-1", "C-2"):
        await office.customer(name, "A2")
        await office.set(f"/v1/customer-revenues/DE01/{name}/2024-12-31", {"revenue": eur("5000000")})
    await office.set("/v1/customer-revenues/DE01/C-2/2025-12-31", {"revenue": eur("2000000")})
    journal, lines = await generated(office, risk_group="LOW")
    assert [line["customer"] for line in lines] == ["C-2"]
    assert left_out(journal) == {"revenue_above_maximum": ["C-1"]}


async def test_row_141_no_rule_for_the_currency_of_the_customer(office: Any) -> None:
    rule = {"scoring_group": "DNB", "operator": "=", "comparison_value": "A2", "credit_limit": eur("5", "USD")}
    await office.set("/v1/automatic-limit-rules/DE01/LOW/USD", {"lines": [rule]})
    await office.customer("C-1", "A2")
    journal, lines = await generated(office, risk_group="LOW")
    assert (lines, left_out(journal)) == ([], {"no_rule": ["C-1"]})


async def test_limits_are_converted_and_a_missing_rate_is_not_a_guess(office: Any, credit: Any, made: Any) -> None:
    for currency in ("USD", "CHF"):
        rule = {"scoring_group": "DNB", "operator": "=", "comparison_value": "A2",
                "credit_limit": eur("100000", currency)}  # fmt: skip
        body = {"lines": [rule], "max_revenue": eur("1000", currency)}
        await office.set(f"/v1/automatic-limit-rules/DE01/LOW/{currency}", body)
    await office.customer("C-1", "A2", currency="USD")
    await office.customer("C-2", "A2", currency="CHF")
    await office.customer("C-3", "A2", currency="USD")
    await office.customer("C-4", "A2", currency="USD")
    await credit.facts(made("erp.exchange-rate.published.v1", from_currency="EUR", to_currency="USD", rate="1.3",
                            valid_from="2026-01-01", rate_type="default"))  # fmt: skip
    await office.set("/v1/customer-revenues/DE01/C-3/2025-12-31", {"revenue": eur("769.24")})
    await office.set("/v1/customer-revenues/DE01/C-4/2025-12-31", {"revenue": eur("769.23")})
    journal, lines = await generated(office, risk_group="LOW")
    assert [(line["customer"], line["new_limit"]) for line in lines] == [
        ("C-1", eur("76923.08")), ("C-4", eur("76923.08")),
    ]  # fmt: skip
    assert left_out(journal) == {"rate_missing": ["C-2"], "revenue_above_maximum": ["C-3"]}
    done = await run(office)
    assert (done["processed"], done["changed"], done["incomplete"]) == (5, 0, 1)


async def test_who_is_left_out_and_who_is_in_the_journal_already(office: Any) -> None:
    await office.rule(*RATED)
    for n in range(1, 4):
        await office.customer(f"C-{n}", "A1")
    await office.profile("C-1", "0", unlimited_credit=True)
    await office.profile("C-2", "0", exclude_from_credit_management=True)
    await office.profile("GHOST", "5")
    journal, lines = await generated(office)
    assert [line["customer"] for line in lines] == ["C-3"]
    assert left_out(journal) == {
        "excluded": ["C-2"], "unlimited": ["C-1"], "no_master_data": ["GHOST"], "unclassified": ["C-1001"],
    }  # fmt: skip
    again = await office.post(f"/v1/adjustments/{journal['number']}/generate",
                              {"source": "automatic_limits", "new_to": "2026-12-31", "customers": ["C-3"]})  # fmt: skip
    assert (again.status_code, again.json()["lines"], left_out(again.json())) == (200, 0, {"in_journal": ["C-3"]})


async def test_a_temporary_journal_replaces_the_limit_that_it_meets(office: Any) -> None:
    await office.rule(*RATED)
    for name in ("C-1", "C-2", "C-3"):
        await office.customer(name, "A1")
    temporary = {"type": "temporary_credit_limit", "company": "DE01", "description": ""}
    periods = (("C-1", "2026-03-01", "2026-03-31"), ("C-2", "2026-03-01", "2026-03-31"),
               ("C-2", "2026-05-01", "2026-05-31"), ("C-3", "2026-08-01", "2026-08-31"))  # fmt: skip
    lines = [{"customer": name, "new_limit": eur("7"), "new_from_date": first, "new_to_date": last}
             for name, first, last in periods]  # fmt: skip
    posted = (await office.post("/v1/adjustments", temporary | {"lines": lines})).json()
    assert (await office.post(f"/v1/adjustments/{posted['number']}/post", {})).status_code == 200
    body = {"type": "temporary_credit_limit", "new_to": "2026-06-30", "risk_group": "LOW"}
    missing = await office.post(GENERATE, {"company": "DE01", "source": "automatic_limits", **body})
    assert (missing.status_code, "new_from" in missing.text) == (422, True)
    journal, lines = await generated(office, new_from="2026-03-15", **body)
    assert left_out(journal) == {"several_temporary_limits": ["C-2"]}
    assert [(line["customer"], line["current_limit"]["amount"], line["current_to"]) for line in lines] == [
        ("C-1", "7.00", "2026-03-31"), ("C-3", "0.00", None),
    ]  # fmt: skip
    assert [bool(line["replaces_temporary_id"]) for line in lines] == [True, False]
    assert {line["new_from_date"] for line in lines} == {"2026-03-15"}
    assert (await office.post(f"/v1/adjustments/{journal['number']}/post", {})).status_code == 200
    kept = (await office.client.get("/v1/temporary-limits", params={"company": "DE01"})).json()
    assert [item["amount"] for item in kept["items"] if item["customer"] == "C-1"] == [eur("400000.00")]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"new_to": None}, "needs new_to"),
        ({"value_type": "fixed"}, "takes none of"),
        ({"new_from": "2027-01-01", "type": "temporary_credit_limit"}, "before new_from"),
        ({"date_method": "relative", "to_offset_days": 5}, "takes none of"),
        ({"source": "existing_customers"}, "need value_type"),
        ({"credit_groups": ["G-1"]}, "existing_credit_groups only"),
    ],
)
async def test_what_a_request_may_not_be(office: Any, change: dict[str, Any], says: str) -> None:
    body = {"company": "DE01", "source": "automatic_limits", "new_to": "2026-12-31", **change}
    refused = await office.post(GENERATE, body)
    assert (refused.status_code, says in refused.text) == (422, True), refused.text


async def test_a_task_drafts_what_changes_once(office: Any, credit: Any) -> None:
    await office.rule(*RATED)
    for name in ("C-1", "C-2"):
        await office.customer(name, "A2")
    first = await run(office, options={"description": "Spring"})
    assert (first["processed"], first["changed"], first["made"]) == (3, 2, "ADJ-000001")
    journal = (await office.client.get("/v1/adjustments/ADJ-000001")).json()
    assert (journal["description"], journal["source"], journal["created_by"]) == ("Spring", "automatic_limits", "kim")
    lines = await lines_of(office, "ADJ-000001")
    assert [(line["customer"], line["new_to_date"]) for line in lines] == [("C-1", "2027-03-02"), ("C-2", "2027-03-02")]
    waiting = await run(office)
    assert (waiting["changed"], waiting["made"]) == (0, None)
    assert (await office.post("/v1/adjustments/ADJ-000001/post", {})).status_code == 200
    await office.put("/v1/customer-risks/DE01/C-2/values/DNB", {"value": "A1"}, '"1"')
    changed = await run(office)
    assert (changed["changed"], changed["made"]) == (1, "ADJ-000002")
    assert [line["customer"] for line in await lines_of(office, "ADJ-000002")] == ["C-2"]
    whole = await run(office, customers=["C-1"], options={"only_changes": False, "new_to": "2026-12-31"})
    assert (whole["processed"], whole["changed"]) == (1, 1)
    assert await credit.pool.fetchval("SELECT count(*) FROM adjustment_journal") == 3


async def test_a_limit_that_expires_soon_is_renewed(office: Any, credit: Any) -> None:
    await office.rule(*RATED)
    for name, expiry in (("C-1", "2026-04-01"), ("C-2", "2026-04-02"), ("C-3", None)):
        await office.customer(name, "A2")
        await office.profile(name, "300000", credit_limit_expiry_date=expiry)
    done = await run(office)
    assert [line["customer"] for line in await lines_of(office, done["made"])] == ["C-1"]
    assert (await run(office, options={"new_to": "2026-04-01"}))["changed"] == 0


async def test_a_run_that_cannot_be_is_refused(office: Any) -> None:
    refused = await office.post(RUNS, {"company": "DE01", "options": {"new_to": "2026-03-01"}})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "options.new_to")


async def test_the_schedule_drafts_where_the_company_wants_it(office: Any, credit: Any) -> None:
    await office.rule(*RATED)
    await office.customer("C-1", "A2")
    jobs = background(TASKS)
    await register(credit.pool, jobs)

    async def a_day() -> list[str]:
        for name in ("task-schedule", *["task-runs"] * len(TASKS.tasks)):
            await credit.pool.execute(
                "UPDATE job SET due_at = (CASE WHEN name = $1 THEN '-' ELSE '' END || 'infinity')::timestamptz", name
            )
            assert await run_next(credit.pool, jobs)
        rows = await credit.pool.fetch("SELECT state, problem FROM task_run")
        assert {tuple(row) for row in rows} == {("done", None)}
        return [row["number"] for row in await credit.pool.fetch("SELECT number FROM adjustment_journal ORDER BY 1")]

    assert await a_day() == []
    async with transaction(credit.pool) as work:
        await work.conn.execute(
            "UPDATE credit_parameters SET fields = $1",
            {"automatic_limits_scheduled": True, "automatic_limits_valid_days": 90},
        )
    await on(credit, "2026-03-03")
    assert await a_day() == ["ADJ-000001"]
    (line,) = await lines_of(office, "ADJ-000001")
    assert (line["customer"], line["new_to_date"]) == ("C-1", "2026-06-01")
    journal = (await office.client.get("/v1/adjustments/ADJ-000001")).json()
    assert (journal["created_by"], journal["description"]) == ("schedule", "Automatic limits as of 2026-03-03")
    await on(credit, "2026-03-04")
    assert await a_day() == ["ADJ-000001"]
