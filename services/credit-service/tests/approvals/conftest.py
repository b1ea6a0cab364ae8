"""A company whose raises are always approved by somebody else, and calls as named users."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from holdfast.web.auth import issue_token

KIND = "credit-profile-change"
MANAGER = {"name": "manager", "permission": "approvals:decide"}


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


@dataclass
class Doors:
    """Calls the API as anybody."""

    client: httpx.AsyncClient
    credit: Any
    made: Any
    versions: dict[str, int] = field(default_factory=dict)

    async def call(
        self, method: str, path: str, body: Any = None, *, user: str = "kim", tag: str | None = None,
        companies: Sequence[str] = ("*",),
    ) -> httpx.Response:  # fmt: skip
        token = issue_token(self.credit.settings, user, ["administer"], tuple(companies))
        headers = {"authorization": f"Bearer {token}", "idempotency-key": str(uuid4())}
        headers |= {"if-none-match" if tag == "*" else "if-match": tag} if tag else {}
        return await self.client.request(method, path, json=body, headers=headers)

    async def put(self, path: str, body: Any, **how: Any) -> httpx.Response:
        """Set what is there, or make it."""
        there = await self.call("GET", path)
        tag = there.headers["etag"] if there.status_code == 200 else "*"
        return await self.call("PUT", path, body, tag=tag, **how)

    async def workflow(self, *steps: Any, company: str = "DE01", kind: str = KIND) -> None:
        """Switch a workflow on."""
        path = f"/v1/workflows/{company}/{kind}"
        body = {"active": True, "steps": list(steps) or [MANAGER]}
        tag = (await self.call("GET", path)).headers["etag"]
        answer = await self.call("PUT", path, body, tag=tag)
        assert answer.status_code == 200, answer.text

    async def parameters(self, company: str = "DE01", **fields: Any) -> None:
        """Set parameters of a company, past every door."""
        await self.credit.pool.execute(
            """INSERT INTO credit_parameters VALUES ($1, $2, 1)
               ON CONFLICT (company) DO UPDATE SET fields = credit_parameters.fields || excluded.fields""",
            company, {"allow_manual_limit_edit": True, **fields},
        )  # fmt: skip

    async def profile(self, limit: str, customer: str = "C-1001", company: str = "DE01", **fields: Any) -> Any:
        """Set a profile."""
        body = {"credit_limit": {"amount": limit, "currency": "USD" if company == "US01" else "EUR"}, **fields}
        return await self.put(f"/v1/credit-profiles/{company}/{customer}", body)

    async def now(self, customer: str = "C-1001", company: str = "DE01") -> dict[str, Any]:
        """A profile as it is."""
        found: dict[str, Any] = (await self.call("GET", f"/v1/credit-profiles/{company}/{customer}")).json()
        return found

    async def policy(self, value: str, percent: str = "100", number: str | None = None, **fields: Any) -> Any:
        """Add a policy, or change it."""
        body = {
            "company": "DE01", "customer": "C-1001", "kind": "insurance", "type": "GENERAL",
            "insurer_guarantor": "Euler",
            "effective_from": "2026-01-01", "expires_on": "2026-12-31", "value": eur(value),
            "update_credit_limit_pct": percent, **fields,
        }  # fmt: skip
        if number is None:
            return await self.call("POST", "/v1/policies", body)
        return await self.put(f"/v1/policies/{number}", body)

    async def group(self, limit: str, currency: str = "EUR", expiry: str = "2026-12-31") -> Any:
        """Set the group G-1, which DE01 owns."""
        body = {"owner_company": "DE01", "expiry_date": expiry,
                "credit_limit": {"amount": limit, "currency": currency}}  # fmt: skip
        return await self.put("/v1/credit-groups/G-1", body)

    async def join(self, customer: str = "C-1001", company: str = "DE01", *, leave: bool = False) -> Any:
        """Take a customer into G-1, or out."""
        path = "/v1/credit-groups/G-1/members" + ("/remove" if leave else "")
        return await self.call("POST", path, {"company": company, "customer": customer})

    async def approval(self, answer: httpx.Response) -> dict[str, Any]:
        """The request that an answer speaks of, as it is now."""
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = (await self.call("GET", f"/v1/approvals/{answer.json()['approval']['id']}")).json()
        return found

    async def decide(self, approval: dict[str, Any], act: str = "approve", user: str = "ann") -> dict[str, Any]:
        """Decide on a request."""
        answer = await self.call("POST", f"/v1/approvals/{approval['id']}/{act}", {}, user=user)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def journal(self, *lines: dict[str, Any], kind: str = "credit_limit", company: str = "DE01") -> str:
        """A draft with these lines; answers its path."""
        body = {"company": company, "type": kind, "lines": lines}
        made = await self.call("POST", "/v1/adjustments", body)
        assert made.status_code == 201, made.text
        return f"/v1/adjustments/{made.json()['number']}"


@pytest.fixture
async def doors(address: str, credit: Any, made: Any) -> AsyncIterator[Doors]:
    """Companies DE01 and US01 (USD, one for 0.50 EUR) with a customer C-1001 each; no workflow is active yet."""
    await credit.facts(
        made("erp.company.changed.v1", company="US01", currency="USD", version=1),
        made("erp.customer.changed.v1", company="US01"),
        made("erp.exchange-rate.published.v1", rate_type="default", from_currency="USD", to_currency="EUR",
             rate="0.5", valid_from="2026-01-01"),
    )  # fmt: skip
    async with httpx.AsyncClient(base_url=address) as client:
        opened = Doors(client, credit, made)
        await opened.parameters()
        await opened.parameters("US01")
        yield opened
