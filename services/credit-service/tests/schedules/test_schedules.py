"""Adjustments that are generated again and again: set up by API, run each business day by the jobs role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from credit_service.periodic import TASKS
from credit_service.tasks.running import background
from holdfast.database.jobs import register, run_next
from holdfast.database.work import set_business_clock, transaction
from holdfast.web.auth import issue_token

SCHEDULES = "/v1/adjustment-schedules/DE01"
RAISE = {"source": "existing_customers", "adjustment_value": "10", "value_type": "percentage",
         "date_method": "absolute", "valid_days": 365, "first_on": "2026-03-02", "every": 1,
         "unit": "months", "customers": ["C-1", "C-2"]}  # fmt: skip


@dataclass
class Planner:
    """Sets schedules and lets days pass."""

    client: httpx.AsyncClient
    credit: Any

    async def put(self, code: str, body: dict[str, Any], tag: str | None = None) -> httpx.Response:
        headers = {"idempotency-key": str(uuid4()), **({"if-match": tag} if tag else {"if-none-match": "*"})}
        return await self.client.put(f"{SCHEDULES}/{code}", json=body, headers=headers)

    async def set(self, code: str = "YEARLY", **changes: Any) -> dict[str, Any]:
        answer = await self.put(code, RAISE | changes)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def shown(self, code: str = "YEARLY") -> dict[str, Any]:
        found: dict[str, Any] = (await self.client.get(f"{SCHEDULES}/{code}")).json()
        return found

    async def day(self, day: str) -> None:
        """The jobs role on a business day: everything is scheduled, and run to its end."""
        async with self.credit.pool.acquire() as connection:
            await set_business_clock(connection, datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC))
        schedule, runs = background(TASKS)
        async with transaction(self.credit.pool) as work:
            await schedule.run(work)
        await register(self.credit.pool, [runs])
        while await self.credit.pool.fetchval("SELECT EXISTS (SELECT FROM task_run WHERE state = 'running')"):
            await self.credit.pool.execute("UPDATE job SET due_at = '-infinity'")
            await run_next(self.credit.pool, [runs])

    async def lines(self) -> list[tuple[Any, ...]]:
        rows = await self.credit.pool.fetch(
            """SELECT j.number, j.type, j.description, l.customer, l.new_limit::text, l.new_from::text, l.new_to::text
               FROM adjustment_journal j JOIN adjustment_line l ON l.journal = j.number ORDER BY j.number, l.line"""
        )
        return [tuple(row) for row in rows]


async def limit(credit: Any, customer: str, amount: str, group: str | None = None, expiry: str | None = None) -> None:
    await credit.pool.execute(
        """INSERT INTO credit_profile (company, customer, version, currency, credit_limit, credit_management_group,
                                       credit_limit_expiry_date, changed_at, changed_by)
           VALUES ('DE01', $1, 1, 'EUR', $2::text::numeric, $3, $4::text::date, now(), 'kim')""",
        customer, amount, group, expiry,
    )  # fmt: skip


@pytest.fixture
async def planner(client: httpx.AsyncClient, credit: Any) -> Planner:
    await limit(credit, "C-1", "1000", "RETAIL", "2026-06-30")
    await limit(credit, "C-2", "2000")
    return Planner(client, credit)


async def test_a_schedule_drafts_its_journal_on_each_of_its_days_and_on_no_other(planner: Planner) -> None:
    made = await planner.set(description="Monthly", credit_management_group="RETAIL", every=1)
    assert (made["next_on"], made["last_run_on"], made["set_by"]) == ("2026-03-02", None, "kim")
    await planner.day("2026-03-02")
    await planner.day("2026-03-03")
    once = ("ADJ-000001", "credit_limit", "Monthly", "C-1", "1100.00", None, "2027-03-02")
    assert await planner.lines() == [once]
    after = await planner.shown()
    assert (after["next_on"], after["last_run_on"], after["last_journal"], after["last_lines"]) == (
        "2026-04-02", "2026-03-02", "ADJ-000001", 1)  # fmt: skip
    assert after["version"] == 1
    await planner.day("2026-04-02")
    assert [line[-1] for line in await planner.lines()] == ["2027-03-02", "2027-04-02"]


async def test_days_on_which_nothing_ran_are_made_up_for_once(planner: Planner) -> None:
    await planner.set(every=1, unit="weeks")
    await planner.day("2026-03-25")
    assert [line[3:] for line in await planner.lines()] == [
        ("C-1", "1100.00", None, "2027-03-25"), ("C-2", "2200.00", None, "2027-03-25")]  # fmt: skip
    assert (await planner.shown())["next_on"] == "2026-03-30"


async def test_one_that_runs_once_is_done(planner: Planner) -> None:
    await planner.set(every=None)
    await planner.day("2026-03-02")
    after = await planner.shown()
    assert (after["next_on"], after["last_lines"]) == (None, 2)
    await planner.day("2026-03-03")
    assert len(await planner.lines()) == 2


async def test_temporary_limits_start_days_after_the_run(planner: Planner) -> None:
    await planner.set(type="temporary_credit_limit", starts_after_days=7, valid_days=30, customers=["C-2"])
    await planner.day("2026-03-02")
    assert await planner.lines() == [
        ("ADJ-000001", "temporary_credit_limit", "Schedule YEARLY as of 2026-03-02", "C-2", "2200.00", "2026-03-09",
         "2026-04-08")]  # fmt: skip


async def test_relative_dates_move_what_exists(planner: Planner) -> None:
    relative = {**RAISE, "date_method": "relative", "to_offset_days": 90, "valid_days": None}
    answer = await planner.put("MOVE", relative)
    assert answer.status_code == 201, answer.text
    await planner.day("2026-03-02")
    assert [line[3:] for line in await planner.lines()] == [("C-1", "1100.00", None, "2026-09-28")]


async def test_what_is_switched_off_or_deleted_does_not_run(planner: Planner, credit: Any) -> None:
    await planner.set("OFF", enabled=False)
    gone = await planner.set("GONE")
    headers = {"idempotency-key": str(uuid4()), "if-match": f'"{gone["version"]}"'}
    assert (await planner.client.delete(f"{SCHEDULES}/GONE", headers=headers)).status_code == 204
    await planner.day("2026-03-02")
    assert await planner.lines() == []
    assert [x["id"] for x in (await planner.client.get(SCHEDULES)).json()["items"]] == ["OFF"]
    trail = await credit.pool.fetch("SELECT what, subject FROM audit_trail WHERE what LIKE 'adjustment-schedule.%'")
    assert [tuple(row) for row in trail] == [
        ("adjustment-schedule.changed", "OFF"), ("adjustment-schedule.changed", "GONE"),
        ("adjustment-schedule.deleted", "GONE")]  # fmt: skip


async def test_the_task_runs_what_is_due_when_asked_and_again_makes_nothing(planner: Planner) -> None:
    await planner.set()
    path = "/v1/tasks/scheduled-adjustments/runs"
    done = [
        (await planner.client.post(path, json={"company": "DE01"}, headers={"idempotency-key": str(uuid4())})).json()
        for _ in range(2)
    ]
    assert [(run["state"], run["processed"], run["made"]) for run in done] == [
        ("done", 1, "ADJ-000001"), ("done", 0, None)]  # fmt: skip


async def test_whoever_set_a_schedule_does_not_approve_its_journal(planner: Planner, credit: Any) -> None:
    steps = [{"name": "manager", "permission": "approvals:decide"}]
    flow = {"active": True, "steps": steps}
    headers = {"idempotency-key": str(uuid4()), "if-match": '"0"'}
    await planner.client.put("/v1/workflows/DE01/credit-limit-adjustment", json=flow, headers=headers)
    await planner.set()
    await planner.day("2026-03-02")

    async def post(path: str, user: str) -> httpx.Response:
        token = issue_token(credit.settings, user, ["administer"])
        headers = {"authorization": f"Bearer {token}", "idempotency-key": str(uuid4())}
        return await planner.client.post(path, json={}, headers=headers)

    asked = await post("/v1/adjustments/ADJ-000001/submit", "ann")
    assert asked.status_code in (200, 201, 202), asked.text
    number = asked.json()["approvals"][0]["id"] if "approvals" in asked.json() else asked.json()["approval"]["id"]
    assert (await post(f"/v1/approvals/{number}/approve", "kim")).status_code == 409
    assert (await post(f"/v1/approvals/{number}/approve", "zoe")).status_code == 200


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"first_on": "2026-03-01", "every": None}, "before today"),
        ({"valid_days": None}, "valid_days"),
        ({"date_method": "relative", "to_offset_days": 3}, "valid_days"),
        ({"value_type": None}, "value_type"),
        ({"new_to": "2026-12-31"}, "not"),
        ({"every": 0}, "at least 1"),
        ({"source": "automatic_limits"}, "automatic_limits takes none"),
    ],
)
async def test_what_could_never_run_is_refused(planner: Planner, changes: dict[str, Any], says: str) -> None:
    answer = await planner.put("X", RAISE | changes)
    assert (answer.status_code, says in answer.text) == (422, True), answer.text


async def test_two_editors_one_gets_412_and_a_day_it_has_run_on_is_not_run_again(planner: Planner) -> None:
    await planner.set()
    await planner.day("2026-03-02")
    changed = await planner.put("YEARLY", RAISE | {"every": 2}, '"1"')
    assert (changed.status_code, changed.json()["next_on"]) == (200, "2026-05-02")
    assert (await planner.put("YEARLY", RAISE, '"1"')).status_code == 412
