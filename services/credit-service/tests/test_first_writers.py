"""Two who make the same thing at once: one is first, the other one is told so (412), nothing is overwritten."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from holdfast.testing.waiting import eventually

GROUP = {"owner_company": "DE01", "credit_limit": {"amount": "9", "currency": "EUR"}, "expiry_date": "2026-12-31"}
PARAMETERS = "INSERT INTO credit_parameters (company, fields, version) VALUES ('US01', '{}', 1)"
ENTRY = "INSERT INTO master_data (list, company, id, fields, version) VALUES ('policy-types', 'US01', 'P', '{}', 1)"
OTHERS_GROUP = """INSERT INTO credit_group (name, owner_company, description, currency, credit_limit, expiry_date,
                  check_member_overdue, version) VALUES ('G-1', 'AT01', 'first', 'EUR', 5, '2026-12-31', false, 1)"""
WAITS = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.mark.parametrize(
    ("first", "path", "body", "condition"),
    [
        (PARAMETERS, "/v1/credit-parameters/US01", {"review_notice_days": 5}, {"if-match": '"0"'}),
        (ENTRY, "/v1/master-data/policy-types/US01/P", {"description": "second"}, {"if-none-match": "*"}),
        (OTHERS_GROUP, "/v1/credit-groups/G-1", GROUP, {"if-none-match": "*"}),
    ],
)
async def test_the_second_creator_is_refused(
    credit: Any, client: httpx.AsyncClient, first: str, path: str, body: dict[str, Any], condition: dict[str, str]
) -> None:
    headers = {"idempotency-key": str(uuid4()), **condition}
    async with credit.pool.acquire() as connection:
        turn = connection.transaction()
        await turn.start()
        await connection.execute(first)
        second = asyncio.create_task(client.put(path, json=body, headers=headers))
        await eventually(lambda: credit.pool.fetchval(WAITS))
        await turn.commit()
    refused = await second
    assert (refused.status_code, refused.json()["type"].split("/")[-1]) == (412, "changed-meanwhile")
    assert await credit.published() == []
    assert await credit.pool.fetchval("SELECT count(*) FROM audit_trail") == 0
    assert (await client.get(path)).headers["etag"] == '"1"'
