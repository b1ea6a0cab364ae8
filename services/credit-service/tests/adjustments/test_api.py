"""Adjustment journals from draft to posting (spec 1.12, 1.17, 2.11; rows 113 to 127)."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit_service.adjustments.model import generated
from holdfast.web.auth import issue_token

GENERATE = {"source": "existing_customers", "value_type": "fixed", "date_method": "absolute", "new_to": "2026-12-31"}
MANAGER = "credit-limit-adjustment"
LINES = "credit-limit-adjustment-line"


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def line(customer: str, amount: str, to: str | None = "2026-12-31", **more: Any) -> dict[str, Any]:
    return {"customer": customer, "new_limit": eur(amount), **({"new_to_date": to} if to else {}), **more}


async def news(credit: Any, kind: str) -> list[dict[str, Any]]:
    """Payloads of a type in the outbox."""
    rows = await credit.pool.fetch("SELECT payload FROM outbox WHERE type = $1 ORDER BY seq", kind)
    return [orjson.loads(row["payload"]) for row in rows]


async def by_journal(desk: Any) -> list[dict[str, Any]]:
    """Changes of limits that a journal made."""
    return [change for change in await news(desk.credit, "credit.limit.changed.v1") if change["source"] == "journal"]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        pytest.param({"adjustment_value": "10", "value_type": "percentage"}, ["110000.00", "135801.60", "3300.00"],
                     id="row 113"),
        pytest.param({"adjustment_value": "-5000"}, ["95000.00", "118456.00", "0.00"], id="rows 114 and 116"),
        pytest.param({"round_off": "10", "rounding_form": "up"}, ["100000.00", "123460.00", "3000.00"],
                     id="row 115 up"),
        pytest.param({"round_off": "10", "rounding_form": "down"}, ["100000.00", "123450.00", "3000.00"],
                     id="row 115 down"),
    ],
)  # fmt: skip
async def test_rows_113_to_116_generated_lines(desk: Any, change: dict[str, str], wanted: list[str]) -> None:
    path = await desk.journal()
    body = GENERATE | change | {"customers": ["C-1", "C-2", "C-3"]}
    made = await desk.call("POST", f"{path}/generate", body)
    assert (made.status_code, made.json()["lines"]) == (200, 3), made.text
    lines = await desk.lines(path)
    assert [x["new_limit"]["amount"] for x in lines] == wanted
    assert [x["current_limit"]["amount"] for x in lines] == ["100000.00", "123456.00", "3000.00"]
    assert {x["new_to_date"] for x in lines} == {"2026-12-31"}


async def test_row_117_a_line_without_expiry(desk: Any) -> None:
    path = await desk.journal()
    refused = await desk.call("POST", f"{path}/lines", line("C-1", "1", to=None))
    assert refused.status_code == 422
    assert "new_to_date" in refused.text


async def test_row_118_a_line_with_customer_and_group(desk: Any) -> None:
    path = await desk.journal()
    refused = await desk.call("POST", f"{path}/lines", line("C-1", "1", credit_group="G-1"))
    assert (refused.status_code, "not both" in refused.text) == (422, True)


async def test_row_119_no_direct_edit(desk: Any) -> None:
    await desk.credit.pool.execute("UPDATE credit_parameters SET fields = '{}'")
    answer = await desk.call("GET", "/v1/credit-profiles/DE01/C-1")
    body = {"credit_limit": eur("7"), "credit_limit_expiry_date": "2026-06-30"}
    refused = await desk.call("PUT", "/v1/credit-profiles/DE01/C-1", body, tag=answer.headers["etag"])
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (409, "limits-by-adjustment-only")


async def test_row_120_no_posting_without_approval(desk: Any) -> None:
    await desk.workflow(MANAGER)
    path = await desk.journal(line("C-1", "120000"))
    refused = await desk.call("POST", f"{path}/post", {})
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (409, "not-approved")
    assert (await desk.profile("C-1"))["credit_limit"]["amount"] == "100000.00"


async def test_row_121_posting(desk: Any) -> None:
    path = await desk.journal(line("C-1", "120000"))
    posted = await desk.call("POST", f"{path}/post", {})
    assert (posted.status_code, posted.json()["posted"], posted.json()["posted_lines"]) == (200, True, 1), posted.text
    profile = await desk.profile("C-1")
    assert (profile["credit_limit"]["amount"], profile["credit_limit_expiry_date"], profile["credit_limit_date"]) == (
        "120000.00", "2026-12-31", "2026-03-02")  # fmt: skip
    history = (await desk.call("GET", "/v1/credit-profiles/DE01/C-1/limit-history")).json()["items"]
    assert (history[0]["source"], history[0]["old_limit"]["amount"], history[0]["new_limit"]["amount"]) == (
        "journal", "100000.00", "120000.00")  # fmt: skip
    assert (await desk.call("POST", f"{path}/lines", line("C-2", "1"))).status_code == 409
    (told,) = await by_journal(desk)
    assert (told["former_limit"], told["credit_limit"], told["reference"]) == (
        "100000", "120000", path.rsplit("/", 1)[1])  # fmt: skip
    profiles = await news(desk.credit, "credit.profile.changed.v1")
    assert (profiles[-1]["customer"], profiles[-1]["credit_limit"]) == ("C-1", "120000")
    (notice,) = await news(desk.credit, "credit.adjustment.posted.v1")
    assert notice["lines"] == 1


async def test_row_122_a_temporary_journal_leaves_the_permanent_limit(desk: Any) -> None:
    path = await desk.journal(
        line("C-1", "150000", "2026-03-31", new_from_date="2026-03-01"), kind="temporary_credit_limit"
    )
    assert (await desk.call("POST", f"{path}/post", {})).status_code == 200
    assert (await desk.profile("C-1"))["credit_limit"]["amount"] == "100000.00"
    (told,) = [x for x in await news(desk.credit, "credit.profile.changed.v1") if x.get("temporary_limits")]
    assert [(x["amount"], x["from_date"], x["to_date"]) for x in told["temporary_limits"]] == [
        ("150000", "2026-03-01", "2026-03-31")]  # fmt: skip


async def test_a_line_replaces_a_temporary_limit(desk: Any) -> None:
    first = await desk.journal(
        line("C-1", "150000", "2026-03-31", new_from_date="2026-03-01"), kind="temporary_credit_limit"
    )
    await desk.call("POST", f"{first}/post", {})
    path = await desk.journal(kind="temporary_credit_limit")
    body = GENERATE | {"date_method": "relative", "to_offset_days": 30, "customers": ["C-1", "C-2"]}
    body |= {"adjustment_value": "10000"}
    del body["new_to"]
    made = (await desk.call("POST", f"{path}/generate", body)).json()
    assert (made["lines"], made["without_date"], made["without_date_named"]) == (1, 1, ["C-2"])
    (proposed,) = await desk.lines(path)
    assert (proposed["current_limit"]["amount"], proposed["new_limit"]["amount"]) == ("150000.00", "160000.00")
    assert (proposed["new_from_date"], proposed["new_to_date"]) == ("2026-03-01", "2026-04-30")
    assert (await desk.call("POST", f"{path}/post", {})).status_code == 200
    rows = await desk.credit.pool.fetch("SELECT amount::text, to_date::text FROM temporary_limit")
    assert [tuple(row) for row in rows] == [("160000.00", "2026-04-30")]


async def test_row_123_relative_dates(desk: Any) -> None:
    await desk.limit("C-1", "100000", "2025-12-31")
    await desk.limit("C-2", "5000", None)
    path = await desk.journal()
    body = GENERATE | {"date_method": "relative", "to_offset_days": 90, "customers": ["C-1", "C-2"]}
    del body["new_to"]
    made = (await desk.call("POST", f"{path}/generate", body)).json()
    assert (made["lines"], made["without_date"], made["without_date_named"]) == (1, 1, ["C-2"])
    assert [x["new_to_date"] for x in await desk.lines(path)] == ["2026-03-31"]


async def test_row_125_of_three_lines_two_are_approved(desk: Any) -> None:
    await desk.workflow(LINES)
    path = await desk.journal(*(line(name, "200000") for name in ("C-1", "C-2", "C-3")))
    approvals = (await desk.call("POST", f"{path}/submit", {})).json()["approvals"]
    assert len(approvals) == 3
    for approval, act in zip(approvals, ("approve", "deny", "approve"), strict=True):
        assert (await desk.approve(approval, act=act)).status_code == 200
    assert [x["approval_status"] for x in await desk.lines(path)] == ["approved", "approval_denied", "approved"]
    posted = (await desk.call("POST", f"{path}/post", {})).json()
    assert (posted["posted_lines"], posted["posted"]) == (2, False)
    limits = [(await desk.profile(name))["credit_limit"]["amount"] for name in ("C-1", "C-2", "C-3")]
    assert limits == ["200000.00", "123456.00", "200000.00"]
    again = await desk.call("POST", f"{path}/post", {})
    assert (again.status_code, again.json()["type"].rsplit("/", 1)[1]) == (409, "not-approved")


async def test_row_127_posted_twice_at_once_takes_effect_once(desk: Any) -> None:
    path = await desk.journal(line("C-1", "120000"))
    answers = await asyncio.gather(*(desk.call("POST", f"{path}/post", {}) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert len(await by_journal(desk)) == 1
    refused = await desk.call("POST", f"{path}/post", {})
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (409, "journal-posted")


async def test_a_post_that_is_sent_again_gets_its_answer(desk: Any) -> None:
    path, key = await desk.journal(line("C-1", "120000")), str(uuid4())
    first, second = [await desk.call("POST", f"{path}/post", {}, key=key) for _ in range(2)]
    assert (first.status_code, first.content) == (200, second.content)


async def test_bands_measure_the_highest_resulting_limit_and_four_eyes_hold(desk: Any) -> None:
    await desk.workflow(MANAGER, [
        {"name": "manager", "permission": "approvals:decide"},
        {"name": "board", "users": ["bob"], "from_amount": "150000"}])  # fmt: skip
    path = await desk.journal(line("C-1", "120000"), line("C-2", "150000"))
    (asked,) = (await desk.call("POST", f"{path}/submit", {"note": "growth"})).json()["approvals"]
    assert (await desk.approve(asked, user="kim")).status_code == 409
    assert (await desk.approve(asked)).json()["waits_for"] == "board"
    assert (await desk.call("POST", f"{path}/lines", line("C-3", "1"))).status_code == 409
    assert (await desk.approve(asked, user="bob")).json()["state"] == "completed"
    assert (await desk.call("GET", path)).json()["approval_status"] == "approved"
    assert (await desk.call("POST", f"{path}/post", {})).json()["posted_lines"] == 2
    kinds = await desk.credit.pool.fetch("SELECT type FROM outbox WHERE type LIKE 'credit.adjustment.%' ORDER BY seq")
    assert [row["type"].split(".")[2] for row in kinds] == ["submitted", "approved", "posted"]


async def test_an_approval_lapses_when_the_limit_is_no_longer_the_one_it_was_asked_on(desk: Any) -> None:
    await desk.workflow(MANAGER)
    path = await desk.journal(line("C-1", "120000"))
    (asked,) = (await desk.call("POST", f"{path}/submit", {})).json()["approvals"]
    await desk.limit("C-1", "90000")
    lapsed = (await desk.call("GET", f"/v1/approvals/{asked['id']}")).json()
    assert (lapsed["state"], lapsed["lapsed"]) == ("cancelled", True)
    (asked,) = (await desk.call("POST", f"{path}/submit", {})).json()["approvals"]
    assert (await desk.approve(asked)).json()["state"] == "completed"
    await desk.limit("C-1", "80000")
    refused = await desk.call("POST", f"{path}/post", {})
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (409, "approval-lapsed")
    (asked,) = (await desk.call("POST", f"{path}/submit", {})).json()["approvals"]
    await desk.approve(asked)
    assert (await desk.call("POST", f"{path}/post", {})).status_code == 200


async def test_an_edit_takes_the_approval_away(desk: Any) -> None:
    await desk.workflow(MANAGER)
    path = await desk.journal(line("C-1", "120000"))
    (asked,) = (await desk.call("POST", f"{path}/submit", {})).json()["approvals"]
    await desk.approve(asked)
    assert (await desk.call("POST", f"{path}/lines", line("C-2", "999999"))).status_code == 201
    assert (await desk.call("GET", path)).json()["approval_status"] == "draft"
    assert (await desk.call("POST", f"{path}/post", {})).status_code == 409


async def test_a_journal_is_no_way_around_the_approval_of_raises(desk: Any) -> None:
    await desk.workflow("credit-profile-change")
    raising, lowering = await desk.journal(line("C-1", "120000")), await desk.journal(line("C-2", "5", "2026-06-30"))
    assert (await desk.call("POST", f"{raising}/post", {})).status_code == 409
    assert (await desk.call("POST", f"{lowering}/post", {})).status_code == 200
    (asked,) = (await desk.call("POST", f"{raising}/submit", {})).json()["approvals"]
    await desk.approve(asked)
    assert (await desk.call("POST", f"{raising}/post", {})).status_code == 200


async def test_a_group_gets_its_limit_and_its_members_their_expiry(desk: Any) -> None:
    group = {"owner_company": "DE01", "description": "Northwind", "credit_limit": eur("50000"),
             "expiry_date": "2026-06-30"}  # fmt: skip
    token = {"if-none-match": "*", "idempotency-key": str(uuid4())}
    made = await desk.client.put("/v1/credit-groups/G-1", json=group, headers=token | await bearer(desk))
    assert made.status_code in (200, 201), made.text
    joined = await desk.call(
        "POST", "/v1/credit-groups/G-1/members", {"company": "DE01", "customer": "C-1"}, tag=made.headers["etag"]
    )
    assert joined.status_code in (200, 201, 204), joined.text
    body = {"credit_group": "G-1", "new_limit": eur("80000"), "new_to_date": "2027-01-31"}
    path = await desk.journal(body)
    (proposed,) = await desk.lines(path)
    assert (proposed["current_limit"]["amount"], proposed["current_to"]) == ("50000.00", "2026-06-30")
    assert (await desk.call("POST", f"{path}/post", {})).status_code == 200
    assert (await desk.profile("C-1"))["credit_limit_expiry_date"] == "2027-01-31"
    told = (await news(desk.credit, "credit.group.changed.v1"))[-1]
    assert (told["credit_limit"], told["expiry_date"]) == ("80000", "2027-01-31")


async def bearer(desk: Any) -> dict[str, str]:
    """What a caller is known by."""
    return {"authorization": f"Bearer {issue_token(desk.credit.settings, 'kim', ['administer'])}"}


CSV = """customer,new_limit,new_to_date
C-1,1000.00,2026-12-31
C-2,12x,2026-12-31
C-9,10.00,2026-12-31
C-3,500.001,2026-12-31
C-1,2000.00,2026-12-31
C-2,700.00,
"""


async def test_a_file_of_limits_becomes_a_draft(desk: Any) -> None:
    path = "/v1/adjustments/import?company=DE01"
    dry = (await desk.call("POST", f"{path}&dry_run=true", content=CSV)).json()
    assert (dry["lines"], dry["journal"]) == (1, None)
    assert [(x["line"], x["field"]) for x in dry["refused"]] == [
        (3, "new_limit.amount"), (4, "customer"), (5, "new_limit.amount"), (6, "customer"),
        (7, "new_to_date")]  # fmt: skip
    assert all(x["problem"] and x["remedy"] for x in dry["refused"])
    nothing = (await desk.call("POST", f"{path}&all_or_nothing=true", content=CSV)).json()
    assert nothing["journal"] is None
    assert (await desk.call("GET", "/v1/adjustments")).json()["items"] == []
    made = await desk.call("POST", path, content=CSV)
    assert (made.status_code, made.json()["journal"]["lines"], made.json()["journal"]["source"]) == (201, 1, "import")
    assert (await desk.profile("C-1"))["credit_limit"]["amount"] == "100000.00"


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "customer,new_limit\nC-1,1\n", "\x00", 'customer,new_limit,"'])
async def test_what_is_no_table_is_refused(desk: Any, text: str) -> None:
    refused = await desk.call("POST", "/v1/adjustments/import?company=DE01", content=text)
    assert refused.status_code == 422, refused.text


async def test_a_request_of_hold_service_becomes_a_draft(desk: Any, made: Any) -> None:
    await desk.credit.facts(made("hold.temporary-limit.requested.v1", customer="C-1"))
    (journal,) = (await desk.call("GET", "/v1/adjustments")).json()["items"]
    assert (journal["type"], journal["source"], journal["approval_status"]) == (
        "temporary_credit_limit", "request", "draft")  # fmt: skip
    assert [x["customer"] for x in await desk.lines(f"/v1/adjustments/{journal['number']}")] == ["C-1"]


async def test_who_may_what(desk: Any) -> None:
    path = await desk.journal(line("C-1", "120000"))
    reader, worker = ("see",), ("work",)
    assert (await desk.call("GET", path, roles=reader)).status_code == 200
    for act in ("post", "submit", "generate"):
        body = GENERATE if act == "generate" else {}
        assert (await desk.call("POST", f"{path}/{act}", body, roles=reader)).status_code == 403
    assert (await desk.call("POST", f"{path}/post", {}, roles=worker)).status_code == 403


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.decimals(0, 10**9, places=2), value=st.decimals(-(10**6), 10**6, places=3),
    kind=st.sampled_from(["fixed", "percentage"]), off=st.none() | st.decimals("0.01", 10**5, places=2),
    form=st.sampled_from(["up", "down", "nearest"]),
)  # fmt: skip
async def test_the_generator_computes_as_the_plain_reference(
    desk: Any, limit: Decimal, value: Decimal, kind: Any, off: Decimal | None, form: Any
) -> None:
    await desk.credit.pool.execute("UPDATE credit_profile SET credit_limit = $1 WHERE customer = 'C-1'", limit)
    path = await desk.journal()
    body = GENERATE | {
        "adjustment_value": f"{value:f}",
        "value_type": kind,
        "rounding_form": form,
        "customers": ["C-1"],
    }
    made = await desk.call("POST", f"{path}/generate", body | ({"round_off": f"{off:f}"} if off else {}))
    assert made.status_code == 200, made.text
    (found,) = await desk.lines(path)
    assert Decimal(found["new_limit"]["amount"]) == generated(limit, value, kind, off, form, "EUR")
