"""Policies as requests describe them."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from credit_service.masterdata.api import unknown_reference
from holdfast.contracts.base import Text
from holdfast.contracts.scalars import BusinessDate, Code, CompanyId, Id
from holdfast.receivables.money import rounded
from holdfast.web.money import MoneyModel
from holdfast.web.problems import field_problem

REFERENCES = {"type": "policy-types", "coverage_type": "coverage-types"}


class PolicyBody(BaseModel):
    """An insurance or guarantee."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{
        "company": "DE01", "customer": "C-1001", "kind": "insurance", "type": "CREDIT",
        "insurer_guarantor": "Euler",
        "effective_from": "2026-01-01", "expires_on": "2026-12-31",
        "value": {"amount": "50000.00", "currency": "EUR"}, "update_credit_limit_pct": "50"}]})  # fmt: skip

    company: CompanyId
    customer: Id
    kind: Literal["insurance", "guarantee"]
    type: Code = Field(description="from the list policy-types")
    coverage_type: Code | None = Field(None, description="from the list coverage-types; for an insurance only")
    insurer_guarantor: Text = Field(min_length=1)
    identification: Text = Field("", description="policy number")
    effective_from: BusinessDate = Field(description="first day that is covered")
    expires_on: BusinessDate = Field(description="last day that is covered")
    value: MoneyModel = Field(description="full face value")
    update_credit_limit_pct: Decimal = Field(
        Decimal(0), ge=0, le=100, decimal_places=2, description="share of the value that adds to the limit, percent"
    )
    included_in_exposure: bool = Field(False, description="the full value lowers the exposure value (spec 2.3)")
    confirm_unknown_customer: bool = Field(False, description="the ERP will tell of this customer later")
    reason: Text | None = None

    def fields(self) -> dict[str, Any]:
        """As they are stored."""
        plain = self.model_dump(exclude={"value", "reason", "confirm_unknown_customer"})
        return plain | {"value": self.value.amount, "currency": self.value.currency}


def must_be_possible(given: PolicyBody) -> None:
    """What contradicts itself. Raises Problem 422."""
    if given.kind == "guarantee" and given.coverage_type is not None:
        raise field_problem(
            422, "invalid", "The request is not valid", "coverage_type", given.coverage_type,
            "a guarantee has no coverage type", "Leave it out, or send kind insurance.",
        )  # fmt: skip
    if given.expires_on < given.effective_from:
        raise field_problem(
            422, "invalid", "The request is not valid", "expires_on", given.expires_on,
            "the policy ends before it begins", "Send a date not before effective_from.",
        )  # fmt: skip
    amount = given.value.amount
    if amount < 0 or rounded(amount, given.value.currency) != amount:
        raise field_problem(
            422, "invalid", "The request is not valid", "value.amount", str(amount),
            "below zero, or finer than the currency's minor unit", "Send an amount of 0 or more in whole minor units.",
        )  # fmt: skip


def references(given: PolicyBody) -> set[tuple[str, str]]:
    """The entries of master data that a policy names, by list and id."""
    return {(name, code) for field, name in REFERENCES.items() if (code := getattr(given, field)) is not None}


def must_exist(given: PolicyBody, entries: Collection[tuple[str, str]]) -> None:
    """Raises Problem 422 for a policy that names another entry than these."""
    for field, name in REFERENCES.items():
        code = getattr(given, field)
        if code is not None and (name, code) not in entries:
            raise unknown_reference(given.company, name, code, field)
