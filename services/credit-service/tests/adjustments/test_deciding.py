"""All lines of a journal decided on at once (spec 1.12, 1.17): as if each was decided on by itself."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from holdfast.contracts.credit_notices import AdjustmentApproved, AdjustmentDenied

KIND = "credit-limit-adjustment-line"


def line(customer: str, amount: str = "5000") -> dict[str, Any]:
    return {"customer": customer, "new_limit": {"amount": amount, "currency": "EUR"}, "new_to_date": "2026-12-31"}


async def submitted(desk: Any, *lines: dict[str, Any]) -> str:
    path: str = await desk.journal(*lines)
    answer = await desk.call("POST", f"{path}/submit", {})
    assert answer.status_code == 200, answer.text
    return path


async def decide(desk: Any, path: str, act: str = "approve", user: str = "ann") -> httpx.Response:
    found: httpx.Response = await desk.call("POST", f"{path}/lines/{act}", {"note": "seen"}, user=user)
    return found


async def statuses(desk: Any, path: str) -> list[str]:
    return [x["approval_status"] for x in await desk.lines(path)]


async def test_all_lines_are_approved_at_once_and_posted(desk: Any) -> None:
    await desk.workflow(KIND)
    path = await submitted(desk, line("C-1"), line("C-2"), line("C-3"))
    own = await decide(desk, path, user="kim")
    assert (own.json()["decided"], own.json()["left"]) == (0, 3)
    assert "four eyes" in own.json()["left_named"][0]["because"]
    done = await decide(desk, path)
    assert (done.status_code, done.json()["decided"], done.json()["left"]) == (200, 3, 0)
    assert await statuses(desk, path) == ["approved"] * 3
    told = await desk.credit.published(AdjustmentApproved.event_type)
    assert [(e["lines"], e["by"]) for e in told] == [(3, "ann")]
    heard = await desk.credit.published("notification.requested.v1")
    assert [e["template"] for e in heard].count("approval.decided") == 3
    trail = await desk.credit.pool.fetch(
        "SELECT act, who, note FROM approval_trail WHERE act <> 'submitted' ORDER BY id"
    )
    assert [tuple(row) for row in trail] == [("approve", "ann", "seen"), ("completed", "ann", None)] * 3
    assert (await decide(desk, path)).status_code == 409
    posted = await desk.call("POST", f"{path}/post", {})
    assert (posted.status_code, posted.json()["posted_lines"]) == (200, 3)


async def test_all_lines_are_denied_at_once(desk: Any) -> None:
    await desk.workflow(KIND)
    path = await submitted(desk, line("C-1"), line("C-2"))
    assert (await decide(desk, path, "deny")).json()["decided"] == 2
    assert await statuses(desk, path) == ["approval_denied"] * 2
    assert [e["lines"] for e in await desk.credit.published(AdjustmentDenied.event_type)] == [2]


async def test_lines_in_several_bands_and_steps_wait_for_the_next_step(desk: Any) -> None:
    await desk.workflow(KIND, [
        {"name": "manager", "users": ["ann"]},
        {"name": "board", "users": ["bob"], "from_amount": "100000"}])  # fmt: skip
    path = await submitted(desk, line("C-1", "200000"), line("C-2", "99999"))
    first = (await decide(desk, path)).json()
    assert (first["decided"], first["waiting"], first["left"]) == (2, 1, 0)
    assert await statuses(desk, path) == ["approval_pending", "approved"]
    again = (await decide(desk, path)).json()
    assert (again["decided"], again["left"]) == (0, 1)
    assert (await decide(desk, path, user="bob")).json()["decided"] == 1
    assert await statuses(desk, path) == ["approved"] * 2


async def test_two_of_a_step_are_two_people(desk: Any) -> None:
    await desk.workflow(KIND, [{"name": "two", "permission": "approvals:decide", "needed": 2}])
    path = await submitted(desk, line("C-1"))
    assert (await decide(desk, path)).json()["waiting"] == 1
    assert (await decide(desk, path)).json()["left"] == 1
    assert (await decide(desk, path, user="bob")).json()["decided"] == 1
    assert await statuses(desk, path) == ["approved"]


async def test_a_line_whose_limit_has_changed_lapses_and_the_others_go_on(desk: Any) -> None:
    await desk.workflow(KIND)
    path = await submitted(desk, line("C-1"), line("C-2"))
    await desk.credit.pool.execute("UPDATE credit_profile SET credit_limit = 7 WHERE customer = 'C-1'")
    assert (await decide(desk, path)).json()["decided"] == 1
    assert await statuses(desk, path) == ["draft", "approved"]
    lapsed = await desk.credit.pool.fetch("SELECT subject FROM approval WHERE lapsed")
    assert [row["subject"].split()[-1] for row in lapsed] == ["1"]


@pytest.mark.parametrize("act", ["approve", "deny"])
async def test_a_line_of_a_group_is_decided_with_the_others(desk: Any, act: str) -> None:
    group = {"owner_company": "DE01", "credit_limit": {"amount": "10", "currency": "EUR"}, "expiry_date": "2026-12-31"}
    await desk.call("PUT", "/v1/credit-groups/G-1", group, tag="*")
    await desk.workflow(KIND)
    of_group = line("C-1") | {"credit_group": "G-1"}
    del of_group["customer"]
    path = await submitted(desk, line("C-1"), of_group)
    assert (await decide(desk, path, act)).json()["decided"] == 2
    assert await statuses(desk, path) == ["approved" if act == "approve" else "approval_denied"] * 2
