"""Events of `erp.reference.v1`: companies, payment terms, exchange rates, keyed by what they describe."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from holdfast.contracts.base import (
    BusinessDate,
    Code,
    CompanyId,
    Country,
    Currency,
    Part,
    Payload,
    Percent,
    Rate,
    Text,
    Version,
    event,
)  # fmt: skip
from holdfast.contracts.refusals import refused
from holdfast.contracts.topics import ERP_REFERENCE


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, LookupError, OSError):
        raise refused(f"{name} is not a time zone", "Send an IANA name such as Europe/Berlin.") from None
    return name


TimeZone = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_known_zone)]
"""IANA time zone name."""


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
    time_zone: TimeZone = Field(description="IANA time zone, such as Europe/Berlin; makes business dates")
    country: Country | None = Field(None, description="ISO 3166-1 alpha-2")
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
    cut_over_date: BusinessDate = Field(description="first business date whose documents come as events")
    live: bool = Field(True, description="false takes the declaration back")

    def partition_key(self) -> str:
        return f"company-live/{self.company}"


class Installment(Part):
    """One due date of a term: share of the amount and days after the document date."""

    percent: Percent = Field(description="share of the document amount, percent")
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
    discount_percent: Percent | None = Field(None, description="cash discount, percent of the amount")
    discount_days: int | None = Field(None, ge=0, le=3650)
    cash_on_delivery: bool = False
    installments: tuple[Installment, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> PaymentTermsChanged:
        total = sum(part.percent for part in self.installments)
        if self.installments and total != 100:
            remedy = "Let the percentages add up to 100."
            raise refused("the installments are not the whole amount", remedy, "installments", total)
        return self

    def partition_key(self) -> str:
        return f"payment-terms/{self.company}/{self.code}"


@event(
    "erp.exchange-rate.published.v1",
    ERP_REFERENCE,
    example={"rate_type": "default", "from_currency": "USD", "to_currency": "EUR", "valid_from": "2026-01-02",
             "rate": "0.9123", "version": 1},
)  # fmt: skip
class ExchangeRatePublished(Payload):
    """From `valid_from` until the next rate, one `from_currency` is worth `rate` units of `to_currency`."""

    rate_type: Code = "default"
    from_currency: Currency
    to_currency: Currency
    valid_from: BusinessDate
    rate: Rate = Field(description="units of to_currency for one unit of from_currency")
    version: Version

    @model_validator(mode="after")
    def _two_currencies(self) -> ExchangeRatePublished:
        if self.from_currency == self.to_currency:
            remedy = "Send no rate of a currency to itself."
            raise refused("the same as from_currency", remedy, "to_currency", self.to_currency)
        return self

    def partition_key(self) -> str:
        return f"rate/{self.rate_type}/{self.from_currency}/{self.to_currency}/{self.valid_from}"
