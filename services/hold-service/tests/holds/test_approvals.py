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


async def lapses_told(hold: Any) -> list[Any]:
    return [e for _, e in await hold.published() if e.get("template") == "approval.lapsed"]


async def test_a_release_only_submits_and_approval_releases(hold: Any, held: str, kim: Any, person: Any) -> None:
    done = await kim.act(held, "release", reason="PAID", mode="with_posting")
    assert (done.status_code, await state(kim, held)) == (202, (True, "approval_pending"))
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
    asked = await kim.act(held, "reject", reason="PAID")
    assert (asked.status_code, await state(kim, held)) == (202, (True, "approval_pending"))
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
    assert (found["state"], found["lapsed"]) == ("cancelled", True)
    (told,) = await lapses_told(hold)
    assert (told["to_users"], told["text"]) == (["kim"], "The order was released by itself.")


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


@pytest.fixture
async def approved(hold: Any, held: str, kim: Any, person: Any) -> Any:
    """Approvals of DE01 only make things possible; call it for what kim asks and ben approves."""
    await hold.pool.execute("INSERT INTO parameters VALUES ('DE01', 1, $1)", {"approval_releases": False})

    async def ask_and_approve(act: str, **body: Any) -> None:
        await kim.act(held, act, **body)
        ben = await person("ben")
        await ben.act(held, "approve")
        assert await state(kim, held) == (True, "approved")

    return ask_and_approve


@pytest.mark.parametrize(
    ("asked", "done"),
    [
        (("reject", {"reason": "PAID"}), ("release", {"reason": "PAID"})),
        (("release", {"reason": "PAID"}), ("reject", {"reason": "PAID"})),
        (("release", {"reason": "PAID", "up_to_amount": "100"}), ("release", {"reason": "PAID"})),
        (("release", {"reason": "PAID", "valid_until": "2026-03-05"}), ("release", {"reason": "PAID"})),
        (("release", {"reason": "PAID"}), ("release", {"reason": "PAID", "mode": "with_posting"})),
    ],
)
async def test_an_approval_makes_nothing_possible_but_what_was_asked(
    held: str, kim: Any, approved: Any, asked: tuple[str, dict[str, str]], done: tuple[str, dict[str, str]]
) -> None:
    await approved(asked[0], **asked[1])
    answer = await kim.act(held, done[0], **done[1])
    assert (answer.status_code, await state(kim, held)) == (202, (True, "approval_pending"))


async def test_a_note_may_differ_from_what_was_approved(held: str, kim: Any, approved: Any) -> None:
    await approved("release", reason="PAID", up_to_amount="500", note="please")
    done = await kim.act(held, "release", reason="PAID", up_to_amount="500.00", note="as approved")
    assert (done.json()["closed_as"], done.json()["close_note"]) == ("released", "as approved")


@pytest.mark.parametrize("rechecked", [True, False])
async def test_an_approval_that_was_not_used_lapses_when_the_order_grows(
    hold: Any, ask: Any, held: str, kim: Any, approved: Any, rechecked: bool
) -> None:
    await approved("release", reason="PAID")
    await hold.facts(ask.order("O-1", "601", version=2))
    if rechecked:
        await hold.recheck()
        assert await state(kim, held) == (True, "cancelled")
    await kim.act(held, "release", reason="PAID")
    assert await state(kim, held) == (True, "approval_pending")
    items = (await kim.get("/approvals"))["items"]
    new, old = sorted(items, key=lambda found: bool(found["lapsed"]))
    assert (old["state"], old["lapsed"], new["state"]) == ("cancelled", True, "approval_pending")
    (told,) = await lapses_told(hold)
    assert (told["to_users"], told["subject"]) == (["kim"], held)


async def test_who_asked_is_told_when_a_request_lapses(hold: Any, ask: Any, held: str, kim: Any) -> None:
    await kim.act(held, "reject", reason="PAID")
    await hold.facts(ask.order("O-1", "700", version=2))
    await hold.recheck()
    (told,) = await lapses_told(hold)
    assert (told["to_users"], told["subject"]) == (["kim"], held)


async def test_nothing_is_left_to_approve_of_an_order_that_is_cancelled(
    hold: Any, ask: Any, held: str, kim: Any, person: Any
) -> None:
    await kim.act(held, "submit", reason="PAID")
    await hold.facts(ask.event("erp.order.cancelled.v1", order="O-1", version=2))
    await hold.recheck()
    assert await state(kim, held) == (False, "cancelled")
    (found,) = (await kim.get("/approvals"))["items"]
    assert found["state"] == "cancelled"
    ben = await person("ben")
    refused = await ben.post(f"/approvals/{found['id']}/approve", {})
    assert refused.json()["type"].endswith("approval-not-possible")
    (told,) = await lapses_told(hold)
    assert (told["to_users"], told["text"]) == (["kim"], "The order was cancelled.")


async def test_what_was_denied_is_not_asked_for_again_once_the_hold_has_ended(
    hold: Any, ask: Any, held: str, kim: Any, person: Any
) -> None:
    await kim.act(held, "submit", reason="PAID")
    await (await person("ben")).act(held, "deny")
    await hold.facts(ask.event("erp.order.cancelled.v1", order="O-1", version=2))
    await hold.recheck()
    (found,) = (await kim.get("/approvals"))["items"]
    refused = await kim.post(f"/approvals/{found['id']}/resubmit", {})
    assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (409, "hold-has-ended")


@pytest.mark.parametrize(("act", "who"), [("release", "kim"), ("reject", "kim"), ("release", "zoe"), ("reject", "zoe")])
async def test_nothing_is_left_to_approve_once_a_person_has_ended_the_hold(
    hold: Any, held: str, kim: Any, person: Any, act: str, who: str
) -> None:
    """Who asked is told, unless it was that person."""
    await kim.act(held, "submit", reason="PAID")
    steps = [{"name": "manager", "permission": "approvals:decide"}]
    await kim.send("PUT", "/workflows/DE01/hold_release", {"active": False, "steps": steps}, '"1"')
    ended = await (await person(who)).act(held, act, reason="PAID")
    shown = ended.json()
    assert (ended.status_code, shown["active"], shown["workflow_status"]) == (200, False, "cancelled")
    (found,) = (await kim.get("/approvals"))["items"]
    assert found["state"] == "cancelled"
    assert [told["by"] for told in await lapses_told(hold)] == [who] * (who != "kim")


async def test_the_amount_of_an_approval_is_all_that_the_customer_would_owe(
    hold: Any, ask: Any, held: str, kim: Any, person: Any
) -> None:
    await hold.credit_parameters(credit_limit_type="balance")
    await kim.act(held, "submit", reason="PAID")
    ben = await person("ben")
    await ben.act(held, "approve")
    (answer,) = await hold.check(ask.request("O-2", "500"))
    await kim.act(answer["hold"], "submit", reason="PAID")
    assert {found["amount"] for found in (await kim.get("/approvals"))["items"]} == {"600.00", "1100.00"}


@pytest.fixture
async def forced(hold: Any, ask: Any, held: str, kim: Any) -> str:
    """O-2 of 1 is on hold by force."""
    await hold.facts(ask.order("O-2", "1"))
    await kim.post("/forced-holds", {"company": "DE01", "orders": ["O-2"], "reason": "FRAUD"})
    (found,) = await kim.holds(order="O-2")
    return str(found["hold"])


async def test_a_forced_hold_is_not_submitted(forced: str, kim: Any) -> None:
    refused = await kim.act(forced, "submit", reason="PAID")
    assert refused.json()["type"].endswith("forced-hold")
    assert (await kim.act(forced, "release", reason="PAID")).json()["closed_as"] == "released"


@pytest.mark.parametrize("active", [True, False])
async def test_only_a_release_by_who_may_force_ends_a_forced_hold(
    forced: str, kim: Any, person: Any, active: bool
) -> None:
    steps = [{"name": "manager", "permission": "approvals:decide"}]
    await kim.send("PUT", "/workflows/DE01/hold_release", {"active": active, "steps": steps}, '"1"')
    lou = await person("lou", ["see", "holds:release", "holds:reject"])
    assert (await lou.act(forced, "release", reason="PAID")).status_code == 403
    assert (await lou.act(forced, "reject", reason="PAID")).status_code == 403
    refused = await kim.act(forced, "reject", reason="PAID")
    assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (409, "forced-hold")
    assert (await kim.act(forced, "release", reason="PAID")).json()["closed_as"] == "released"


async def test_what_nobody_has_tried_to_post_is_not_released_with_posting(forced: str, kim: Any) -> None:
    refused = await kim.act(forced, "release", reason="PAID", mode="with_posting")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "mode")
    assert refused.json()["type"].endswith("nothing-to-post")
