"""One way to create and to change: `If-None-Match: *` and `If-Match` (docs/api-style.md)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

GROUP = {"owner_company": "DE01", "expiry_date": "2026-12-31", "credit_limit": {"amount": "5", "currency": "EUR"}}
LINES = [{"value": "a", "score": "1"}]
CREATED = {
    "/v1/credit-profiles/DE01/C-1001": {"credit_limit": {"amount": "5", "currency": "EUR"}},
    "/v1/credit-groups/G-1": GROUP,
    "/v1/master-data/policy-types/DE01/T": {},
    "/v1/scoring-groups/DE01/S": {"group_type": "user", "score_type": "list", "lines": LINES},
    "/v1/customer-revenues/DE01/C-1001/2026-01-01": {"revenue": {"amount": "5", "currency": "EUR"}},
    "/v1/risk-groups/DE01/LOW": {"score_from": "0", "score_to": "35", "indicator": "none"},
}
WITH_DEFAULTS: dict[str, Any] = {
    "/v1/credit-parameters/US01": {}, "/v1/statistics-parameters/DE01": {},
    "/v1/workflows/DE01/credit-profile-change": {"active": False, "steps": []},
}  # fmt: skip


async def put(client: httpx.AsyncClient, path: str, body: Any, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return (await client.put(path, json=body, headers={"idempotency-key": str(uuid4()), **named})).status_code


@pytest.mark.parametrize("path", CREATED)
async def test_what_does_not_exist_is_created_by_if_none_match(client: httpx.AsyncClient, path: str) -> None:
    body = CREATED[path]
    assert await put(client, path, body) == 428
    assert await put(client, path, body, if_match='"0"') == 412
    assert await put(client, path, body, if_match='"1"') == 412
    assert await put(client, path, body, if_none_match="*") in (200, 201)
    tag = (await client.get(path)).headers["etag"]
    assert await put(client, path, body, if_none_match="*") == 412
    assert await put(client, path, body) == 428
    assert await put(client, path, body, if_match='"77"') == 412
    assert await put(client, path, body, if_match=tag) == 200


@pytest.mark.parametrize("path", WITH_DEFAULTS)
async def test_what_has_defaults_is_there_from_the_beginning(client: httpx.AsyncClient, path: str) -> None:
    found = await client.get(path)
    assert (found.status_code, found.headers["etag"]) == (200, '"0"')
    assert await put(client, path, WITH_DEFAULTS[path]) == 428
    assert await put(client, path, WITH_DEFAULTS[path], if_match='"0"') == 200
    assert await put(client, path, WITH_DEFAULTS[path], if_match='"0"') == 412


@pytest.mark.parametrize("path", [
    "/v1/credit-parameters/DE%0101", "/v1/credit-groups/G%01", "/v1/master-data/policy-types/DE01/T%1F",
    "/v1/credit-profiles/DE01/C%01",
])  # fmt: skip
async def test_a_control_character_in_a_name_is_refused(client: httpx.AsyncClient, path: str) -> None:
    """The events that speak of it could not carry it."""
    assert await put(client, path, next((CREATED[known] for known in CREATED if known[:14] == path[:14]), {})) == 422
