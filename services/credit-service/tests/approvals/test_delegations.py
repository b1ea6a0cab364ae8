"""Who may set and end a delegation, over HTTP (spec 1.17)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from holdfast.web.auth import issue_token

GIVEN = {"company": "DE01", "to_user": "zoe", "from_date": "2026-03-01", "to_date": "2026-03-31"}
DECIDER, KEEPER = "approvals:decide", "workflows:maintain"


async def call(
    doors: Any, method: str, path: str, body: Any = None, *, user: str = "ann", may: tuple[str, ...] = (DECIDER,),
    companies: tuple[str, ...] = ("*",),
) -> httpx.Response:  # fmt: skip
    token = issue_token(doors.credit.settings, user, may, companies)
    headers = {"authorization": f"Bearer {token}", "idempotency-key": str(uuid4())}
    found: httpx.Response = await doors.client.request(method, path, json=body, headers=headers)
    return found


async def delegated(doors: Any, **changes: Any) -> str:
    made = await call(doors, "POST", "/v1/delegations", GIVEN | changes)
    assert made.status_code == 201, made.text
    assert made.json()["from_user"] == "ann"
    return f"/v1/delegations/{made.json()['id']}"


async def test_only_who_decides_delegates_and_only_their_own_part(doors: Any) -> None:
    assert (await call(doors, "POST", "/v1/delegations", GIVEN, may=("approvals:see",))).status_code == 403
    assert (await call(doors, "POST", "/v1/delegations", GIVEN, companies=("US01",))).status_code == 404
    for wrong in ({"to_user": "ann"}, {"to_date": "2026-02-28"}, {"from_user": "bob"}):
        assert (await call(doors, "POST", "/v1/delegations", GIVEN | wrong)).status_code == 422
    assert (await call(doors, "POST", "/v1/delegations", GIVEN | {"to_date": "2026-03-01"})).status_code == 201


@pytest.mark.parametrize(
    ("user", "may", "companies", "status"),
    [
        ("ann", (DECIDER,), ("*",), 204),
        ("zoe", (DECIDER,), ("*",), 409),
        ("kim", (DECIDER, KEEPER), ("*",), 204),
        ("kim", (KEEPER,), ("*",), 403),
        ("ann", ("approvals:see",), ("*",), 403),
        ("ann", (DECIDER,), ("US01",), 404),
    ],
)
async def test_who_may_end_a_delegation(
    doors: Any, user: str, may: tuple[str, ...], companies: tuple[str, ...], status: int
) -> None:
    path = await delegated(doors)
    ended = await call(doors, "DELETE", path, user=user, may=may, companies=companies)
    assert ended.status_code == status, ended.text
    left = (await call(doors, "GET", "/v1/delegations", may=("approvals:see",))).json()["items"]
    assert len(left) == (0 if status == 204 else 1)


async def test_a_delegation_that_is_ended_counts_no_more(doors: Any) -> None:
    await doors.workflow({"name": "manager", "users": ["ann"]})
    asked = await doors.approval(await doors.profile("9000"))
    path = await delegated(doors)
    assert (await call(doors, "DELETE", path)).status_code == 204
    refused = await doors.call("POST", f"/v1/approvals/{asked['id']}/approve", {}, user="zoe")
    assert (refused.status_code, "no approver" in refused.json()["detail"]) == (409, True)
    await delegated(doors)
    assert (await doors.decide(asked, user="zoe"))["state"] == "completed"
