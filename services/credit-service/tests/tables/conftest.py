"""Files over real HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from holdfast.web.auth import issue_token

CUSTOMERS = tuple(f"C-{n}" for n in range(1, 7))


@dataclass
class Files:
    """Imports and exports as a named user."""

    client: httpx.AsyncClient
    credit: Any

    async def call(
        self, method: str, path: str, *, user: str = "kim", roles: tuple[str, ...] = ("administer",),
        companies: tuple[str, ...] = ("*",), key: str | None = None, **more: Any,
    ) -> httpx.Response:  # fmt: skip
        token = issue_token(self.credit.settings, user, roles, companies)
        headers = {"authorization": f"Bearer {token}", "idempotency-key": key or str(uuid4())}
        return await self.client.request(method, path, headers=headers | more.pop("headers", {}), **more)

    async def take(self, what: str, text: str | bytes, **query: Any) -> dict[str, Any]:
        """The report of an import into DE01."""
        content = text.encode() if isinstance(text, str) else text
        params = {"company": "DE01", **query}
        answer = await self.call("POST", f"/v1/{what}/import", content=content, params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def export(self, what: str, **query: Any) -> str:
        """An export as text."""
        answer = await self.call("GET", f"/v1/{what}/export", params=query)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8"), answer.text
        return answer.text

    async def rows(self, what: str, **query: Any) -> list[dict[str, str]]:
        """The lines of an export."""
        return list(csv.DictReader(io.StringIO(await self.export(what, **query), newline="")))

    async def workflow(self, from_amount: str | None = None) -> None:
        """Raises need a manager, from an amount on."""
        step = {"name": "manager", "permission": "approvals:decide", "from_amount": from_amount}
        body = {"active": True, "steps": [step]}
        path = "/v1/workflows/DE01/credit-profile-change"
        answer = await self.call("PUT", path, json=body, headers={"if-match": '"0"'})
        assert answer.status_code in (200, 201), answer.text

    async def profile(self, customer: str) -> dict[str, Any]:
        """A profile as the API shows it."""
        found: dict[str, Any] = (await self.call("GET", f"/v1/credit-profiles/DE01/{customer}")).json()
        return found


@pytest.fixture
async def files(address: str, credit: Any, made: Any) -> AsyncIterator[Files]:
    """A company with six customers that have no profile."""
    await credit.facts(*(made("erp.customer.changed.v1", customer=name) for name in CUSTOMERS))
    async with httpx.AsyncClient(base_url=address, timeout=120) as client:
        yield Files(client, credit)
