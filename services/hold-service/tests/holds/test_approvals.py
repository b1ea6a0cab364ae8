"""Releases that need approval: rows 100 and 112 of the test catalogue, and what becomes of a request (spec 3.13)."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("reasons")


@pytest.fixture
async def held(hold: Any, ask: Any, kim: Any) -> str:
    """O-1 of 600 is held over a limit of 100, and releases need somebody else's approval."""
    await hold.set_up(limit="100")
    await hold.facts(ask.order("O-1", "600", version=1))
    steps = [{"name": "manager", "permission": "approvals:decide"}]
    made = await kim.send("PUT", "/workflows/DE01/hold_release", {"active": True, "steps": steps}, '"0"')
    assert made.status_code == 200
    answer = (await hold.check(ask.request("O-1", "600", posting_request={"ref": "P-1"})))[0]
    return str(answer["hold"])


async def state(kim: Any, number: str) -> tuple[bool, str]:
    found = await kim.get(f"/holds/{number}")
    return found["active"], found["workflow_status"]


async def test_a_release_only_submits_and_approval_releases(hold: Any, held: str, kim: Any, person: Any) -> None:
    done = await kim.act(held, "release", reason="PAID", mode="with_posting")
    assert (done.status_code, await state(kim, held)) == (200, (True, "approval_pending"))
    again = await kim.act(held, "release", reason="PAID")
    assert again.json()["type"].endswith("approval-pending")
    ben = await person("ben")
    approved = await ben.act(held, "approve", note="fine")
    assert (approved.json()["closed_as"], approved.json()["workflow_status"]) == ("released", "completed")
    (released,) = [e for kind, e in await hold.published() if kind == "hold.order.released.v1"]
    assert (released["released_by"], released["posting_request"]) == ("kim", {"ref": "P-1"})


async def test_row_112_who_asks_does_not_approve(held: str, kim: Any) -> None:
    await kim.act(held, "submit", reason="PAID")
    refused = await kim.act(held, "approve")
    assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (409, "approval-not-possible")
    assert "four eyes" in refused.json()["detail"]
    assert await state(kim, held) == (True, "approval_pending")


async def test_row_100_a_task_that_fails_can_be_recalled_mended_and_submitted_again(
    hold: Any, held: str, kim: Any, person: Any
) -> None:
    await kim.act(held, "submit", reason="PAID")
    await hold.pool.execute("DELETE FROM reason WHERE id = 'PAID'")
    ben = await person("ben")
    await ben.act(held, "approve")
    assert await state(kim, held) == (True, "change_requested")
    await kim.act(held, "recall")
    assert await state(kim, held) == (True, "cancelled")
    await hold.pool.execute("INSERT INTO reason VALUES ('DE01', 'release', 'PAID', '', 1)")
    await kim.act(held, "submit", reason="PAID")
    await ben.act(held, "approve")
    assert await state(kim, held) == (False, "completed")


async def test_a_denied_release_stays_held(held: str, kim: Any, person: Any) -> None:
    await kim.act(held, "submit", reason="PAID")
    ben = await person("ben")
    await ben.act(held, "deny", note="not again")
    assert await state(kim, held) == (True, "approval_denied")


async def test_reject_goes_through_the_workflow_too(held: str, kim: Any, person: Any) -> None:
    await kim.act(held, "reject", reason="PAID")
    assert await state(kim, held) == (True, "approval_pending")
    ben = await person("ben")
    assert (await ben.act(held, "approve")).json()["closed_as"] == "rejected"


async def test_an_approval_lapses_when_the_order_grows_but_not_when_it_shrinks(
    hold: Any, ask: Any, held: str, kim: Any, person: Any
) -> None:
    await kim.act(held, "submit", reason="PAID")
    await hold.facts(ask.order("O-1", "500", version=2))
    await hold.recheck()
    assert await state(kim, held) == (True, "approval_pending")
    await hold.facts(ask.order("O-1", "700", version=3))
    await hold.recheck()
    assert await state(kim, held) == (True, "cancelled")
    ben = await person("ben")
    assert (await ben.act(held, "approve")).status_code == 409


async def test_what_is_released_by_itself_needs_no_approval_any_more(hold: Any, ask: Any, held: str, kim: Any) -> None:
    await kim.act(held, "submit", reason="PAID")
    await hold.facts(ask.profile("5000", 2))
    await hold.recheck()
    assert await state(kim, held) == (False, "cancelled")
    (found,) = (await kim.get("/approvals"))["items"]
    assert found["state"] == "cancelled"


async def test_a_company_may_leave_what_is_submitted_to_the_approver(
    hold: Any, ask: Any, held: str, kim: Any, person: Any
) -> None:
    await hold.pool.execute("INSERT INTO parameters VALUES ('DE01', 1, $1)", {"auto_release_submitted": "leave"})
    await kim.act(held, "submit", reason="PAID")
    await hold.facts(ask.profile("5000", 2))
    await hold.recheck()
    assert await state(kim, held) == (True, "approval_pending")
    ben = await person("ben")
    assert (await ben.act(held, "approve")).json()["closed_as"] == "released"


async def test_approval_may_only_make_the_release_possible(hold: Any, held: str, kim: Any, person: Any) -> None:
    await hold.pool.execute("INSERT INTO parameters VALUES ('DE01', 1, $1)", {"approval_releases": False})
    await kim.act(held, "submit", reason="PAID")
    ben = await person("ben")
    await ben.act(held, "approve")
    assert await state(kim, held) == (True, "approved")
    assert (await kim.act(held, "release", reason="PAID")).json()["closed_as"] == "released"


async def test_a_forced_hold_is_not_submitted(hold: Any, ask: Any, held: str, kim: Any, person: Any) -> None:
    await hold.facts(ask.order("O-2", "1"))
    await kim.post("/forced-holds", {"company": "DE01", "orders": ["O-2"], "reason": "FRAUD"})
    (forced,) = await kim.holds(order="O-2")
    refused = await kim.act(forced["hold"], "submit", reason="PAID")
    assert refused.json()["type"].endswith("forced-hold")
    lou = await person("lou", ["see", "holds:release"])
    assert (await lou.act(forced["hold"], "release", reason="PAID")).status_code == 403
    assert (await kim.act(forced["hold"], "release", reason="PAID")).json()["closed_as"] == "released"
