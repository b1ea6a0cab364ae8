"""Money in requests and answers: a decimal string and a currency."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from holdfast.contracts.base import Amount, Currency
from holdfast.receivables.money import rounded


class MoneyModel(BaseModel):
    """An amount in a currency."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={
        "examples": [{"amount": "1234.50", "currency": "EUR"}]})  # fmt: skip

    amount: Amount = Field(description="decimal string")
    currency: Currency = Field(description="ISO 4217")


def money(amount: Decimal | None, currency: str) -> dict[str, Any] | None:
    """An amount as the APIs show it, to the currency's minor unit; None stays None."""
    return None if amount is None else {"amount": f"{rounded(amount, currency):f}", "currency": currency}
