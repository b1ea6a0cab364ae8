"""Whatever raises what a customer may owe passes approval, by whatever door (spec 1.17)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from holdfast.contracts.credit import ProfileChanged
from holdfast.contracts.credit_notices import LimitChanged
from holdfast.contracts.notifications import NotificationRequested
from holdfast.web.auth import issue_token

PROFILE = "/v1/credit-profiles/DE01/C-1001"
STEPS = [
    {"name": "manager", "permission": "approvals:decide"},
    {"name": "board", "users": ["ann", "bob"], "needed": 2, "from_amount": "100000"},
]
As = Callable[..., Awaitable[httpx.Response]]


def key(**headers: str) -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), **headers}


def limit(amount: str, **more: Any) -> dict[str, Any]:
    return {"credit_limit": {"amount": amount, "currency": "EUR"}, **more}


@pytest.fixture
async def call(address: str, credit: Any) -> AsyncIterator[As]:
    """Call the API as a named user."""
    async with httpx.AsyncClient(base_url=address) as client:

        async def send(
            user: str, method: str, path: str, body: Any = None, tag: str | None = None, *, new: bool = False
        ) -> httpx.Response:
            token = issue_token(credit.settings, user, ["administer"])
            on = {"if-match": tag} if tag else {"if-none-match": "*"} if new else {}
            headers = key(authorization=f"Bearer {token}", **on)
            return await client.request(method, path, json=body, headers=headers)

        path = "/v1/workflows/DE01/credit-profile-change"
        made = await send("kim", "PUT", path, {"active": True, "steps": STEPS}, '"0"')
        assert made.status_code == 200
        yield send


async def raise_to(call: As, amount: str, tag: str, **more: Any) -> dict[str, Any]:
    answer = await call("kim", "PUT", PROFILE, limit(amount, **more), tag)
    assert answer.status_code == 202, answer.text
    approval: dict[str, Any] = answer.json()["approval"]
    return approval


async def started(credit: Any, call: As) -> None:
    """The profile exists with a limit of 0, version 1."""
    assert (await call("kim", "PUT", PROFILE, limit("0"), new=True)).status_code == 201


async def test_a_raise_waits_and_takes_effect_when_somebody_else_approves(credit: Any, call: As) -> None:
    await started(credit, call)
    approval = await raise_to(call, "5000", '"1"', reason="good payer")
    assert (approval["state"], approval["waits_for"]) == ("approval_pending", "manager")
    assert (await call("kim", "GET", PROFILE)).json()["credit_limit"]["amount"] == "0.00"
    own = await call("kim", "POST", f"/v1/approvals/{approval['id']}/approve", {})
    assert (own.status_code, "four eyes" in own.json()["detail"]) == (409, True)
    done = await call("ann", "POST", f"/v1/approvals/{approval['id']}/approve", {"note": "fine"})
    assert done.json()["state"] == "completed"
    assert (await call("kim", "GET", PROFILE)).json()["credit_limit"]["amount"] == "5000.00"
    trail = (await call("kim", "GET", f"/v1/approvals/{approval['id']}")).json()["trail"]
    assert [(entry["who"], entry["act"]) for entry in trail] == [
        ("kim", "submitted"), ("ann", "approve"), ("ann", "completed")]  # fmt: skip
    history = (await call("kim", "GET", f"{PROFILE}/limit-history")).json()["items"]
    assert (history[0]["new_limit"]["amount"], history[0]["who"], history[0]["why"]) == (
        "5000.00", "kim", "good payer")  # fmt: skip


async def test_bands_measure_the_resulting_limit(credit: Any, call: As) -> None:
    await started(credit, call)
    small = await raise_to(call, "90000", '"1"')
    await call("ann", "POST", f"/v1/approvals/{small['id']}/approve", {})
    large = await raise_to(call, "100000", '"2"')
    for who, state, waits, approvers in (
        ("eve", "approval_pending", "board", []), ("ann", "approval_pending", "board", ["ann"]),
        ("bob", "completed", None, ["eve", "ann", "bob"]),
    ):  # fmt: skip
        answer = (await call(who, "POST", f"/v1/approvals/{large['id']}/approve", {})).json()
        assert (answer["state"], answer["waits_for"], answer["approved_by"]) == (state, waits, approvers)
    listed = (await call("kim", "GET", "/v1/approvals?state=completed")).json()["items"]
    assert sorted(item["approved_by"] for item in listed) == [["ann"], ["eve", "ann", "bob"]]


async def test_what_lowers_takes_effect_at_once_and_the_raise_that_was_asked_lapses(credit: Any, call: As) -> None:
    await started(credit, call)
    first = await raise_to(call, "5000", '"1"')
    await call("ann", "POST", f"/v1/approvals/{first['id']}/approve", {})
    asked = await raise_to(call, "9000", '"2"')
    lowered = await call("kim", "PUT", PROFILE, limit("3000"), '"2"')
    assert lowered.status_code == 200
    late = await call("kim", "GET", f"/v1/approvals/{asked['id']}")
    assert (late.json()["state"], late.json()["lapsed"]) == ("cancelled", True)
    told = [(n["template"], n["to_users"]) for n in await credit.published(NotificationRequested.event_type)]
    assert told == [
        ("approval.asked", []), ("approval.decided", ["kim"]), ("approval.asked", []), ("approval.lapsed", ["kim"])
    ]  # fmt: skip
    gone = await call("ann", "POST", f"/v1/approvals/{asked['id']}/approve", {})
    assert gone.status_code == 409
    assert (await call("kim", "GET", PROFILE)).json()["credit_limit"]["amount"] == "3000.00"


async def test_an_approval_decided_twice_at_once_takes_effect_once(credit: Any, call: As) -> None:
    await started(credit, call)
    asked = await raise_to(call, "5000", '"1"')
    path = f"/v1/approvals/{asked['id']}/approve"
    answers = await asyncio.gather(*(call(who, "POST", path, {}) for who in ("ann", "bob", "eve", "sam")))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert [event["version"] for event in await credit.published(ProfileChanged.event_type)] == [1, 2]
    assert [event["credit_limit"] for event in await credit.published(LimitChanged.event_type)] == ["5000"]


@pytest.mark.parametrize("fields", [{"unlimited_credit": True}, {"exclude_from_credit_management": True}])
async def test_unlimited_and_excluded_are_raises_beyond_every_band(credit: Any, call: As, fields: Any) -> None:
    await started(credit, call)
    asked = await raise_to(call, "0", '"1"', **fields)
    await call("ann", "POST", f"/v1/approvals/{asked['id']}/approve", {})
    shown = (await call("kim", "GET", f"/v1/approvals/{asked['id']}")).json()
    assert shown["waits_for"] == "board"


async def test_policies_groups_and_memberships_are_doors_too(credit: Any, call: As) -> None:
    policy = {
        "company": "DE01", "customer": "C-1001", "kind": "insurance", "type": "GENERAL", "insurer_guarantor": "Euler",
        "effective_from": "2026-01-01", "expires_on": "2026-12-31",
        "value": {"amount": "50000", "currency": "EUR"}, "update_credit_limit_pct": "50",
    }  # fmt: skip
    added = await call("kim", "POST", "/v1/policies", policy)
    assert added.status_code == 202
    await call("ann", "POST", f"/v1/approvals/{added.json()['approval']['id']}/approve", {})
    assert [p["value"]["amount"] for p in (await call("kim", "GET", "/v1/policies")).json()["items"]] == ["50000.00"]
    group = {"owner_company": "DE01", "expiry_date": "2026-12-31", **limit("15000")}
    assert (await call("kim", "PUT", "/v1/credit-groups/G-1", group, new=True)).status_code == 200
    joined = await call("kim", "POST", "/v1/credit-groups/G-1/members", {"company": "DE01", "customer": "C-1001"})
    assert joined.status_code == 202
    await call("ann", "POST", f"/v1/approvals/{joined.json()['approval']['id']}/approve", {})
    members = (await call("kim", "GET", "/v1/credit-groups/G-1")).json()["members"]
    assert members == [{"company": "DE01", "customer": "C-1001"}]
    more = await call("kim", "PUT", "/v1/credit-groups/G-1", group | limit("20000"), '"2"')
    assert more.status_code == 202
    less = await call("kim", "PUT", "/v1/credit-groups/G-1", group | limit("10000"), '"2"')
    assert less.status_code == 200


async def test_a_delegate_decides_for_an_approver_within_the_dates(credit: Any, call: As) -> None:
    await started(credit, call)
    first = await raise_to(call, "200000", '"1"')
    await call("sam", "POST", f"/v1/approvals/{first['id']}/approve", {})
    stranger = await call("zoe", "POST", f"/v1/approvals/{first['id']}/approve", {})
    assert stranger.status_code == 409
    given = {"company": "DE01", "to_user": "zoe", "from_date": "2026-01-01", "to_date": "2027-12-31"}
    assert (await call("ann", "POST", "/v1/delegations", given)).status_code == 201
    (listed,) = (await call("ann", "GET", "/v1/delegations")).json()["items"]
    assert (listed["from_user"], listed["to_user"]) == ("ann", "zoe")
    await call("bob", "POST", f"/v1/approvals/{first['id']}/approve", {})
    done = await call("zoe", "POST", f"/v1/approvals/{first['id']}/approve", {})
    assert (done.json()["state"], done.json()["approved_by"]) == ("completed", ["sam", "bob", "ann"])


async def test_recall_and_resubmit_belong_to_who_asked(credit: Any, call: As) -> None:
    await started(credit, call)
    asked = await raise_to(call, "5000", '"1"')
    path = f"/v1/approvals/{asked['id']}"
    assert (await call("ann", "POST", f"{path}/recall", {})).status_code == 409
    assert (await call("kim", "POST", f"{path}/recall", {})).json()["state"] == "cancelled"
    assert (await call("kim", "POST", f"{path}/resubmit", {})).json()["state"] == "approval_pending"
    assert (await call("ann", "POST", f"{path}/deny", {})).json()["state"] == "approval_denied"
    assert (await call("kim", "GET", PROFILE)).json()["credit_limit"]["amount"] == "0.00"
