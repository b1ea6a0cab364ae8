"""A hold that has ended does not read as if it waited, and tells what it stood on when it ended."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("reasons")


@pytest.fixture
async def held(hold: Any, ask: Any) -> str:
    """O-1 is held because the limit is used up."""
    await hold.set_up(limit="100")
    await hold.facts(ask.order("O-1", "600"))
    (answer,) = await hold.check(ask.request("O-1", "600"))
    return str(answer["hold"])


def stood_on(found: dict[str, Any]) -> list[str]:
    """What an ended hold stood on; nothing of it is active."""
    assert (found["active"], found["primary_reason"], found["workflow_status"]) == (False, "none", None)
    assert not any(reason["active"] for reason in found["reasons"])
    return [reason["reason"] for reason in found["reasons"] if reason["stood_at_end"]]


async def test_one_that_waits_has_active_reasons(held: str, kim: Any) -> None:
    found = await kim.get(f"/holds/{held}")
    assert (found["primary_reason"], found["workflow_status"]) == ("credit_exceeded", "draft")
    assert [(r["active"], "stood_at_end" in r) for r in found["reasons"]] == [(True, False)]


@pytest.mark.parametrize("act", ["release", "reject"])
async def test_one_that_a_person_has_ended(held: str, kim: Any, act: str) -> None:
    answered = (await kim.act(held, act, reason="PAID")).json()
    assert stood_on(answered) == ["credit_exceeded"]
    assert stood_on(await kim.get(f"/holds/{held}")) == ["credit_exceeded"]


async def test_one_that_was_released_by_itself(hold: Any, ask: Any, held: str, kim: Any) -> None:
    await hold.facts(ask.profile("5000", 2))
    await hold.recheck()
    found = await kim.get(f"/holds/{held}")
    assert stood_on(found) == ["ready_for_release"]
    assert {r["reason"]: r["cleared_at"] is not None for r in found["reasons"]} == {
        "credit_exceeded": True, "ready_for_release": False
    }  # fmt: skip


async def test_one_that_was_forced(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up()
    await hold.facts(ask.order("O-1", "60"))
    await kim.post("/forced-holds", {"company": "DE01", "orders": ["O-1"], "reason": "FRAUD"})
    (found,) = await kim.holds()
    assert stood_on((await kim.act(found["hold"], "release", reason="PAID")).json()) == ["forced_hold"]


async def test_filters_and_sorts_go_by_what_is_shown(hold: Any, ask: Any, held: str, kim: Any) -> None:
    await kim.act(held, "release", reason="PAID")
    (answer,) = await hold.check(ask.request("O-2", "700"))
    waiting = answer["hold"]

    async def numbers(**params: Any) -> list[str]:
        return [found["hold"] for found in await kim.holds(history=True, **params)]

    assert await numbers(primary_reason="credit_exceeded") == [waiting]
    assert await numbers(primary_reason="none") == [held]
    assert await numbers(reason="credit_exceeded") == [held, waiting]
    assert await numbers(workflow_status="draft") == [waiting]
    assert await numbers(sort="-primary_reason") == [held, waiting]
    assert await numbers(sort="-workflow_status") == [waiting, held]
