"""Temporary limits that start and end are announced once, to hold-service too (spec 1.9, 2.2, section 4)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import httpx

from holdfast.contracts.credit import GroupChanged, ProfileChanged
from holdfast.contracts.credit_notices import TemporaryLimitEnded, TemporaryLimitStarted
from holdfast.database.work import set_business_clock


def key(**headers: str) -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), **headers}


async def at(credit: Any, moment: str) -> None:
    async with credit.pool.acquire() as connection:
        await set_business_clock(connection, datetime.fromisoformat(moment).replace(tzinfo=UTC))


async def run(client: httpx.AsyncClient, company: str = "DE01") -> int:
    answer = await client.post("/v1/tasks/temporary-limits/runs", json={"company": company}, headers=key())
    assert answer.status_code == 201, answer.text
    changed: int = answer.json()["changed"]
    return changed


async def temporary(
    credit: Any, first: str, last: str, customer: str | None = "C-1001", group: str | None = None
) -> None:
    company = "DE01" if customer else None
    await credit.pool.execute(
        "INSERT INTO temporary_limit VALUES ($1, $2, $3, $4, 15000, $5, $6, 'DE01-1')",
        uuid4(), company, customer, group, date.fromisoformat(first), date.fromisoformat(last),
    )  # fmt: skip


async def told(credit: Any, *types: type[Any]) -> list[tuple[str, dict[str, Any]]]:
    rows = await credit.pool.fetch("SELECT type FROM outbox ORDER BY seq")
    wanted = {cls.event_type: cls.__name__ for cls in types}
    both = zip(rows, await credit.published(), strict=True)
    return [(wanted[row["type"]], payload) for row, payload in both if row["type"] in wanted]


async def test_a_start_and_an_end_are_told_once_on_their_days(credit: Any, client: httpx.AsyncClient) -> None:
    await temporary(credit, "2026-03-03", "2026-03-04")
    days = []
    for day in ("2026-03-02", "2026-03-03", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06"):
        await at(credit, f"{day}T12:00")
        days.append(await run(client))
    assert days == [0, 1, 0, 0, 1, 0]
    found = await told(credit, TemporaryLimitStarted, TemporaryLimitEnded)
    assert [(name, p["as_of"], p["amount"]) for name, p in found] == [
        ("TemporaryLimitStarted", "2026-03-03", "15000"), ("TemporaryLimitEnded", "2026-03-05", "15000")]  # fmt: skip
    profiles = [p for _, p in await told(credit, ProfileChanged)]
    assert [(p["version"], len(p["temporary_limits"])) for p in profiles] == [(1, 1), (2, 0)]


async def test_days_that_nobody_worked_are_made_up_for(credit: Any, client: httpx.AsyncClient) -> None:
    await temporary(credit, "2026-02-01", "2026-02-10")
    await temporary(credit, "2026-02-20", "2026-03-31")
    assert await run(client) == 2
    found = await told(credit, TemporaryLimitStarted, TemporaryLimitEnded)
    assert [(name, p["from_date"]) for name, p in found] == [
        ("TemporaryLimitStarted", "2026-02-01"), ("TemporaryLimitEnded", "2026-02-01"),
        ("TemporaryLimitStarted", "2026-02-20")]  # fmt: skip


async def test_a_groups_temporary_limit_is_told_with_the_group(credit: Any, client: httpx.AsyncClient) -> None:
    body = {"owner_company": "DE01", "credit_limit": {"amount": "9", "currency": "EUR"}, "expiry_date": "2026-12-31"}
    assert (
        await client.put("/v1/credit-groups/G-1", json=body, headers=key(**{"if-none-match": "*"}))
    ).status_code == 200
    await temporary(credit, "2026-03-01", "2026-03-31", None, "G-1")
    assert (await run(client), await run(client)) == (1, 0)
    ((_, notice),) = await told(credit, TemporaryLimitStarted)
    assert (notice["group"], notice["currency"]) == ("G-1", "EUR")
    groups = [p for _, p in await told(credit, GroupChanged)]
    assert [(p["version"], len(p["temporary_limits"])) for p in groups] == [(1, 0), (2, 1)]


async def test_a_limit_still_in_force_behind_utc_is_not_left_out(
    credit: Any, client: httpx.AsyncClient, made: Any
) -> None:
    """At 02:00 UTC it is the evening before in New York: the limit that ends that day is in force there."""
    await credit.facts(
        made("erp.company.changed.v1", company="US01", currency="USD", time_zone="America/New_York"),
        made("erp.customer.changed.v1", company="US01", currency="USD"),
    )
    await temporary(credit, "2026-03-01", "2026-03-10")
    await credit.pool.execute("UPDATE temporary_limit SET company = 'US01'")
    await at(credit, "2026-03-11T02:00")
    assert await run(client, "US01") == 1
    ((_, profile),) = await told(credit, ProfileChanged)
    assert [limit["to_date"] for limit in profile["temporary_limits"]] == ["2026-03-10"]
    assert [name for name, _ in await told(credit, TemporaryLimitStarted, TemporaryLimitEnded)] == [
        "TemporaryLimitStarted"
    ]
    shown = (await client.get("/v1/exposures/US01/C-1001")).json()
    assert shown["limit"] == {"amount": "15000.00", "currency": "USD"}
