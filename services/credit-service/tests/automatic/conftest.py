"""A company whose customers are scored by D&B rating and by years, over real HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

CREATE = {"if-none-match": "*"}
RATINGS = [{"value": value, "score": "1"} for value in ("A1", "A2", "B1", "B2")]
YEARS = [{"from_value": "0", "to_value": "99", "score": "2"}]
CLASSES = (("LOW", "0", "35"), ("MEDIUM", "36", "60"))


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


@dataclass
class Office:
    """Calls the API as Kim, who may do everything."""

    client: httpx.AsyncClient
    credit: Any
    made: Any

    async def put(self, path: str, body: Any, tag: str | None = None) -> httpx.Response:
        headers = {"idempotency-key": str(uuid4()), **({"if-match": tag} if tag else CREATE)}
        return await self.client.put(path, json=body, headers=headers)

    async def post(self, path: str, body: Any) -> httpx.Response:
        return await self.client.post(path, json=body, headers={"idempotency-key": str(uuid4())})

    async def delete(self, path: str, tag: str) -> httpx.Response:
        return await self.client.delete(path, headers={"idempotency-key": str(uuid4()), "if-match": tag})

    async def set(self, path: str, body: Any) -> None:
        """Create something that must be taken."""
        answer = await self.put(path, body)
        assert answer.status_code == 201, answer.text

    async def rule(self, *lines: tuple[str, str, str, str], **fields: Any) -> None:
        """A rule of LOW and EUR: scoring group, operator, value, limit."""
        made = [
            {"scoring_group": group, "operator": operator, "comparison_value": value, "credit_limit": eur(limit)}
            for group, operator, value, limit in lines
        ]
        await self.set("/v1/automatic-limit-rules/DE01/LOW/EUR", {"lines": made, **fields})

    async def customer(self, name: str, rating: str | None = None, **fields: Any) -> None:
        """A customer; with a rating also scored and classified."""
        await self.credit.facts(self.made("erp.customer.changed.v1", customer=name, **fields))
        if rating:
            await self.set(f"/v1/customer-risks/DE01/{name}/values/DNB", {"value": rating})

    async def profile(self, name: str, amount: str, **fields: Any) -> None:
        """A profile with a limit."""
        await self.set(
            f"/v1/credit-profiles/DE01/{name}",
            {"credit_limit": eur(amount), "confirm_unknown_customer": True, **fields},
        )

    async def previewed(self, name: str) -> dict[str, Any]:
        """What would be proposed for a customer."""
        answer = await self.client.get("/v1/automatic-limits/DE01", params={"customer": name})
        (found,) = answer.json()["items"]
        return dict(found)


@pytest.fixture
async def office(client: httpx.AsyncClient, credit: Any, made: Any) -> Office:
    found = Office(client, credit, made)
    for name, low, high in CLASSES:
        await found.set(f"/v1/risk-groups/DE01/{name}", {"score_from": low, "score_to": high})
    await found.set("/v1/scoring-groups/DE01/DNB", {"group_type": "user", "score_type": "list", "lines": RATINGS})
    await found.set(
        "/v1/scoring-groups/DE01/YEARS", {"group_type": "customer_since", "score_type": "range", "lines": YEARS}
    )
    return found
