"""Profiles and permanent limits from and to CSV: every line as a PUT of it would go (spec 1.1, 1.17)."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.contracts.credit import ProfileChanged

COMPUTED = {"temporary_credit_limit", "insurance_and_guarantees", "total_credit_limit", "risk_score", "risk_group"}
LIMITS = """customer,credit_limit,credit_limit_expiry_date
C-1,1000.00,2026-12-31
C-2,2000,
C-3,3000.00,2026-06-30
"""


def outcomes(report: dict[str, Any]) -> list[str]:
    """What became of the lines, in order."""
    return [line["outcome"] for line in report["lines"]]


async def count(files: Any, table: str) -> int:
    found: int = await files.credit.pool.fetchval(f"SELECT count(*) FROM {table}")
    return found


async def test_a_file_makes_profiles_and_again_changes_nothing(files: Any) -> None:
    made = await files.take("credit-profiles", LIMITS, reason="cut-over")
    assert (outcomes(made), made["applied"], made["counts"]["created"]) == (["created"] * 3, True, 3)
    profile = await files.profile("C-1")
    assert profile["credit_limit"] == {"amount": "1000.00", "currency": "EUR"}
    assert (profile["credit_limit_expiry_date"], profile["credit_limit_date"]) == ("2026-12-31", "2026-03-02")
    history = (await files.call("GET", "/v1/limit-changes", params={"customer": "C-1"})).json()["items"]
    assert [(x["source"], x["why"], x["who"]) for x in history] == [("import", "cut-over", "kim")]
    published = [x for x in await files.credit.published(ProfileChanged.event_type) if x.get("customer") == "C-1"]
    assert [(x["version"], x["credit_limit"], x["reason"]) for x in published] == [(1, "1000.00", "cut-over")]
    again = await files.take("credit-profiles", LIMITS)
    assert (outcomes(again), [x["version"] for x in again["lines"]]) == (["unchanged"] * 3, [1, 1, 1])
    assert await count(files, "credit_limit_history") == 3


async def test_a_dry_run_tells_every_line_and_changes_nothing(files: Any) -> None:
    await files.take("credit-profiles", LIMITS)
    before = [await count(files, t) for t in ("account", "credit_profile", "outbox", "audit_trail")]
    text = """customer,version,credit_limit,credit_rating,account_status
C-1,1,900.00,B,
C-1,,800.00,B,
C-2,1,2000.00,,
C-3,7,1.00,,
C-4,,5.005,,
C-5,,12x,,
C-6,,10,A,NOPE
X-1,,10,A,
C-2x
"""
    dry = await files.take("credit-profiles", text, dry_run=True)
    assert (dry["applied"], outcomes(dry)) == (
        False, ["changed", "refused", "unchanged", *["refused"] * 6])  # fmt: skip
    assert dry["lines"][0]["fields"] == ["credit_limit", "credit_rating"]
    assert [(x["line"], x["field"]) for x in dry["lines"] if x["outcome"] == "refused"] == [
        (3, "customer"), (5, "version"), (6, "credit_limit.amount"), (7, "credit_limit.amount"), (8, "account_status"),
        (9, "customer"), (10, "line"),
    ]  # fmt: skip
    assert all(x["problem"] and x["remedy"] for x in dry["lines"] if x["outcome"] == "refused")
    assert [await count(files, t) for t in ("account", "credit_profile", "outbox", "audit_trail")] == before
    nothing = await files.take("credit-profiles", text, all_or_nothing=True)
    assert (nothing["applied"], outcomes(nothing)) == (False, outcomes(dry))
    assert (await files.profile("C-1"))["version"] == 1
    taken = await files.take("credit-profiles", text)
    assert (taken["applied"], outcomes(taken)) == (True, outcomes(dry))
    profile = await files.profile("C-1")
    assert (profile["version"], profile["credit_rating"], profile["credit_limit"]["amount"]) == (2, "B", "900.00")
    assert profile["credit_limit_expiry_date"] == "2026-12-31"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_what_is_exported_imports_unchanged(files: Any, data: st.DataObject) -> None:
    texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30)
    days = st.none() | st.dates(date(2026, 1, 1), date(2030, 1, 1))
    rows = await files.rows("credit-profiles")
    versions = {row["customer"]: row["version"] for row in rows}
    for customer in ("C-1", "C-2"):
        body = {
            "credit_limit": {"amount": str(data.draw(st.decimals(0, 10**9, places=2))), "currency": "EUR"},
            "notes": data.draw(texts), "credit_rating": data.draw(st.none() | texts.map(lambda t: t[:10])),
            "title_held": data.draw(st.booleans()), "credit_limit_expiry_date": _text(data.draw(days)),
            "eligible_credit_limit": data.draw(st.none() | st.just({"amount": "10.5", "currency": "USD"})),
            "invoicing_delivery_on_hold": data.draw(st.sampled_from(["no", "invoice", "all"])),
        }  # fmt: skip
        tag = {"if-match": f'"{versions[customer]}"'} if customer in versions else {"if-none-match": "*"}
        done = await files.call("PUT", f"/v1/credit-profiles/DE01/{customer}", content=orjson.dumps(body), headers={
            **tag, "content-type": "application/json"})  # fmt: skip
        assert done.status_code in (200, 201), done.text
    text = await files.export("credit-profiles", company="DE01")
    assert outcomes(await files.take("credit-profiles", text)) == ["unchanged", "unchanged"]
    assert outcomes(await files.take("credit-limits", await files.export("credit-limits"))) == ["unchanged"] * 2


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


async def test_an_export_has_every_field_of_the_profile_and_only_what_may_be_seen(files: Any, made: Any) -> None:
    await files.credit.facts(
        made("erp.company.changed.v1", company="US01", currency="USD"),
        made("erp.customer.changed.v1", company="US01", customer="C-1"),
    )
    await files.take("credit-profiles", LIMITS)
    await files.credit.pool.execute("INSERT INTO credit_parameters VALUES ('US01', $1, 1)", {
        "allow_manual_limit_edit": True})  # fmt: skip
    await files.take("credit-profiles", "customer,credit_limit\nC-1,77\n", company="US01")
    rows = await files.rows("credit-profiles")
    assert [(r["company"], r["customer"]) for r in rows] == [
        ("DE01", "C-1"), ("DE01", "C-2"), ("DE01", "C-3"), ("US01", "C-1")]  # fmt: skip
    assert set(rows[0]) == set(await files.profile("C-1")) - COMPUTED
    seen = await files.call("GET", "/v1/credit-profiles/export", roles=("see",), companies=("US01",))
    assert [r["credit_limit"] for r in csv.DictReader(io.StringIO(seen.text))] == ["77.00"]
    wrong = await files.take("credit-profiles", await files.export("credit-profiles"))
    assert [(x["outcome"], x.get("field")) for x in wrong["lines"][-2:]] == [
        ("unchanged", None), ("refused", "customer")]  # fmt: skip
    denied = await files.call("POST", "/v1/credit-profiles/import?company=DE01", content="", companies=("US01",))
    assert denied.status_code == 404


async def test_raises_wait_for_approval_by_this_door_too(files: Any) -> None:
    await files.take("credit-profiles", LIMITS)
    await files.workflow(from_amount="1500")
    text = """customer,credit_limit,unlimited_credit
C-1,1200,false
C-2,5000,false
C-3,100,false
C-4,0,true
"""
    dry = await files.take("credit-profiles", text, dry_run=True)
    assert outcomes(dry) == ["waits_for_approval", "waits_for_approval", "changed", "waits_for_approval"]
    done = await files.take("credit-profiles", text)
    assert outcomes(done) == ["changed", "waits_for_approval", "changed", "waits_for_approval"]
    limits = [(await files.profile(c))["credit_limit"]["amount"] for c in ("C-1", "C-2", "C-3")]
    assert limits == ["1200.00", "2000.00", "100.00"]
    assert (await files.call("GET", "/v1/credit-profiles/DE01/C-4")).status_code == 404
    again = await files.take("credit-profiles", text)
    assert outcomes(again) == ["unchanged", "refused", "unchanged", "refused"]
    asked = done["lines"][1]["approval"]
    own = await files.call("POST", f"/v1/approvals/{asked}/approve", json={})
    assert own.status_code == 409
    approved = await files.call("POST", f"/v1/approvals/{asked}/approve", user="ann", json={})
    assert (approved.status_code, approved.json()["state"]) == (200, "completed"), approved.text
    assert (await files.profile("C-2"))["credit_limit"]["amount"] == "5000.00"
    trail = (await files.call("GET", f"/v1/approvals/{asked}")).json()
    assert trail["amount"] == "5000"


async def test_an_approval_of_a_line_lapses_when_the_limit_has_changed(files: Any) -> None:
    await files.take("credit-profiles", LIMITS)
    await files.workflow()
    asked = await files.take("credit-profiles", "customer,credit_limit\nC-1,5000\n")
    lower = await files.take("credit-profiles", "customer,credit_limit\nC-1,10\n")
    assert outcomes(lower) == ["changed"]
    number = asked["lines"][0]["approval"]
    late = await files.call("GET", f"/v1/approvals/{number}")
    assert (late.json()["state"], late.json()["lapsed"]) == ("cancelled", True)
    assert (await files.profile("C-1"))["credit_limit"]["amount"] == "10.00"


async def test_limits_that_change_by_adjustments_only_become_a_draft_journal(files: Any) -> None:
    await files.take("credit-profiles", LIMITS)
    await files.credit.pool.execute("UPDATE credit_parameters SET fields = '{}'")
    text = """customer,credit_limit,credit_limit_expiry_date
C-1,1000.00,2026-12-31
C-2,5000.00,2027-01-31
C-3,10.00,
"""
    refused = await files.take("credit-profiles", text)
    assert outcomes(refused) == ["unchanged", "refused", "refused"]
    assert outcomes(await files.take("credit-profiles", "customer,credit_rating\nC-1,A\n")) == ["changed"]
    dry = await files.take("credit-limits", text, dry_run=True)
    assert (outcomes(dry), dry["journal"]) == (["unchanged", "drafted", "refused"], None)
    done = await files.take("credit-limits", text, reason="yearly")
    journal = f"/v1/adjustments/{done['journal']}"
    (line,) = (await files.call("GET", f"{journal}/lines")).json()["items"]
    assert (line["customer"], line["new_limit"]["amount"], line["new_to_date"]) == ("C-2", "5000.00", "2027-01-31")
    assert (await files.profile("C-2"))["credit_limit"]["amount"] == "2000.00"
    posted = await files.call("POST", f"{journal}/post", json={})
    assert posted.status_code == 200, posted.text
    assert (await files.profile("C-2"))["credit_limit"]["amount"] == "5000.00"


async def test_a_limit_in_the_customers_currency(files: Any, made: Any) -> None:
    await files.credit.facts(made(
        "erp.exchange-rate.published.v1", rate_type="default", from_currency="USD", to_currency="EUR", rate="0.5",
        valid_from="2026-01-01"))  # fmt: skip
    text = "customer,customer_currency,credit_limit_customer_currency,credit_limit\nC-1,USD,300.00,\nC-2,USD,300.00,7\n"
    made_of = await files.take("credit-profiles", text)
    assert (outcomes(made_of), made_of["lines"][1]["field"]) == (["created", "refused"], "credit_limit")
    assert (await files.profile("C-1"))["credit_limit"]["amount"] == "150.00"
    await files.credit.facts(made(
        "erp.exchange-rate.published.v1", rate_type="default", from_currency="USD", to_currency="EUR", rate="0.8",
        valid_from="2026-02-01", version=2))  # fmt: skip
    assert outcomes(await files.take("credit-limits", await files.export("credit-limits"))) == ["unchanged"]
    other = await files.take("credit-profiles", "customer,notes\nC-1,seen\n")
    assert other["lines"][0]["fields"] == ["notes"]
    profile = await files.profile("C-1")
    assert profile["credit_limit_customer_currency"]["amount"] == "300.00"
    assert profile["credit_limit"]["amount"] == "150.00"
    await files.take("credit-limits", "customer,credit_limit\nC-1,160\n")
    assert (await files.profile("C-1"))["credit_limit_customer_currency"] is None


async def test_an_account_status_brings_its_hold(files: Any) -> None:
    await files.call("PUT", "/v1/master-data/account-statuses/DE01/STOP", json={"hold_effect": "all"}, headers={
        "if-none-match": "*"})  # fmt: skip
    await files.take("credit-profiles", LIMITS)
    await files.take("credit-profiles", "customer,account_status\nC-1,STOP\n")
    assert (await files.profile("C-1"))["invoicing_delivery_on_hold"] == "all"
    await files.take("credit-profiles", "customer;account_status;invoicing_delivery_on_hold\nC-2;STOP;no\n")
    assert (await files.profile("C-2"))["invoicing_delivery_on_hold"] == "no"


async def test_a_group_member_needs_the_confirmation(files: Any) -> None:
    await files.credit.pool.execute(
        "UPDATE credit_parameters SET fields = $1", {"allow_manual_limit_edit": True,
                                                     "check_customer_credit_groups": True})  # fmt: skip
    await files.take("credit-profiles", LIMITS)
    await files.credit.pool.execute(
        "INSERT INTO credit_group VALUES ('G', 'DE01', '', 'EUR', 9, '2026-12-31', false, 1)"
    )
    await files.credit.pool.execute("INSERT INTO credit_group_member VALUES ('DE01', 'C-1', 'G')")
    zero = "customer,credit_limit\nC-1,0\nC-2,0\n"
    assert outcomes(await files.take("credit-profiles", zero, dry_run=True)) == ["refused", "changed"]
    sure = await files.take("credit-profiles", zero, confirm_group_limit=True)
    assert outcomes(sure) == ["changed", "changed"]


async def test_a_file_is_taken_once_and_a_dry_run_is_another_request(files: Any) -> None:
    path, params = "/v1/credit-profiles/import", {"company": "DE01"}
    dry = await files.call("POST", path, params=params | {"dry_run": "true"}, content=LIMITS, key="one")
    assert dry.json()["applied"] is False
    reused = await files.call("POST", path, params=params, content=LIMITS, key="one")
    assert reused.status_code == 422
    first = await files.call("POST", path, params=params, content=LIMITS, key="two")
    again = await files.call("POST", path, params=params, content=LIMITS, key="two")
    assert (first.json()["counts"]["created"], again.content) == (3, first.content)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(b"", "customer is missing", id="empty"),
        pytest.param(b"credit_limit\n1\n", "customer is missing", id="missing column"),
        pytest.param(b"customer,limit\nC-1,1\n", "no column 'limit'", id="unknown column"),
        pytest.param(b"customer,customer\nC-1,1\n", "is there twice", id="a column twice"),
        pytest.param("customer,notes\nC-1,Müller\n".encode("latin-1"), "line 2 is not UTF-8", id="encoding"),
        pytest.param("customer,notes\nC-1,x\n".encode("utf-16"), "line 1 is not UTF-8", id="utf-16"),
        pytest.param(b'customer,"notes\n', "line 1 is no CSV", id="quotes in the header"),
    ],
)  # fmt: skip
async def test_what_is_no_table_is_refused(files: Any, text: bytes, says: str) -> None:
    answer = await files.call("POST", "/v1/credit-profiles/import?company=DE01", content=text)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert says in error["problem"]
    assert error["remedy"]


async def test_wrong_quotes_stop_the_reading_there(files: Any) -> None:
    text = 'customer,notes,credit_limit\nC-1,"two\nlines",1\nC-2,"open,2\nC-3,x,3\n'
    found = await files.take("credit-profiles", text)
    assert [(x["line"], x["outcome"]) for x in found["lines"]] == [(2, "created"), (4, "refused")]
    assert (await files.profile("C-1"))["notes"] == "two\nlines"


async def test_too_much_is_refused_before_it_is_read(files: Any) -> None:
    lines = b"customer,credit_limit\n" + b"C-1,1\n" * 200_001
    many = await files.call("POST", "/v1/credit-profiles/import?company=DE01", content=lines)
    assert (many.status_code, many.json()["type"].rpartition("/")[2]) == (413, "too-many-lines")
    large = await files.call("POST", "/v1/credit-profiles/import?company=DE01", content=b"x" * (50 * 1024 * 1024 + 1))
    assert (large.status_code, large.json()["type"].rpartition("/")[2]) == (413, "body-too-large")


async def test_a_spreadsheet_computes_nothing_of_an_export(files: Any) -> None:
    await files.take("credit-profiles", LIMITS)
    await files.take("credit-profiles", 'customer,notes\nC-1,=1+1\nC-2,\'=x\nC-3,"-"\n')
    rows = {row["customer"]: row["notes"] for row in await files.rows("credit-profiles")}
    assert rows == {"C-1": "'=1+1", "C-2": "'=x", "C-3": "'-"}
    assert (await files.profile("C-1"))["notes"] == "=1+1"
    assert set(outcomes(await files.take("credit-profiles", await files.export("credit-profiles")))) == {"unchanged"}


async def test_amounts_are_exact(files: Any) -> None:
    await files.take("credit-profiles", "customer,credit_limit\nC-1,99999999999999.99\n")
    stored = await files.credit.pool.fetchval("SELECT credit_limit FROM credit_profile WHERE customer = 'C-1'")
    assert stored == Decimal("99999999999999.99")
