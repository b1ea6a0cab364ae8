"""Runs of periodic tasks: by API, on schedule, one at a time, gone on with after a crash, errors kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import uuid4

import httpx

from credit_service.periodic import TASKS
from credit_service.risk.jobs import CHUNK
from credit_service.tasks import running
from credit_service.tasks.model import Run, Step, Task, TaskTable
from credit_service.tasks.running import background
from credit_service.tasks.store import claim_oldest, schedule, start
from holdfast.database.jobs import Job, register, run_next
from holdfast.database.work import Work, transaction
from holdfast.web.auth import issue_token

SCORES = "/v1/tasks/risk-scores/runs"


async def run(client: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await client.post(path, json={"company": "DE01", **body}, headers={"idempotency-key": str(uuid4())})


async def many_customers(credit: Any, count: int) -> None:
    await credit.pool.execute(
        "INSERT INTO account (company, customer) SELECT 'DE01', 'N' || lpad(n::text, 6, '0') "
        "FROM generate_series(1, $1) n ON CONFLICT DO NOTHING",
        count,
    )


async def step_in_background(credit: Any, table: TaskTable = TASKS) -> None:
    jobs = [job for job in background(table) if job.name == "task-runs"]
    await register(credit.pool, jobs)
    await credit.pool.execute("UPDATE job SET due_at = '-infinity'")
    assert await run_next(credit.pool, jobs)


async def test_a_run_shows_who_when_and_how_it_ended(credit: Any, client: httpx.AsyncClient) -> None:
    made = await run(client, SCORES, as_of="2026-03-01")
    state = made.json()
    assert (made.status_code, state["state"], state["started_by"], state["as_of"]) == (201, "done", "kim", "2026-03-01")
    assert state["started_at"] <= state["ended_at"]
    assert state["problem"] is None
    assert (await client.get(f"{SCORES}/{state['id']}")).json() == state
    assert (await client.get(SCORES, params={"company": "DE01"})).json()["items"] == [state]
    trail = await credit.pool.fetchrow("SELECT who, what FROM audit_trail WHERE what LIKE 'task.%'")
    assert tuple(trail) == ("kim", "task.risk-scores")


async def test_wrong_requests_are_refused(credit: Any, client: httpx.AsyncClient) -> None:
    assert (await run(client, "/v1/tasks/nothing/runs")).status_code == 422
    late = await run(client, SCORES, as_of="2026-03-03")
    assert (late.status_code, late.json()["errors"][0]["field"]) == (422, "as_of")
    odd = await run(client, SCORES, options={"loud": True})
    assert (odd.status_code, odd.json()["errors"][0]["field"]) == (422, "options.loud")
    assert (await run(client, SCORES, company="XX")).status_code == 422
    token = issue_token(credit.settings, "eve", ["administer"], ["US01"])
    headers = {"authorization": f"Bearer {token}", "idempotency-key": str(uuid4())}
    assert (await client.post(SCORES, json={"company": "DE01"}, headers=headers)).status_code == 404


async def test_a_long_run_goes_on_in_the_background_and_another_waits(credit: Any, client: httpx.AsyncClient) -> None:
    await many_customers(credit, 2 * CHUNK)
    first = (await run(client, SCORES)).json()
    assert (first["state"], first["processed"], first["ended_at"]) == ("running", CHUNK, None)
    refused = await run(client, SCORES)
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (409, "task-running")
    await step_in_background(credit)
    assert (await client.get(f"{SCORES}/{first['id']}")).json()["processed"] == 2 * CHUNK
    await step_in_background(credit)
    ended = (await client.get(f"{SCORES}/{first['id']}")).json()
    assert (ended["state"], ended["processed"]) == ("done", 2 * CHUNK + 1)
    assert (await run(client, SCORES)).status_code == 201


def table_of(task: Task) -> TaskTable:
    table = TaskTable()
    table.add(task)
    return table


async def test_a_run_killed_within_a_step_takes_that_step_again(credit: Any, client: httpx.AsyncClient) -> None:
    await many_customers(credit, 2 * CHUNK)
    first = (await run(client, SCORES)).json()
    whole = TASKS.tasks["risk-scores"]

    async def killed(work: Work, run: Run) -> Step:
        done = await whole.act(work, run)
        pid = await work.conn.fetchval("SELECT pg_backend_pid()")
        await credit.pool.execute("SELECT pg_terminate_backend($1)", pid)
        await work.conn.execute("SELECT 1")
        return done

    await step_in_background(credit, table_of(replace(whole, act=killed)))
    between = (await client.get(f"{SCORES}/{first['id']}")).json()
    assert (between["state"], between["processed"]) == ("running", CHUNK)
    await step_in_background(credit)
    await step_in_background(credit)
    ended = (await client.get(f"{SCORES}/{first['id']}")).json()
    assert (ended["state"], ended["processed"]) == ("done", 2 * CHUNK + 1)


async def test_what_fails_keeps_its_error_and_lets_others_go_on(credit: Any, client: httpx.AsyncClient) -> None:
    await many_customers(credit, CHUNK)
    first = (await run(client, SCORES)).json()

    async def broken(work: Work, run: Run) -> Step:
        raise ValueError("a figure that cannot be")

    await step_in_background(credit, table_of(replace(TASKS.tasks["risk-scores"], act=broken)))
    ended = (await client.get(f"{SCORES}/{first['id']}")).json()
    assert (ended["state"], ended["problem"]) == ("failed", "ValueError: a figure that cannot be")
    assert (await run(client, SCORES)).status_code == 201


async def test_each_business_day_every_task_is_scheduled_once_whoever_looks(credit: Any) -> None:
    jobs: list[Job] = [job for job in background(TASKS) if job.name == "task-schedule"]
    for _ in range(2):
        async with transaction(credit.pool) as work:
            await jobs[0].run(work)
    rows = await credit.pool.fetch("SELECT task, started_by, as_of::text FROM task_run ORDER BY seq")
    assert [tuple(row) for row in rows] == [
        (task.name, "schedule", "2026-03-02") for task in TASKS.tasks.values() if task.scheduled]  # fmt: skip


async def test_what_is_scheduled_for_a_company_runs_one_after_another(credit: Any) -> None:
    async with transaction(credit.pool) as work:
        await schedule(work, ["statistics", "risk-scores"], "DE01", date(2026, 3, 2))
    await many_customers(credit, running.CHUNK)
    async with transaction(credit.pool) as busy:
        first = await claim_oldest(busy)
        async with transaction(credit.pool) as work:
            assert await claim_oldest(work) is None
        async with transaction(credit.pool) as work:
            await start(work, "due-dates", "DE01", date(2026, 3, 2), None, {}, "kim")
        async with transaction(credit.pool) as work:
            other = await claim_oldest(work)
        assert (first and first["task"], other and other["task"]) == ("statistics", "due-dates")
    await step_in_background(credit)
    await step_in_background(credit)
    async with transaction(credit.pool) as work:
        following = await claim_oldest(work)
    assert following is not None
    assert following["task"] == "risk-scores"
