"""Limits, policies and reviews that fall due are announced once each, whatever stops in between."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from credit_service.periodic import TASKS
from credit_service.tasks.running import background
from holdfast.contracts.credit import ProfileChanged
from holdfast.contracts.credit_notices import LimitExpiring, PolicyExpiring, ReviewDue
from holdfast.database.jobs import register, run_next
from holdfast.database.work import set_business_clock
from holdfast.testing.waiting import eventually

RUNS = "/v1/tasks/due-dates/runs"


def key(**headers: str) -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), **headers}


async def profile(client: httpx.AsyncClient, customer: str = "C-1001", **fields: Any) -> None:
    body = {"credit_limit": {"amount": "1000", "currency": "EUR"}, "confirm_unknown_customer": True, **fields}
    path = f"/v1/credit-profiles/DE01/{customer}"
    assert (await client.put(path, json=body, headers=key(**{"if-none-match": "*"}))).status_code == 201


async def policy(client: httpx.AsyncClient, expires_on: str) -> None:
    body = {
        "company": "DE01", "customer": "C-1001", "kind": "guarantee", "type": "GENERAL", "insurer_guarantor": "Bank",
        "effective_from": "2026-01-01", "expires_on": expires_on, "value": {"amount": "50", "currency": "EUR"},
    }  # fmt: skip
    assert (await client.post("/v1/policies", json=body, headers=key())).status_code == 201


async def run(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post(RUNS, json={"company": "DE01", **fields}, headers=key())
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def told(credit: Any, event_type: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await credit.published(event_type)
    return found


async def at(credit: Any, day: str) -> None:
    async with credit.pool.acquire() as connection:
        await set_business_clock(connection, datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC))


async def test_what_falls_due_is_announced_once_with_the_days_of_notice(credit: Any, client: httpx.AsyncClient) -> None:
    await profile(client, credit_limit_expiry_date="2026-04-01", next_review_date="2026-03-02")
    await profile(client, "C-2", credit_limit_expiry_date="2026-04-02", next_review_date="2026-03-03")
    await policy(client, "2026-04-01")
    await policy(client, "2026-04-02")
    assert (await run(client))["changed"] == 3
    assert (await run(client))["changed"] == 0
    (limit,) = await told(credit, LimitExpiring.event_type)
    assert (limit["expiry_date"], limit["credit_limit"], limit["as_of"]) == ("2026-04-01", "1000", "2026-03-02")
    assert [e["policy"]["expires_on"] for e in await told(credit, PolicyExpiring.event_type)] == ["2026-04-01"]
    assert [e["next_review_date"] for e in await told(credit, ReviewDue.event_type)] == ["2026-03-02"]
    await at(credit, "2026-03-03")
    assert (await run(client))["changed"] == 3


async def test_the_days_of_notice_are_the_companys_own(credit: Any, client: httpx.AsyncClient) -> None:
    body = {"allow_manual_limit_edit": True, "limit_expiry_notice_days": 5, "review_notice_days": 10}
    headers = key(**{"if-match": '"1"'})
    assert (await client.put("/v1/credit-parameters/DE01", json=body, headers=headers)).status_code == 200
    await profile(client, credit_limit_expiry_date="2026-03-08", next_review_date="2026-03-12")
    await run(client)
    assert (len(await told(credit, LimitExpiring.event_type)), len(await told(credit, ReviewDue.event_type))) == (0, 1)


async def test_a_new_date_is_announced_anew(credit: Any, client: httpx.AsyncClient) -> None:
    await profile(client, credit_limit_expiry_date="2026-03-10")
    await run(client)
    body = {"credit_limit": {"amount": "1000", "currency": "EUR"}, "credit_limit_expiry_date": "2026-03-20"}
    path, headers = "/v1/credit-profiles/DE01/C-1001", key(**{"if-match": '"1"'})
    assert (await client.put(path, json=body, headers=headers)).status_code == 200
    await run(client)
    assert [e["expiry_date"] for e in await told(credit, LimitExpiring.event_type)] == ["2026-03-10", "2026-03-20"]


async def test_a_profile_whose_limit_policy_or_suspension_has_run_out_is_told_anew(
    credit: Any, client: httpx.AsyncClient
) -> None:
    await profile(client, credit_limit_expiry_date="2026-03-02", ignore_until_date="2026-03-04")
    await policy(client, "2026-03-03")
    versions = []
    for day in ("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06"):
        await at(credit, day)
        await run(client)
        last = (await told(credit, ProfileChanged.event_type))[-1]
        versions.append((last["version"], last.get("reason"), len(last.get("policies", ()))))
    assert versions == [
        (2, None, 1), (3, "limit-expired", 1), (4, "policy-expired", 0), (5, "suspension-ended", 0),
        (5, "suspension-ended", 0),
    ]  # fmt: skip


async def test_only_the_customers_asked_for_and_only_this_company(credit: Any, client: httpx.AsyncClient) -> None:
    for customer in ("C-1001", "C-2"):
        await profile(client, customer, credit_limit_expiry_date="2026-03-10")
    await run(client, customers=["C-2"])
    assert [e["customer"] for e in await told(credit, LimitExpiring.event_type)] == ["C-2"]


async def test_two_runs_at_once_announce_once(credit: Any, client: httpx.AsyncClient) -> None:
    for n in range(20):
        await profile(client, f"C-{n}", credit_limit_expiry_date="2026-03-10")
    runs = await asyncio.gather(*(run(client) for _ in range(4)))
    assert sum(state["changed"] for state in runs) == 20
    assert len(await told(credit, LimitExpiring.event_type)) == 20


async def work_off(credit: Any) -> None:
    """What a jobs process does until nothing is due."""
    jobs, running = background(TASKS), True
    await register(credit.pool, jobs)
    while running:
        await credit.pool.execute("UPDATE job SET due_at = now() - interval '1 second'")
        while await run_next(credit.pool, jobs):
            pass
        running = await credit.pool.fetchval("SELECT EXISTS (SELECT FROM task_run WHERE state = 'running')")
    assert await credit.pool.fetchval("SELECT max(failures) FROM job") == 0


MANY = 60
"""Customers of whom each has a notice of its own: the process is cut off long before it is through."""


@pytest.mark.parametrize("told_before", [1, 2, 5])
async def test_a_jobs_process_that_is_cut_off_neither_repeats_nor_loses_a_notice(
    credit: Any, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, told_before: int
) -> None:
    for n in range(MANY):
        await profile(client, f"C-{n}", credit_limit_expiry_date="2026-03-10", next_review_date="2026-03-01")
    monkeypatch.setattr("credit_service.notices.jobs.MOST_ROWS", 1)
    process = asyncio.create_task(work_off(credit))

    async def begun() -> bool:
        return len(await told(credit, LimitExpiring.event_type)) >= told_before

    await eventually(begun)
    process.cancel()
    with suppress(asyncio.CancelledError):
        await process
    assert await credit.pool.fetchval("SELECT state FROM task_run WHERE task = 'due-dates'") == "running"
    await work_off(credit)
    for event_type in (LimitExpiring.event_type, ReviewDue.event_type):
        assert sorted(e["customer"] for e in await told(credit, event_type)) == sorted(f"C-{n}" for n in range(MANY))
    await at(credit, "2026-03-03")
    await work_off(credit)
    assert len(await told(credit, LimitExpiring.event_type)) == MANY
