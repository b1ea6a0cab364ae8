"""Events of `erp.reference.v1`: companies, payment terms, exchange rates, keyed by what they describe."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from holdfast.contracts.base import Code, CompanyId, Currency, Part, Payload, Positive, Rate, Text, Version, event
from holdfast.contracts.topics import ERP_REFERENCE


@event(
    "erp.company.changed.v1",
    ERP_REFERENCE,
    example={"company": "DE01", "version": 1, "name": "Holdfast Demo GmbH", "currency": "EUR",
             "time_zone": "Europe/Berlin", "country": "DE"},
)  # fmt: skip
class CompanyChanged(Payload):
    """A company (legal entity): its accounting currency and its time zone, which makes business dates."""

    company: CompanyId
    version: Version
    name: Text
    currency: Currency = Field(description="accounting currency; limits and exposure are kept in it")
    time_zone: str = Field(description="IANA time zone, such as Europe/Berlin", max_length=60)
    country: str | None = Field(None, pattern="^[A-Z]{2}$")
    language: Code | None = None
    exchange_rate_type: Code = Field("default", description="rate type that converts into company currency")

    def partition_key(self) -> str:
        return f"company/{self.company}"


@event(
    "erp.company.went-live.v1",
    ERP_REFERENCE,
    example={"company": "DE01", "version": 1, "cut_over_date": "2026-01-01"},
)
class CompanyWentLive(Payload):
    """The opening balances of a company are complete; before this its credit checks hold and say so."""

    company: CompanyId
    version: Version
    cut_over_date: date = Field(description="first business date whose documents come as events")
    live: bool = Field(True, description="false takes the declaration back")

    def partition_key(self) -> str:
        return f"company-live/{self.company}"


class Installment(Part):
    """One due date of a term: share of the amount and days after the document date."""

    percent: Positive
    days: int = Field(ge=0, le=3650)


@event(
    "erp.payment-terms.changed.v1",
    ERP_REFERENCE,
    example={"company": "DE01", "code": "N30", "version": 1, "description": "30 days net", "net_days": 30},
)
class PaymentTermsChanged(Payload):
    """Terms of payment. Due dates come with each document; the terms are compared and ranked."""

    company: CompanyId
    code: Code
    version: Version
    description: Text = ""
    net_days: int = Field(0, ge=0, le=3650)
    basis: Literal["document_date", "end_of_month", "current_month_day"] = "document_date"
    discount_percent: Positive | None = None
    discount_days: int | None = Field(None, ge=0, le=3650)
    cash_on_delivery: bool = False
    installments: tuple[Installment, ...] = ()

    def partition_key(self) -> str:
        return f"payment-terms/{self.company}/{self.code}"


@event(
    "erp.exchange-rate.published.v1",
    ERP_REFERENCE,
    example={"rate_type": "default", "from_currency": "USD", "to_currency": "EUR", "valid_from": "2026-01-02",
             "rate": "0.9123", "version": 1},
)  # fmt: skip
class ExchangeRatePublished(Payload):
    """One unit of `from_currency` is worth `rate` units of `to_currency` from `valid_from` until the next rate."""

    rate_type: Code = "default"
    from_currency: Currency
    to_currency: Currency
    valid_from: date
    rate: Rate
    version: Version

    @model_validator(mode="after")
    def _two_currencies(self) -> ExchangeRatePublished:
        if self.from_currency == self.to_currency:
            raise ValueError("from_currency and to_currency are the same; send no rate for a currency to itself")
        return self

    def partition_key(self) -> str:
        return f"rate/{self.rate_type}/{self.from_currency}/{self.to_currency}/{self.valid_from}"
