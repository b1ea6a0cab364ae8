"""Who leaves a credit group raises nobody's tested limit but their own: who is asked, and what is tested before and
after (spec 1.17, ADR 12)."""

from __future__ import annotations

from typing import Any


async def limits_tested(doors: Any) -> dict[str, list[tuple[str, str]]]:
    """The limits that are tested, by customer: level and amount."""
    found = {}
    for party in ("DE01/C-1001", "US01/C-1001", "DE01/C-2"):
        view = (await doors.call("GET", f"/v1/exposures/{party}")).json()
        found[party] = [(level["level"], level["limit"]["amount"]) for level in view["levels"] if level["limit"]]
    return found


async def group_of_three(doors: Any) -> None:
    await doors.credit.facts(doors.made("erp.customer.changed.v1", customer="C-2"))
    for company in ("DE01", "US01"):
        await doors.parameters(company, check_customer_credit_groups=True)
    await doors.group("10000")
    for customer, company in (("C-1001", "DE01"), ("C-1001", "US01"), ("C-2", "DE01")):
        await doors.profile("20000", customer, company)
        assert (await doors.join(customer, company)).status_code == 200


async def test_those_who_stay_are_tested_against_what_they_were(doors: Any) -> None:
    await group_of_three(doors)
    before = await limits_tested(doors)
    await doors.workflow()
    await doors.workflow(company="US01")
    asked = await doors.approval(await doors.join("C-2", leave=True))
    assert asked["company"] == "DE01"
    assert (await doors.decide(asked))["state"] == "completed"
    waiting = (await doors.call("GET", "/v1/approvals?state=approval_pending")).json()["items"]
    assert waiting == [], "US01, whose customer stays, is not asked"
    after = await limits_tested(doors)
    assert {p: after[p] for p in before if p != "DE01/C-2"} == {p: before[p] for p in before if p != "DE01/C-2"}
    assert (before["DE01/C-2"][0][0], after["DE01/C-2"]) == ("group", [("own", "20000.00")])


async def test_the_company_of_who_leaves_is_asked_after_the_owner(doors: Any) -> None:
    await group_of_three(doors)
    await doors.workflow()
    await doors.workflow(company="US01")
    first = await doors.approval(await doors.join("C-1001", "US01", leave=True))
    assert (first["company"], (await doors.decide(first))["state"]) == ("DE01", "completed")
    (second,) = (await doors.call("GET", "/v1/approvals?state=approval_pending")).json()["items"]
    assert (second["company"], second["proposal"]["act"]) == ("US01", "leave")
    assert (await doors.decide(second))["state"] == "completed"
    assert await limits_tested(doors) | {"US01/C-1001": [("own", "20000.00")]} == await limits_tested(doors)
