"""Journals pass approval as every other door does, and what was approved is what is posted (spec 1.9, 1.12, 1.17)."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from credit_service.adjustments import approval, store
from holdfast.database.work import transaction

JOURNAL, LINE = "credit-limit-adjustment", "credit-limit-adjustment-line"


def line(amount: str, customer: str = "C-1001", to: str = "2026-12-31", **more: Any) -> dict[str, Any]:
    owner = {} if "credit_group" in more else {"customer": customer}
    return {"new_limit": {"amount": amount, "currency": "EUR"}, "new_to_date": to, **owner, **more}


def temporary(amount: str, since: str, until: str, **more: Any) -> dict[str, Any]:
    return line(amount, to=until, new_from_date=since, **more)


def why(answer: Any) -> str:
    """The type of a problem."""
    kind: str = answer.json()["type"].rsplit("/", 1)[1]
    return kind


async def submitted(doors: Any, path: str, **how: Any) -> list[dict[str, Any]]:
    answer = await doors.call("POST", f"{path}/submit", how.pop("body", {}), **how)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["approvals"]
    return found


async def posted(doors: Any, path: str, **body: Any) -> Any:
    return await doors.call("POST", f"{path}/post", body)


async def customers(doors: Any, *names: str) -> None:
    await doors.credit.facts(*(doors.made("erp.customer.changed.v1", customer=name) for name in names))


async def test_a_limit_of_0_that_opens_the_groups_is_confirmed_and_approved(doors: Any) -> None:
    await doors.parameters(check_customer_credit_groups=True)
    await doors.profile("100", credit_limit_expiry_date="2026-12-31")
    await doors.group("30000")
    await doors.join()
    path = await doors.journal(line("0"))
    assert why(await posted(doors, path)) == "confirm-group-limit"
    await doors.workflow()
    assert why(await doors.call("POST", f"{path}/submit", {})) == "confirm-group-limit"
    (asked,) = await submitted(doors, path, body={"confirm_group_limit": True})
    assert Decimal(asked["amount"]) == 30_000
    assert why(await posted(doors, path)) == "not-approved"
    await doors.decide(asked)
    assert (await posted(doors, path)).status_code == 200


async def test_policies_count_in_what_a_journal_is_measured_by(doors: Any) -> None:
    await doors.policy("60000")
    await doors.workflow(kind=JOURNAL)
    path = await doors.journal(line("50000"))
    (asked,) = await submitted(doors, path)
    assert Decimal(asked["amount"]) == 110_000
    await doors.policy("70000", identification="another")
    lapsed = (await doors.call("GET", f"/v1/approvals/{asked['id']}")).json()
    assert (lapsed["state"], lapsed["lapsed"]) == ("cancelled", True)
    assert (await doors.call("GET", path)).json()["approval_status"] == "draft"


async def test_group_lines_are_converted_by_the_rate_type_of_limits(doors: Any) -> None:
    await doors.parameters(credit_limit_exchange_rate_type="limits")
    await doors.credit.facts(
        doors.made("erp.exchange-rate.published.v1", rate_type="limits", from_currency="USD", to_currency="EUR",
                   rate="0.8", valid_from="2026-01-01"),
    )  # fmt: skip
    await doors.group("1000", "USD")
    await doors.workflow(kind=JOURNAL)
    path = await doors.journal(line("1000", credit_group="G-1", new_limit={"amount": "1000", "currency": "USD"}))
    (asked,) = await submitted(doors, path)
    assert Decimal(asked["amount"]) == 800


async def test_another_company_whose_customer_shares_the_limit_approves_a_journal_too(doors: Any) -> None:
    await doors.parameters("US01", check_customer_credit_groups=True)
    await doors.group("1000")
    await doors.join(company="US01")
    await doors.workflow(company="US01")
    await doors.workflow(kind=JOURNAL)
    path = await doors.journal(line("9000", credit_group="G-1"))
    (own,) = await submitted(doors, path)
    await doors.decide(own)
    assert (await doors.call("GET", path)).json()["approval_status"] == "approval_pending"
    (other,) = (await doors.call("GET", "/v1/approvals?state=approval_pending")).json()["items"]
    assert (other["company"], Decimal(other["amount"])) == ("US01", 18_000)
    assert why(await posted(doors, path)) == "not-approved"
    await doors.decide(other, user="bob")
    assert (await doors.call("GET", path)).json()["approval_status"] == "approved"
    assert (await posted(doors, path)).status_code == 200


async def test_a_temporary_limit_that_lowers_is_posted_unasked(doors: Any) -> None:
    await doors.profile("500")
    await doors.workflow()
    lower = await doors.journal(temporary("400", "2026-03-01", "2026-03-31"), kind="temporary_credit_limit")
    assert (await posted(doors, lower)).status_code == 200
    higher = await doors.journal(temporary("600", "2026-04-01", "2026-04-30"), kind="temporary_credit_limit")
    assert why(await posted(doors, higher)) == "not-approved"


@pytest.mark.parametrize("times", range(3))
async def test_a_journal_that_lowers_never_raises_a_limit_that_was_lowered_meanwhile(doors: Any, times: int) -> None:
    await doors.profile("500", credit_limit_expiry_date="2026-12-31")
    await doors.workflow()
    path = await doors.journal(line("400"))
    await asyncio.gather(
        doors.profile("100", credit_limit_expiry_date="2026-12-31"), posted(doors, path)
    )  # fmt: skip
    changes = await doors.credit.pool.fetch("SELECT old_limit, new_limit FROM credit_limit_history ORDER BY id")
    assert all(row["new_limit"] < row["old_limit"] for row in changes[1:]), [tuple(row) for row in changes]


async def test_temporary_limits_do_not_overlap(doors: Any) -> None:
    first = await doors.journal(temporary("10", "2026-03-01", "2026-03-31"), kind="temporary_credit_limit")
    second = await doors.journal(temporary("20", "2026-03-31", "2026-04-30"), kind="temporary_credit_limit")
    refused = await doors.call("POST", f"{second}/lines", temporary("30", "2026-04-30", "2026-05-01"))
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "new_from_date")
    assert (await posted(doors, first)).status_code == 200
    assert why(await posted(doors, second)) == "temporary-limits-overlap"
    third = await doors.call(
        "POST",
        "/v1/adjustments",
        {"company": "DE01", "type": "temporary_credit_limit", "lines": [temporary("20", "2026-03-15", "2026-04-30")]},
    )
    assert third.status_code == 422, third.text
    (there,) = (await doors.call("GET", "/v1/temporary-limits")).json()["items"]
    for _ in range(2):
        named = temporary("30", "2026-03-15", "2026-04-30", replaces_temporary_id=there["id"])
        path = await doors.journal(named, kind="temporary_credit_limit")
    assert (await posted(doors, path)).status_code == 200
    other = (await doors.call("GET", "/v1/adjustments?posted=false")).json()["items"][-1]["number"]
    assert why(await posted(doors, f"/v1/adjustments/{other}")) == "temporary-limits-overlap"
    rows = await doors.credit.pool.fetch("SELECT amount::integer FROM temporary_limit")
    assert [row[0] for row in rows] == [30]


async def test_generated_temporary_limits_do_not_overlap(doors: Any) -> None:
    for since, until in (("2026-03-01", "2026-03-31"), ("2026-05-01", "2026-05-31")):
        path = await doors.journal(temporary("10", since, until), kind="temporary_credit_limit")
        assert (await posted(doors, path)).status_code == 200
    path = await doors.journal(kind="temporary_credit_limit")
    body = {"source": "existing_customers", "value_type": "fixed", "adjustment_value": "5", "date_method": "absolute",
            "new_from": "2026-06-01", "new_to": "2026-06-30", "customers": ["C-1001"]}  # fmt: skip
    made = (await doors.call("POST", f"{path}/generate", body)).json()
    assert (made["lines"], made["overlapping"], made["overlapping_named"]) == (1, 1, ["C-1001"])
    assert (await doors.call("POST", f"{path}/generate", body)).json()["overlapping"] == 2
    assert (await posted(doors, path)).status_code == 200


async def test_nobody_whose_doing_a_journal_is_approves_it(doors: Any) -> None:
    await doors.workflow(kind=JOURNAL)
    path = await doors.journal(line("10"))
    await customers(doors, "C-2")
    assert (await doors.call("POST", f"{path}/lines", line("20", "C-2"), user="lee")).status_code == 201
    (asked,) = await submitted(doors, path, user="sam")
    for user in ("kim", "lee", "sam"):
        refused = await doors.call("POST", f"/v1/approvals/{asked['id']}/approve", {}, user=user)
        assert (refused.status_code, "four eyes" in refused.text) == (409, True)
    assert (await doors.decide(asked))["state"] == "completed"


async def test_a_line_whose_approval_has_lapsed_is_asked_for_again(doors: Any) -> None:
    await customers(doors, "C-2", "C-3")
    await doors.workflow(kind=LINE)
    path = await doors.journal(line("100"), line("200", "C-2"), line("300", "C-3"))
    asked = await submitted(doors, path)
    for request, act in zip(asked, ("approve", "approve", "deny"), strict=True):
        await doors.decide(request, act)
    await doors.profile("7")
    assert (await posted(doors, path)).json()["posted_lines"] == 1
    lines = (await doors.call("GET", f"{path}/lines")).json()["items"]
    assert [x["approval_status"] for x in lines] == ["draft", "approved", "approval_denied"]
    rows = await doors.credit.published("notification.requested.v1")
    assert [(n["template"], n["subject"][-6:]) for n in rows if n["template"] == "approval.lapsed"] == [
        ("approval.lapsed", "line 1")]  # fmt: skip
    etag = (await doors.call("GET", path)).headers["etag"]
    gone = await doors.call("DELETE", f"{path}/lines/2", tag=etag)
    assert (gone.status_code, why(gone)) == (409, "line-posted")
    assert why(await doors.call("DELETE", path, tag=etag)) == "line-posted"
    changed = await doors.call("PUT", f"{path}/lines/3", line("250", "C-3"), tag=etag)
    assert changed.status_code == 200, changed.text
    for request in await submitted(doors, path):
        await doors.decide(request)
    closed = (await posted(doors, path)).json()
    assert (closed["posted_lines"], closed["posted"]) == (2, True)


async def test_a_journal_whose_lines_have_all_lapsed_is_submitted_again(doors: Any) -> None:
    await doors.workflow(kind=LINE)
    path = await doors.journal(line("100"))
    (asked,) = await submitted(doors, path)
    await doors.decide(asked)
    await doors.profile("7")
    assert why(await posted(doors, path)) == "approval-lapsed"
    (again,) = await submitted(doors, path)
    await doors.decide(again)
    assert (await posted(doors, path)).status_code == 200


async def test_what_was_sent_back_is_submitted_again_or_deleted(doors: Any) -> None:
    await doors.workflow(kind=JOURNAL)
    path = await doors.journal(line("10"))
    (asked,) = await submitted(doors, path)
    await doors.decide(asked, "request-change")
    tag = (await doors.call("GET", path)).headers["etag"]
    assert (await doors.call("PUT", f"{path}/lines/1", line("9"), tag=tag)).status_code == 200
    (again,) = await submitted(doors, path)
    assert again["state"] == "approval_pending"
    await doors.decide(again, "request-change")
    tag = (await doors.call("GET", path)).headers["etag"]
    assert (await doors.call("DELETE", path, tag=tag)).status_code == 204
    states = {a["state"] for a in (await doors.call("GET", "/v1/approvals")).json()["items"]}
    assert states == {"cancelled"}


async def test_limits_above_the_eligible_one_are_told_of_or_refused(doors: Any) -> None:
    eligible = {"eligible_credit_limit": {"amount": "100", "currency": "EUR"}}
    await doors.profile("50", credit_limit_expiry_date="2026-12-31", **eligible)
    path = await doors.journal(line("200"))
    await doors.parameters(eligible_limit_check="refused")
    assert why(await posted(doors, path)) == "above-eligible-limit"
    refused = await doors.call(
        "POST", "/v1/adjustments", {"company": "DE01", "type": "credit_limit", "lines": [line("101")]}
    )
    assert (refused.status_code, "eligible" in refused.text) == (422, True)
    body = {
        "company": "DE01",
        "type": "credit_limit",
        "source": "existing_customers",
        "value_type": "fixed",
        "adjustment_value": "70",
        "date_method": "absolute",
        "new_to": "2026-12-31",
        "customers": ["C-1001"],
    }
    made = (await doors.call("POST", "/v1/adjustments/generate", body)).json()
    assert (made["above_eligible"], made["above_eligible_named"]) == (1, ["C-1001"])
    await doors.parameters(eligible_limit_check="warning")
    told = (await posted(doors, path)).json()
    assert (told["posted_lines"], len(told["warnings"])) == (1, 1)


async def test_a_request_in_another_currency_is_no_line(doors: Any) -> None:
    for body in ({"currency": "USD"}, {"amount": "10.001"}, {"company": "XX01"}):
        with pytest.raises(Exception, match=r"kept in EUR|minor units|not known"):
            await doors.credit.facts(doors.made("hold.temporary-limit.requested.v1", **body))
    assert (await doors.call("GET", "/v1/adjustments")).json()["items"] == []


async def test_lines_are_submitted_in_as_many_statements_however_many_they_are(doors: Any) -> None:
    names = [f"K-{n}" for n in range(60)]
    await customers(doors, *names)
    await doors.workflow(kind=LINE)
    counts = []
    for few in (names[:3], names[:3], names):
        number = (await doors.journal(*(line("10", name) for name in few))).rsplit("/", 1)[1]
        statements: list[Any] = []
        async with transaction(doors.credit.pool) as work:
            journal = await store.read(work, number, lock=True)
            assert journal is not None
            with work.conn.query_logger(statements.append):
                assert len(await approval.submit(work, journal, "kim", None, confirmed=False)) == len(few)
        counts.append(len(statements))
    assert counts[1] == counts[2], "the first one asks about types too"


async def test_the_figure_in_the_customers_currency_follows_the_posted_limit(doors: Any) -> None:
    own = {"amount": "100.00", "currency": "USD"}
    body = {"credit_limit_customer_currency": own}
    assert (await doors.put("/v1/credit-profiles/DE01/C-1001", body)).status_code == 201
    path = await doors.journal(line("75"))
    (shown,) = (await doors.call("GET", f"{path}/lines")).json()["items"]
    assert shown["new_limit_customer_currency"] == {"amount": "150.00", "currency": "USD"}
    assert (await posted(doors, path)).status_code == 200
    now = await doors.now()
    assert (now["credit_limit"]["amount"], now["credit_limit_customer_currency"]) == (
        "75.00", {"amount": "150.00", "currency": "USD"})  # fmt: skip
