"""What a person does over HTTP begins again by itself when the customer joins a group between the two locks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from hold_service.app import SERVICE
from holdfast.bus import batch
from holdfast.database.work import transaction
from holdfast.testing.waiting import eventually

pytestmark = pytest.mark.usefixtures("reasons")
BLOCKED = """
SELECT EXISTS (SELECT FROM pg_stat_activity
               WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0)
"""
BOTH = ("DE01/C-1", "DE01/C-2")


async def held_beside_a_group(hold: Any, ask: Any) -> str:
    """O-1 of C-1 is held; C-2 alone is in a group."""
    await hold.set_up(limit="100")
    await hold.facts(
        ask.event("erp.customer.changed.v1", customer="C-2"), ask.profile("0", customer="C-2"),
        ask.group("1000", members=BOTH[1:]), ask.order("O-2", "50"),
    )  # fmt: skip
    (answer,) = await hold.check(ask.request("O-1", "600"))
    return str(answer["hold"])


async def while_joining(hold: Any, ask: Any, act: Callable[[], Any]) -> httpx.Response:
    """Begin an act while C-1 joins the group, which is committed when the act waits for the lock of C-1."""

    async def waits() -> bool:
        return bool(await hold.pool.fetchval(BLOCKED))

    async with transaction(hold.pool) as work:
        await batch.apply(SERVICE, work, [hold.incoming(ask.group("1000", 2, members=BOTH))], set())
        acting = asyncio.create_task(act())
        await eventually(waits)
    answer: httpx.Response = await acting
    return answer


@pytest.mark.parametrize(
    ("act", "body"), [("release", {"reason": "PAID"}), ("reject", {"reason": "PAID"}), ("call-requests", {})]
)
async def test_an_act_on_a_hold(hold: Any, ask: Any, kim: Any, act: str, body: dict[str, Any]) -> None:
    number = await held_beside_a_group(hold, ask)
    done = await while_joining(hold, ask, lambda: kim.act(number, act, **body))
    assert done.status_code in (200, 201), done.text


@pytest.mark.parametrize("action", ["release", "evaluate"])
async def test_an_act_on_many_holds(hold: Any, ask: Any, kim: Any, action: str) -> None:
    number = await held_beside_a_group(hold, ask)
    body = {"action": action, "holds": [{"hold": number}]} | ({"reason": "PAID"} if action == "release" else {})
    done = await while_joining(hold, ask, lambda: kim.post("/holds/bulk", body))
    assert [item["ok"] for item in done.json()["items"]] == [True]


async def test_an_evaluation(hold: Any, ask: Any, kim: Any) -> None:
    await held_beside_a_group(hold, ask)
    done = await while_joining(hold, ask, lambda: kim.post("/holds/evaluate", {"company": "DE01"}))
    assert (done.status_code, [item["outcome"] for item in done.json()["items"]]) == (200, ["held"])


async def test_a_forced_hold(hold: Any, ask: Any, kim: Any) -> None:
    await held_beside_a_group(hold, ask)
    body = {"company": "DE01", "orders": ["O-2"], "reason": "FRAUD"}
    done = await while_joining(hold, ask, lambda: kim.post("/forced-holds", body))
    assert (done.status_code, done.json()["held"]) == (200, 1)


async def test_an_approval(hold: Any, ask: Any, person: Any) -> None:
    kim, ben = await person("kim"), await person("ben")
    number = await held_beside_a_group(hold, ask)
    steps = [{"name": "boss", "users": ["ben"]}]
    await kim.send("PUT", "/workflows/DE01/hold_release", {"active": True, "steps": steps}, '"0"')
    assert (await kim.act(number, "submit", reason="PAID")).status_code == 200
    (asked,) = (await ben.get("/approvals"))["items"]
    done = await while_joining(hold, ask, lambda: ben.post(f"/approvals/{asked['id']}/approve", {}))
    assert (done.status_code, done.json()["state"]) == (200, "completed")


async def test_an_order_that_goes_to_another_customer_meanwhile(hold: Any, ask: Any, kim: Any) -> None:
    """The hold is handed over while the act waits for the customer of before: the other one is locked in its place."""
    number = await held_beside_a_group(hold, ask)

    async def waits() -> bool:
        return bool(await hold.pool.fetchval(BLOCKED))

    async with transaction(hold.pool) as work:
        await SERVICE.lock(work, {("DE01", "C-1"), ("DE01", "C-2")})
        await work.conn.execute("UPDATE hold SET customer = 'C-2'")
        acting = asyncio.create_task(kim.act(number, "release", reason="PAID"))
        await eventually(waits)
    done = await acting
    (released,) = [e for kind, e in await hold.published() if kind == "hold.order.released.v1"]
    assert (done.status_code, released["customer"]) == (200, "C-2")
