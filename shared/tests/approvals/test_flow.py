"""Approvals on a database: once, in order, or lapsed."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from holdfast.approvals import setups, store
from holdfast.approvals.flow import Decision, ask, decide
from holdfast.approvals.jobs import escalate_overdue
from holdfast.approvals.kinds import Kind
from holdfast.approvals.lapsing import lapse_for, lapse_stale
from holdfast.approvals.model import Delegation, Step, Workflow
from holdfast.contracts.notifications import NotificationRequested
from holdfast.database.work import set_business_clock, transaction
from holdfast.platform.clock import utc_now
from holdfast.web.auth import ALL, Caller
from holdfast.web.problems import Problem

AS_BEFORE = "UPDATE approval SET state = 'approval_pending', approved_by = '{}', deciders = '{}'"
STEPS = (Step("manager", permission="approvals:decide"),)


def caller(name: str, companies: frozenset[str] = ALL) -> Caller:
    return Caller(name, frozenset({"approvals:decide"}), companies)


async def set_up(pool: asyncpg.Pool, *steps: Step, kind: str = "thing") -> None:
    async with transaction(pool) as work:
        await setups.write_workflow(work, Workflow("DE01", kind, True, steps or STEPS, 1))


async def asked_for(pool: asyncpg.Pool, thing: Kind, amount: str = "150") -> asyncpg.Record:
    async with transaction(pool) as work:
        return await ask(work, thing, "DE01", "T", "kim", {"amount": amount})


async def told(pool: asyncpg.Pool) -> list[tuple[str, list[str], str | None]]:
    """Messages that were asked for: template, to whom by name, to whom by permission."""
    rows = await pool.fetch("SELECT payload FROM outbox WHERE type = 'notification.requested.v1' ORDER BY seq")
    found = [NotificationRequested.model_validate_json(row["payload"]) for row in rows]
    return [(one.template, list(one.to_users), one.to_permission) for one in found]


async def act(pool: asyncpg.Pool, thing: Kind, number: UUID, who: Caller, what: Decision = "approve") -> Any:
    async with transaction(pool) as work:
        return (await decide(work, {"thing": thing}, number, who, what, None))["state"]


async def thing_now(pool: asyncpg.Pool) -> tuple[int, int]:
    row = await pool.fetchrow("SELECT amount, times FROM thing")
    return int(row["amount"]), row["times"]


async def test_decided_twice_at_once_it_takes_effect_once(pool: asyncpg.Pool, thing: Kind) -> None:
    await set_up(pool)
    row = await asked_for(pool, thing)
    done = await asyncio.gather(
        *(act(pool, thing, row["id"], caller(f"u{n}")) for n in range(6)), return_exceptions=True
    )
    assert sorted(isinstance(d, Problem) and d.status for d in done) == [False, 409, 409, 409, 409, 409]
    assert await thing_now(pool) == (150, 1)
    assert [r["state"] for r in await pool.fetch("SELECT state FROM heard")] == ["approval_pending", "completed"]


async def test_it_lapses_when_what_it_was_asked_on_has_changed(pool: asyncpg.Pool, thing: Kind) -> None:
    await set_up(pool)
    row = await asked_for(pool, thing)
    await pool.execute("UPDATE thing SET amount = 90")
    assert await act(pool, thing, row["id"], caller("ann")) == "cancelled"
    assert await thing_now(pool) == (90, 0)
    trail = [r["act"] for r in await pool.fetch("SELECT act FROM approval_trail ORDER BY id")]
    assert trail == ["submitted", "approve", "lapsed"]
    assert await act(pool, thing, row["id"], caller("kim"), "resubmit") == "approval_pending"
    assert await act(pool, thing, row["id"], caller("ann")) == "completed"
    assert await thing_now(pool) == (150, 1)


async def test_who_writes_the_facts_ends_what_was_asked_on_them(pool: asyncpg.Pool, thing: Kind) -> None:
    await set_up(pool)
    row = await asked_for(pool, thing)
    async with transaction(pool) as work:
        await lapse_for(work, thing, "DE01", "T")
        assert (await store.read(work, row["id"]))["state"] == "approval_pending"  # type: ignore[index]
        await work.conn.execute("UPDATE thing SET amount = 90")
        await lapse_for(work, thing, "DE01", "T")
        ended = await store.read(work, row["id"])
    assert ended is not None
    assert (ended["state"], ended["lapsed"]) == ("cancelled", True)
    assert [r["state"] for r in await pool.fetch("SELECT state FROM heard")] == ["approval_pending", "cancelled"]
    assert await told(pool) == [("approval.asked", [], "approvals:decide"), ("approval.lapsed", ["kim"], None)]


async def test_a_lapse_leaves_what_somebody_decides_on_to_them(pool: asyncpg.Pool, thing: Kind) -> None:
    await set_up(pool)
    row = await asked_for(pool, thing)
    await pool.execute("UPDATE thing SET amount = 90")
    async with transaction(pool) as deciding:
        await store.read(deciding, row["id"], lock=True)
        async with transaction(pool) as work:
            await lapse_stale(work, {"thing": thing}, [row["id"]])
    assert await pool.fetchval("SELECT state FROM approval") == "approval_pending"
    async with transaction(pool) as work:
        await lapse_stale(work, {"thing": thing}, [row["id"]])
    assert await pool.fetchval("SELECT state FROM approval") == "cancelled"


async def test_those_concerned_are_told_of_every_step(pool: asyncpg.Pool, thing: Kind) -> None:
    await set_up(pool, Step("both", ("ann", "bob"), needed=2), Step("board", ("eve",)))
    row = await asked_for(pool, thing)
    for who in ("ann", "bob", "eve"):
        await act(pool, thing, row["id"], caller(who))
    assert await told(pool) == [
        ("approval.asked", ["ann", "bob"], None), ("approval.asked", ["eve"], None), ("approval.decided", ["kim"], None)
    ]  # fmt: skip


async def test_whose_doing_it_is_too_does_not_decide(pool: asyncpg.Pool, thing: Kind) -> None:
    await set_up(pool)
    async with transaction(pool) as work:
        row = await ask(work, thing, "DE01", "T", "kim", {"amount": "150"}, barred=("zoe", "kim"))
    for who in ("kim", "zoe"):
        with pytest.raises(Problem, match="four eyes"):
            await act(pool, thing, row["id"], caller(who))
    assert await act(pool, thing, row["id"], caller("ann")) == "completed"


async def test_a_delegation_counts_by_the_business_date_of_the_company(pool: asyncpg.Pool, thing: Kind) -> None:
    await set_up(pool, Step("manager", ("ann",)))
    await pool.execute("INSERT INTO company (company, time_zone) VALUES ('DE01', 'Pacific/Auckland')")
    row = await asked_for(pool, thing)
    async with pool.acquire() as connection:
        await set_business_clock(connection, datetime(2026, 3, 2, 20, tzinfo=UTC))
    async with transaction(pool) as work:
        tomorrow = Delegation("ann", "zoe", date(2026, 3, 3), date(2026, 3, 3))
        await setups.add_delegation(work, uuid4(), "DE01", tomorrow)
    assert await act(pool, thing, row["id"], caller("zoe")) == "completed"


async def on(pool: asyncpg.Pool, day: str) -> None:
    async with pool.acquire() as connection:
        await set_business_clock(connection, datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC))


async def delegate(pool: asyncpg.Pool, from_user: str, to_user: str, first: str, last: str) -> UUID:
    number, days = uuid4(), (date.fromisoformat(first), date.fromisoformat(last))
    async with transaction(pool) as work:
        await setups.add_delegation(work, number, "DE01", Delegation(from_user, to_user, *days))
    return number


@pytest.mark.parametrize(
    ("day", "may"), [("2026-03-01", False), ("2026-03-02", True), ("2026-03-04", True), ("2026-03-05", False)]
)
async def test_who_is_delegated_to_decides_from_the_first_day_to_the_last(
    pool: asyncpg.Pool, thing: Kind, day: str, may: bool
) -> None:
    await set_up(pool, Step("manager", ("ann",)))
    row = await asked_for(pool, thing)
    await delegate(pool, "ann", "zoe", "2026-03-02", "2026-03-04")
    await on(pool, day)
    if may:
        assert await act(pool, thing, row["id"], caller("zoe")) == "completed"
        trail = await pool.fetchrow("SELECT who, acting_for FROM approval_trail WHERE act = 'approve'")
        assert tuple(trail) == ("zoe", "ann")
    else:
        with pytest.raises(Problem, match="no approver"):
            await act(pool, thing, row["id"], caller("zoe"))
        assert await act(pool, thing, row["id"], caller("ann")) == "completed"


async def test_of_two_delegations_that_overlap_either_counts_until_its_own_end(pool: asyncpg.Pool, thing: Kind) -> None:
    await set_up(pool, Step("both", ("ann", "bob"), needed=2))
    await delegate(pool, "ann", "zoe", "2026-03-01", "2026-03-10")
    await delegate(pool, "ann", "zoe", "2026-03-05", "2026-03-20")
    await delegate(pool, "bob", "zoe", "2026-03-05", "2026-03-20")
    await on(pool, "2026-03-15")
    row = await asked_for(pool, thing)
    assert await act(pool, thing, row["id"], caller("zoe")) == "approval_pending"
    with pytest.raises(Problem, match="already"):
        await act(pool, thing, row["id"], caller("zoe"))
    assert await act(pool, thing, row["id"], caller("bob")) == "completed"
    trail = await pool.fetch("SELECT who, acting_for FROM approval_trail WHERE act = 'approve' ORDER BY id")
    assert [tuple(entry) for entry in trail] == [("zoe", "ann"), ("bob", None)]


async def test_two_who_are_delegated_to_by_one_do_not_decide_twice_for_them(pool: asyncpg.Pool, thing: Kind) -> None:
    await set_up(pool, Step("both", ("ann", "bob"), needed=2))
    for delegate_of_ann in ("zoe", "max"):
        await delegate(pool, "ann", delegate_of_ann, "2026-03-01", "2026-03-10")
    await on(pool, "2026-03-05")
    row = await asked_for(pool, thing)
    assert await act(pool, thing, row["id"], caller("zoe")) == "approval_pending"
    with pytest.raises(Problem, match="You are no approver"):
        await act(pool, thing, row["id"], caller("max"))


async def test_a_step_that_escalates_while_its_approver_has_delegated_is_open_to_both(
    pool: asyncpg.Pool, thing: Kind
) -> None:
    await set_up(pool, Step("manager", ("ann",), escalate_after_days=3, escalate_to=("dora",)))
    await on(pool, "2026-03-02")
    row = await asked_for(pool, thing)
    await delegate(pool, "ann", "zoe", "2026-03-02", "2026-03-05")
    with pytest.raises(Problem, match="no approver"):
        await act(pool, thing, row["id"], caller("dora"))
    await on(pool, "2026-03-05")
    async with transaction(pool) as work:
        await escalate_overdue(work)
    assert (await told(pool))[-1] == ("approval.escalated", ["dora"], None)
    for name in ("dora", "zoe"):
        async with transaction(pool) as work:
            assert (await decide(work, {"thing": thing}, row["id"], caller(name), "approve", None))[
                "state"
            ] == "completed"
            await work.conn.execute(
                "UPDATE approval SET state = 'approval_pending', approved_by = '{}', deciders = '{}'"
            )
            await work.conn.execute("UPDATE thing SET amount = 100")
    await on(pool, "2026-03-06")
    with pytest.raises(Problem, match="no approver"):
        await act(pool, thing, row["id"], caller("zoe"))


async def test_one_to_whom_it_escalates_may_delegate_too(pool: asyncpg.Pool, thing: Kind) -> None:
    await set_up(pool, Step("manager", ("ann",), escalate_after_days=1, escalate_to=("dora",)))
    await on(pool, "2026-03-02")
    row = await asked_for(pool, thing)
    await delegate(pool, "dora", "zoe", "2026-03-02", "2026-03-31")
    with pytest.raises(Problem, match="no approver"):
        await act(pool, thing, row["id"], caller("zoe"))
    await on(pool, "2026-03-03")
    async with transaction(pool) as work:
        await escalate_overdue(work)
    assert await act(pool, thing, row["id"], caller("zoe")) == "completed"


async def test_one_request_is_open_at_a_time(pool: asyncpg.Pool, thing: Kind) -> None:
    await set_up(pool)
    row = await asked_for(pool, thing)
    with pytest.raises(Problem, match="pending"):
        await asked_for(pool, thing, "160")
    await act(pool, thing, row["id"], caller("kim"), "recall")
    await asked_for(pool, thing, "160")
    with pytest.raises(Problem, match="Another request"):
        await act(pool, thing, row["id"], caller("kim"), "resubmit")


async def test_the_requester_does_not_approve_and_strangers_see_nothing(pool: asyncpg.Pool, thing: Kind) -> None:
    await set_up(pool)
    row = await asked_for(pool, thing)
    with pytest.raises(Problem, match="four eyes"):
        await act(pool, thing, row["id"], caller("kim"))
    with pytest.raises(Problem) as found:
        await act(pool, thing, row["id"], caller("eve", frozenset({"US01"})))
    assert found.value.status == 404


async def test_another_workflow_stands_in_where_the_own_is_not_active(pool: asyncpg.Pool, thing: Kind) -> None:
    await set_up(pool, kind="other")
    assert (await asked_for(pool, thing))["state"] == "approval_pending"


async def test_without_a_step_for_the_amount_it_takes_effect_at_once(pool: asyncpg.Pool, thing: Kind) -> None:
    assert (await asked_for(pool, thing))["state"] == "completed"
    assert await thing_now(pool) == (150, 1)


async def test_escalation_comes_after_its_days_on_the_business_clock(pool: asyncpg.Pool, thing: Kind) -> None:
    await set_up(pool, Step("s", ("ann",), escalate_after_days=3, escalate_to=("dora",)))
    row = await asked_for(pool, thing)
    for days, expected in ((2, False), (4, True)):
        async with pool.acquire() as connection:
            await set_business_clock(connection, utc_now() + timedelta(days=days))
        async with transaction(pool) as work:
            await escalate_overdue(work)
            found = await store.read(work, row["id"])
        assert found is not None
        assert found["escalated"] is expected
    assert await act(pool, thing, row["id"], caller("dora")) == "completed"
