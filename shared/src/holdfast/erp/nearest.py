"""The customers that have used most of their credit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from holdfast.erp.api import Api


@dataclass(frozen=True, slots=True)
class NearLimit:
    """A customer and how much of its limit is used; amounts in company currency."""

    company: str
    customer: str
    currency: str
    limit: Decimal
    available: Decimal
    used_percent: Decimal


async def nearest_to_limit(credit: Api, count: int = 10) -> list[NearLimit]:
    """The customers that have used most of their limit; those without one are left out."""
    found = (await credit.get("/v1/exposures?limit=500&sort=-used_percent")).body["items"]
    limited = [item for item in found if item["limit"] is not None and item["used_percent"] is not None]
    return [_near(item) for item in limited[:count]]


def _near(item: dict[str, Any]) -> NearLimit:
    return NearLimit(
        item["company"], item["customer"], item["limit"]["currency"], Decimal(item["limit"]["amount"]),
        Decimal(item["available"]["amount"]), Decimal(item["used_percent"]),
    )  # fmt: skip
