"""Holds that wait: told to somebody higher up once per level, and evaluated once each business day."""

from __future__ import annotations

from typing import Any

from hold_service.holds.jobs import clean_reservations, escalate_holds, evaluate_daily
from holdfast.database.work import transaction


async def run(hold: Any, job: Any) -> None:
    """One run of a job, and what follows from it."""
    async with transaction(hold.pool) as work:
        await job(work)
    await hold.recheck()


async def levels(hold: Any) -> list[tuple[str, int, int]]:
    found = [event for kind, event in await hold.published() if kind == "hold.order.escalated.v1"]
    return [(event["order"], event["level"], event["held_days"]) for event in found]


async def test_each_level_is_told_once_also_after_days_without_the_job(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="100")
    await hold.parameters(escalate_after_days=2)
    await hold.check(ask.request("O-1", "600"))
    await hold.today("2026-03-03")
    await run(hold, escalate_holds)
    assert await levels(hold) == []
    await hold.today("2026-03-04")
    await run(hold, escalate_holds)
    await run(hold, escalate_holds)
    assert await levels(hold) == [("O-1", 1, 2)]
    await hold.today("2026-03-09")
    await run(hold, escalate_holds)
    assert await levels(hold) == [("O-1", 1, 2), ("O-1", 3, 7)]


async def test_a_reservation_whose_order_never_came_ends_once_and_is_told(hold: Any, ask: Any) -> None:
    await hold.set_up()
    await hold.check(ask.request("O-1", "600"))
    for day in ("2026-03-15", "2026-03-17", "2026-03-18"):
        await hold.today(day)
        await run(hold, clean_reservations)
    told = [event for kind, event in await hold.published() if kind == "hold.reservation.expired.v1"]
    assert [(e["order"], e["amount"], e["expired_at"]) for e in told] == [("O-1", "600", "2026-03-17T12:00:00Z")]
    assert await hold.pool.fetchval("SELECT count(*) FROM reservation") == 0


async def test_without_the_parameter_and_after_the_end_nothing_is_told(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="100")
    await hold.check(ask.request("O-1", "600"))
    await hold.today("2026-04-02")
    await run(hold, escalate_holds)
    assert await levels(hold) == []
    await hold.release("O-1")
    await hold.parameters(escalate_after_days=1)
    await run(hold, escalate_holds)
    assert await levels(hold) == []


async def test_the_hold_shows_its_level_to_whoever_filters(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up(limit="100")
    await hold.parameters(escalate_after_days=1)
    await hold.check(ask.request("O-1", "600"))
    assert await kim.holds(escalated=True) == []
    await hold.today("2026-03-05")
    await run(hold, escalate_holds)
    assert [(h["order"], h["escalations"]) for h in await kim.holds(escalated=True)] == [("O-1", 3)]


async def test_a_day_that_frees_an_order_needs_no_event(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="100")
    await hold.pool.execute("UPDATE rule SET active_to = '2026-03-03'")
    await hold.check(ask.request("O-1", "600"))
    await run(hold, evaluate_daily)
    await hold.today("2026-03-03")
    await run(hold, evaluate_daily)
    assert await hold.pool.fetchval("SELECT active FROM hold")
    await hold.today("2026-03-04")
    await run(hold, evaluate_daily)
    assert await hold.pool.fetchval("SELECT closed_as FROM hold") == "released"


async def test_a_company_is_evaluated_once_a_day_and_not_at_all_when_it_says_so(hold: Any, ask: Any) -> None:
    await hold.set_up(limit="100")
    await hold.check(ask.request("O-1", "600"))
    await run(hold, evaluate_daily)
    async with transaction(hold.pool) as work:
        await evaluate_daily(work)
        assert await work.conn.fetchval("SELECT count(*) FROM recheck_due") == 0
    await hold.today("2026-03-03")
    await hold.parameters(evaluate_daily=False)
    async with transaction(hold.pool) as work:
        await evaluate_daily(work)
        assert await work.conn.fetchval("SELECT count(*) FROM recheck_due") == 0
