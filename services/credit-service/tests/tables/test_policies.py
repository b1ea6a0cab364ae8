"""Policies from and to CSV (spec 1.8, 1.17)."""

from __future__ import annotations

from typing import Any

from holdfast.contracts.credit import ProfileChanged

HEADER = (
    "customer,kind,type,insurer_guarantor,identification,effective_from,expires_on,value,currency,"
    "update_credit_limit_pct"
)
FILE = f"""{HEADER}
C-1,insurance,GENERAL,Euler,P-1,2026-01-01,2026-12-31,50000,EUR,50
C-1,guarantee,GENERAL,Bank,,2026-01-01,2026-12-31,1000.00,USD,0
C-2,insurance,GENERAL,"Euler, Paris",,2026-01-01,2027-12-31,7000.00,EUR,
"""


def outcomes(report: dict[str, Any]) -> list[str]:
    """What became of the lines, in order."""
    return [line["outcome"] for line in report["lines"]]


async def policies(files: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await files.call("GET", "/v1/policies")).json()["items"]
    return found


async def test_a_file_adds_policies_once_and_an_export_changes_nothing(files: Any) -> None:
    assert outcomes(await files.take("policies", FILE, dry_run=True)) == ["created"] * 3
    assert await policies(files) == []
    made = await files.take("policies", FILE)
    assert outcomes(made) == ["created"] * 3
    assert {x["id"] for x in made["lines"]} == {p["id"] for p in await policies(files)}
    assert outcomes(await files.take("policies", FILE)) == ["unchanged"] * 3
    assert outcomes(await files.take("policies", await files.export("policies"))) == ["unchanged"] * 3
    told = [e for e in await files.credit.published(ProfileChanged.event_type) if e.get("customer") == "C-1"]
    assert [(e["version"], len(e["policies"])) for e in told] == [(1, 2)]
    assert [r["customer"] for r in await files.rows("policies", expires_until="2026-12-31")] == ["C-1", "C-1"]
    assert set((await files.rows("policies"))[0]) == {*(await policies(files))[0], "currency"}


async def test_a_line_with_an_id_changes_that_policy(files: Any) -> None:
    made = await files.take("policies", FILE)
    first, second, third = (x["id"] for x in made["lines"])
    text = f"""id,version,customer,value,coverage_type,expires_on
{first},1,C-1,40000,,2026-12-31
{second},1,C-1,1000,X,2026-12-31
{third},9,C-2,7000,,2027-12-31
{first},1,C-1,1,,2026-12-31
{third},1,C-1,7000,,2027-12-31
00000000-0000-0000-0000-000000000000,,C-1,1,,2026-12-31
P-1,,C-1,1,,2026-12-31
{third},,C-2,7000,,2020-01-01
"""
    found = await files.take("policies", text)
    assert [(x["outcome"], x.get("field")) for x in found["lines"]] == [
        ("changed", None), ("refused", "coverage_type"), ("refused", "version"), ("refused", "id"), ("refused", "id"),
        ("refused", "id"), ("refused", "id"), ("refused", "id"),
    ]  # fmt: skip
    assert found["lines"][0]["fields"] == ["value"]
    kept = (await files.call("GET", f"/v1/policies/{first}")).json()
    assert (kept["value"]["amount"], kept["insurer_guarantor"], kept["version"]) == ("40000.00", "Euler", 2)
    ends = await files.take("policies", f"id,customer,expires_on\n{third},C-2,2020-01-01\n")
    assert ends["lines"][0]["field"] == "expires_on"
    again = await files.take("policies", FILE)
    assert [x.get("problem", "")[:36] for x in again["lines"]] == ["this line has added that policy befo", "", ""]


async def test_what_cannot_be_is_refused_line_by_line(files: Any) -> None:
    text = f"""{HEADER},included_in_exposure
C-1,insurance,GENERAL,Euler,,2026-01-01,2026-12-31,5,EUR,101,
C-1,bond,GENERAL,Euler,,2026-01-01,2026-12-31,5,EUR,1,
C-1,insurance,GENERAL,,,2026-01-01,2026-12-31,5,EUR,1,
C-1,insurance,GENERAL,Euler,,2026-01-01,2026-12-31,5.001,EUR,1,
C-1,insurance,GENERAL,Euler,,01.01.2026,2026-12-31,5,EUR,1,
C-1,insurance,GENERAL,Euler,,2026-01-01,2026-12-31,5,XXQ,1,
C-1,insurance,GENERAL,Euler,,2026-01-01,2026-12-31,5,EUR,1,maybe
X-1,insurance,GENERAL,Euler,,2026-01-01,2026-12-31,5,EUR,1,
C-1,insurance,GENERAL,Euler,,2026-01-01,2026-12-31,5,EUR,1,yes
C-1,insurance,GENERAL,Euler,,2026-01-01,2026-12-31,5,EUR,1,true
C-1,insurance,,Euler,,2026-01-01,2026-12-31,5,EUR,1,yes
C-1,insurance,SPARE,Euler,,2026-01-01,2026-12-31,5,EUR,1,yes
"""
    found = await files.take("policies", text)
    assert [x.get("field") for x in found["lines"]] == [
        "update_credit_limit_pct", "kind", "insurer_guarantor", "value.amount", "effective_from", "value.currency",
        "included_in_exposure", "customer", None, "line", "type", "type",
    ]  # fmt: skip
    assert all(x["problem"] and x["remedy"] for x in found["lines"] if x["outcome"] == "refused")
    assert len(await policies(files)) == 1


async def test_policies_that_raise_a_limit_wait_for_approval(files: Any) -> None:
    await files.workflow()
    found = await files.take("policies", FILE)
    assert outcomes(found) == ["waits_for_approval", "created", "created"]
    again = await files.take("policies", FILE)
    assert outcomes(again) == ["refused", "unchanged", "unchanged"]
    assert len(await policies(files)) == 2
    number = found["lines"][0]["approval"]
    approved = await files.call("POST", f"/v1/approvals/{number}/approve", user="ann", json={})
    assert approved.json()["state"] == "completed", approved.text
    assert found["lines"][0]["id"] in {p["id"] for p in await policies(files)}
    assert outcomes(await files.take("policies", FILE)) == ["unchanged"] * 3
    first = found["lines"][0]["id"]
    more = await files.take("policies", f"id,customer,value\n{first},C-1,60000\n")
    less = await files.take("policies", f"id,customer,value\n{first},C-1,100\n")
    assert (outcomes(more), outcomes(less)) == (["waits_for_approval"], ["changed"])
    late = await files.call("GET", f"/v1/approvals/{more['lines'][0]['approval']}")
    assert (late.json()["state"], late.json()["lapsed"]) == ("cancelled", True)
