"""A rule that does not fit its kind is refused over HTTP with every field that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

PERIOD = {"company": "DE01", "since": "2026-03-01T00:00:00Z", "until": "2026-04-01T00:00:00Z"}
DAYS = {"company": "DE01", "kind": "days_overdue", "value": "30"}


def fields(answer: Any) -> dict[str, Any]:
    """Field to value of what was wrong; each says what is wrong and the remedy."""
    errors = answer.json()["errors"]
    assert answer.status_code == 422
    assert all(error["problem"] and error["remedy"].endswith(".") for error in errors)
    return {error["field"]: error["value"] for error in errors}


async def test_an_unknown_kind_is_named(hold: Any, kim: Any) -> None:
    refused = await kim.post("/rules", DAYS | {"kind": "magic"})
    assert fields(refused) == {"kind": "magic"}
    assert "credit_limit_used" in refused.json()["errors"][0]["remedy"]
    assert fields(await kim.post("/rules", DAYS | {"kind": "payment_term_increase"})) == {
        "kind": "payment_term_increase"
    }  # fmt: skip


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_all_that_is_wrong_is_told_with_its_field(hold: Any, kim: Any, method: str) -> None:
    made = (await kim.post("/rules", DAYS)).json()["id"]
    wrong = DAYS | {
        "value": "1.5", "currency": "EUR", "release_sales_order": True, "valid_for": "table",
        "active_from": "2026-03-02", "active_to": "2026-03-01",
    }  # fmt: skip
    refused = await kim.send(method, "/rules" if method == "POST" else f"/rules/{made}", wrong, '"1"')
    assert fields(refused) == {
        "release_sales_order": "true", "account_or_group": None, "value": "1.5", "currency": "EUR",
        "active_to": "2026-03-01",
    }  # fmt: skip


async def test_a_wrong_measure_is_told_without_what_would_follow_from_it(hold: Any, kim: Any) -> None:
    assert fields(await kim.post("/rules", DAYS | {"value_type": "amount"})) == {"value_type": "amount"}


async def test_a_rule_stays_in_its_company(hold: Any, kim: Any) -> None:
    made = (await kim.post("/rules", DAYS)).json()["id"]
    assert fields(await kim.send("PUT", f"/rules/{made}", DAYS | {"company": "US01"}, '"1"')) == {"company": "US01"}


async def test_rules_of_a_what_if_are_named_by_their_place(hold: Any, kim: Any) -> None:
    rules = [DAYS, DAYS | {"kind": "magic"}, DAYS | {"company": "US01", "value": "-1"}]
    assert fields(await kim.post("/what-if", PERIOD | {"rules": rules})) == {
        "rules.1.kind": "magic", "rules.2.company": "US01", "rules.2.value": "-1"
    }  # fmt: skip
    late = await kim.post("/what-if", PERIOD | {"until": "2027-06-01T00:00:00Z", "rules": []})
    assert fields(late) == {"until": "2027-06-01T00:00:00+00:00"}
