"""What every door is measured by, and what a request is asked on (spec 1.17, 2.3, 2.4)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from credit_service.profiles.model import BEYOND_EVERY_BAND

BEYOND = str(BEYOND_EVERY_BAND)


async def asked(doors: Any, answer: Any) -> Decimal:
    """The amount that a request is asked at."""
    return Decimal((await doors.approval(answer))["amount"])


async def test_an_approved_change_leaves_what_others_changed_meanwhile(doors: Any) -> None:
    await doors.profile("100")
    await doors.workflow()
    waiting = await doors.approval(await doors.profile("500"))
    held = await doors.profile("100", invoicing_delivery_on_hold="all", notes="do not deliver")
    assert held.status_code == 200, held.text
    assert (await doors.decide(waiting))["state"] == "completed"
    now = await doors.now()
    assert (now["credit_limit"]["amount"], now["invoicing_delivery_on_hold"], now["notes"]) == (
        "500.00", "all", "do not deliver")  # fmt: skip


async def test_a_change_of_a_field_that_is_asked_for_lapses_the_request(doors: Any) -> None:
    await doors.profile("100", notes="first")
    await doors.workflow()
    waiting = await doors.approval(await doors.profile("500", notes="second"))
    assert (await doors.profile("100", notes="third")).status_code == 200
    after = (await doors.call("GET", f"/v1/approvals/{waiting['id']}")).json()
    assert (after["state"], after["lapsed"]) == ("cancelled", True)
    assert (await doors.now())["notes"] == "third"


async def test_a_policy_is_measured_with_what_it_adds(doors: Any) -> None:
    await doors.workflow({"name": "board", "users": ["ann"], "from_amount": "100000"})
    assert await asked(doors, await doors.policy("1000000")) == 1_000_000
    made = await doors.policy("60000")
    assert made.status_code == 201, made.text
    assert await asked(doors, await doors.policy("60000", identification="another")) == 120_000
    assert await asked(doors, await doors.profile("50000")) == 110_000


async def test_of_policies_asked_for_side_by_side_one_takes_effect(doors: Any) -> None:
    await doors.workflow()
    first, second = [await doors.approval(await doors.policy("60000", identification=name)) for name in ("A", "B")]
    assert (await doors.decide(first))["state"] == "completed"
    assert (await doors.call("GET", f"/v1/approvals/{second['id']}")).json()["lapsed"] is True


@pytest.mark.parametrize(
    ("before", "after", "parameters", "amount"),
    [
        pytest.param({"limit": "100"}, {"limit": "0", "confirm_group_limit": True}, {}, "15000", id="0 in a group"),
        pytest.param({"limit": "0", "mandatory_credit_limit": True}, {"limit": "0"}, {}, "15000", id="not mandatory"),
        pytest.param({"limit": "100", "mandatory_credit_limit": True}, {"limit": "100"},
                     {"credit_limit_type": "none"}, BEYOND, id="no type"),
        pytest.param({"limit": "100"}, {"limit": "100", "ignore_until_date": "2026-05-01"}, {}, BEYOND, id="ignored"),
        pytest.param({"limit": "100"}, {"limit": "900"}, {}, "900", id="own limit of a member"),
    ],
)  # fmt: skip
async def test_a_profile_is_measured_by_what_is_tested_afterwards(
    doors: Any, before: Any, after: Any, parameters: Any, amount: str
) -> None:
    await doors.parameters(check_customer_credit_groups=True, **parameters)
    expiry = {"credit_limit_expiry_date": "2026-12-31"}
    await doors.profile(**before)
    await doors.group("30000", "USD")
    await doors.join()
    await doors.workflow()
    assert await asked(doors, await doors.profile(**after, **expiry)) == Decimal(amount)


async def test_a_flagged_policy_that_reduces_the_limit_is_not_switched_off_or_removed_unasked(doors: Any) -> None:
    await doors.parameters(flagged_policy_mode="reduce_limit")
    await doors.profile("100000")
    number = (await doors.policy("50000", "50", included_in_exposure=True)).json()["id"]
    await doors.workflow()
    assert await asked(doors, await doors.policy("50000", "50", number)) == 125_000
    assert (await doors.policy("40000", "50", number, included_in_exposure=True)).status_code == 409, "one is pending"
    (waiting,) = (await doors.call("GET", "/v1/approvals?state=approval_pending")).json()["items"]
    await doors.decide(waiting, "recall", "kim")
    assert await asked(doors, await doors.policy("10000", "50", number, included_in_exposure=True)) == 95_000
    (waiting,) = (await doors.call("GET", "/v1/approvals?state=approval_pending")).json()["items"]
    await doors.decide(waiting, "deny")
    tag = (await doors.call("GET", f"/v1/policies/{number}")).headers["etag"]
    removed = await doors.approval(await doors.call("DELETE", f"/v1/policies/{number}", tag=tag))
    assert Decimal(removed["amount"]) == 100_000
    assert (await doors.call("GET", f"/v1/policies/{number}")).status_code == 200
    assert (await doors.decide(removed))["state"] == "completed"
    assert (await doors.call("GET", f"/v1/policies/{number}")).status_code == 404


@pytest.mark.parametrize("percent", ["0", None])
async def test_a_member_whose_limit_was_only_a_policy_does_not_lose_it_unasked(doors: Any, percent: Any) -> None:
    await doors.parameters(check_customer_credit_groups=True)
    number = (await doors.policy("1000")).json()["id"]
    await doors.group("20000")
    await doors.join()
    await doors.workflow()
    tag = (await doors.call("GET", f"/v1/policies/{number}")).headers["etag"]
    gone = (
        await doors.policy("1000", percent, number)
        if percent
        else await doors.call("DELETE", f"/v1/policies/{number}", tag=tag)
    )
    assert await asked(doors, gone) == 20_000


async def test_what_lowers_the_limit_by_policies_takes_effect_at_once(doors: Any) -> None:
    number = (await doors.policy("1000")).json()["id"]
    await doors.workflow()
    assert (await doors.policy("900", "50", number)).status_code == 200
    tag = (await doors.call("GET", f"/v1/policies/{number}")).headers["etag"]
    assert (await doors.call("DELETE", f"/v1/policies/{number}", tag=tag)).status_code == 204


async def test_a_group_is_measured_in_company_currency(doors: Any) -> None:
    await doors.group("1000", "USD")
    await doors.workflow()
    assert await asked(doors, await doors.group("40000", "USD")) == 20_000
    await doors.credit.pool.execute("DELETE FROM exchange_rate")
    refused = await doors.group("50000", "USD")
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (422, "no-exchange-rate")


async def test_who_leaves_a_group_is_measured_by_their_own_limit(doors: Any) -> None:
    await doors.parameters(check_customer_credit_groups=True)
    await doors.profile("70000")
    await doors.group("1000")
    await doors.join()
    await doors.workflow()
    assert await asked(doors, await doors.join(leave=True)) == 70_000


async def test_every_company_whose_customer_may_owe_more_approves(doors: Any) -> None:
    for company in ("DE01", "US01"):
        await doors.parameters(company, check_customer_credit_groups=True)
    await doors.group("1000")
    for company in ("DE01", "US01"):
        await doors.join(company=company)
    await doors.workflow(company="US01")
    foreign = await doors.approval(await doors.group("5000"))
    assert (foreign["company"], Decimal(foreign["amount"])) == ("US01", 10_000)
    await doors.decide(foreign, "recall", "kim")
    await doors.workflow()
    own = await doors.approval(await doors.group("5000"))
    assert (own["company"], Decimal(own["amount"])) == ("DE01", 5_000)
    assert (await doors.decide(own))["state"] == "completed"
    assert (await doors.call("GET", "/v1/credit-groups/G-1")).json()["credit_limit"]["amount"] == "1000.00"
    (other,) = (await doors.call("GET", "/v1/approvals?state=approval_pending")).json()["items"]
    assert (other["company"], other["requester"]) == ("US01", "kim")
    assert (await doors.decide(other, user="bob"))["state"] == "completed"
    assert (await doors.call("GET", "/v1/credit-groups/G-1")).json()["credit_limit"]["amount"] == "5000.00"


async def test_what_one_company_has_approved_is_not_done_when_it_has_changed_before_the_other_approves(
    doors: Any,
) -> None:
    for company in ("DE01", "US01"):
        await doors.parameters(company, check_customer_credit_groups=True)
        await doors.workflow(company=company)
    await doors.group("1000")
    await doors.join(company="US01")
    waiting = (await doors.call("GET", "/v1/approvals?state=approval_pending")).json()["items"]
    await doors.decide(waiting[0])
    (other,) = (await doors.call("GET", "/v1/approvals?state=approval_pending")).json()["items"]
    assert (await doors.group("500")).status_code == 200
    again = await doors.call("POST", f"/v1/approvals/{other['id']}/resubmit", {})
    assert again.json()["state"] == "approval_pending", again.text
    assert (await doors.decide(other, user="bob"))["state"] == "change_requested"
    assert (await doors.call("GET", "/v1/credit-groups/G-1")).json()["members"] == []


async def test_of_a_member_of_another_company_an_approval_shows_nothing(doors: Any) -> None:
    await doors.group("1000")
    await doors.workflow()
    waiting = await doors.approval(await doors.join(company="US01"))
    assert waiting["proposal"]["member"] == {"company": "US01", "customer": "C-1001"}
    for path in (f"/v1/approvals/{waiting['id']}", "/v1/approvals"):
        seen = await doors.call("GET", path, companies=("DE01",))
        assert (seen.status_code, "US01" in seen.text, "C-1001" in seen.text) == (200, False, False)


async def test_an_expiry_of_a_group_that_moves_a_members_out_is_a_raise(doors: Any) -> None:
    await doors.group("1000", expiry="2027-12-31")
    await doors.join()
    await doors.profile("10", credit_limit_expiry_date="2026-03-31")
    await doors.workflow()
    waiting = await doors.approval(await doors.group("1000", expiry="2026-12-31"))
    assert (await doors.now())["credit_limit_expiry_date"] == "2026-03-31"
    await doors.decide(waiting)
    assert (await doors.now())["credit_limit_expiry_date"] == "2026-12-31"


async def test_off_means_off(doors: Any) -> None:
    await doors.profile("100", mandatory_credit_limit=True)
    await doors.group("1000")
    await doors.parameters(allow_manual_limit_edit=False)
    fields = {"mandatory_credit_limit": True}
    for change in ({"unlimited_credit": True}, {"exclude_from_credit_management": True},
                   {"mandatory_credit_limit": False}, {"ignore_until_date": "2027-01-01"}):  # fmt: skip
        refused = await doors.profile("100", **fields | change)
        assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (409, "limits-by-adjustment-only")
    assert (await doors.profile("100", notes="fine", **fields)).status_code == 200
    for group in (doors.group("2000"), doors.group("1000", expiry="2027-06-30"), doors.group("500")):
        assert (await group).status_code == 409
    await doors.workflow()
    assert (await doors.profile("100", unlimited_credit=True, **fields)).status_code == 202


async def test_parameters_by_which_more_may_be_owed_are_asked_for_beyond_every_band(doors: Any) -> None:
    await doors.workflow()
    path = "/v1/credit-parameters/DE01"
    now = {"allow_manual_limit_edit": True}
    for change in ({"credit_limit_type": "none"}, {"credit_management_enabled": False},
                   {"check_customer_credit_groups": True}, {"open_order_horizon_days": 30}):  # fmt: skip
        waiting = await doors.approval(await doors.put(path, now | change))
        assert waiting["amount"] == BEYOND
        await doors.decide(waiting, "recall", "kim")
    stricter = await doors.put(path, now | {"limit_comparison": "inclusive", "flagged_policy_mode": "reduce_limit"})
    assert stricter.status_code == 200
    waiting = await doors.approval(await doors.put(path, now))
    assert (await doors.call("GET", path)).json()["limit_comparison"] == "inclusive"
    assert (await doors.decide(waiting))["state"] == "completed"
    assert (await doors.call("GET", path)).json()["limit_comparison"] == "strict"
