"""Journals over real HTTP, as named users."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from holdfast.web.auth import issue_token

CUSTOMERS = ("C-1", "C-2", "C-3")


@dataclass
class Desk:
    """Calls the API; everybody may do everything unless `roles` says otherwise."""

    client: httpx.AsyncClient
    credit: Any

    async def call(
        self, method: str, path: str, body: Any = None, *, user: str = "kim", tag: str | None = None,
        roles: tuple[str, ...] = ("administer",), content: str | None = None, key: str | None = None,
    ) -> httpx.Response:  # fmt: skip
        headers = {"authorization": f"Bearer {issue_token(self.credit.settings, user, list(roles))}",
                   "idempotency-key": key or str(uuid4())}  # fmt: skip
        headers |= {"if-none-match" if tag == "*" else "if-match": tag} if tag else {}
        if content is not None:
            return await self.client.request(
                method, path, content=content.encode(), headers=headers | {"content-type": "text/csv"}
            )
        return await self.client.request(method, path, json=body, headers=headers)

    async def journal(self, *lines: dict[str, Any], kind: str = "credit_limit") -> str:
        """A draft with these lines; answers its path."""
        made = await self.call("POST", "/v1/adjustments", {"company": "DE01", "type": kind, "description": "review"})
        assert made.status_code == 201, made.text
        path = f"/v1/adjustments/{made.json()['number']}"
        for line in lines:
            added = await self.call("POST", f"{path}/lines", line)
            assert added.status_code == 201, added.text
        return path

    async def lines(self, path: str) -> list[dict[str, Any]]:
        """The lines of a journal."""
        found: list[dict[str, Any]] = (await self.call("GET", f"{path}/lines?limit=500")).json()["items"]
        return found

    async def limit(self, customer: str, amount: str, expiry: str | None = "2026-06-30") -> None:
        """Set a limit by hand."""
        body = {"credit_limit": {"amount": amount, "currency": "EUR"}, "credit_limit_expiry_date": expiry}
        path = f"/v1/credit-profiles/DE01/{customer}"
        known = await self.call("GET", path)
        tag = known.headers["etag"] if known.status_code == 200 else None
        headers = {} if tag else {"if-none-match": "*"}
        token = issue_token(self.credit.settings, "kim", ["administer"])
        headers |= {"authorization": f"Bearer {token}", "idempotency-key": str(uuid4())}
        answer = await self.client.put(path, json=body, headers=headers | ({"if-match": tag} if tag else {}))
        assert answer.status_code in (200, 201), answer.text

    async def profile(self, customer: str) -> dict[str, Any]:
        """The profile of a customer."""
        found: dict[str, Any] = (await self.call("GET", f"/v1/credit-profiles/DE01/{customer}")).json()
        return found

    async def workflow(self, kind: str, steps: list[dict[str, Any]] | None = None) -> None:
        """Switch a workflow on."""
        steps = steps or [{"name": "manager", "permission": "approvals:decide"}]
        body = {"active": True, "steps": steps}
        answer = await self.call("PUT", f"/v1/workflows/DE01/{kind}", body, tag='"0"')
        assert answer.status_code == 200, answer.text

    async def approve(self, approval: dict[str, Any], user: str = "ann", act: str = "approve") -> httpx.Response:
        """Decide on an approval."""
        return await self.call("POST", f"/v1/approvals/{approval['id']}/{act}", {}, user=user)


@pytest.fixture
async def desk(address: str, credit: Any, made: Any) -> AsyncIterator[Desk]:
    """A desk in a company with three customers whose limits are 100,000, 123,456 and 3,000 EUR."""
    await credit.facts(*(made("erp.customer.changed.v1", customer=name) for name in CUSTOMERS))
    async with httpx.AsyncClient(base_url=address) as client:
        opened = Desk(client, credit)
        for name, amount in zip(CUSTOMERS, ("100000", "123456", "3000"), strict=True):
            await opened.limit(name, amount)
        yield opened
