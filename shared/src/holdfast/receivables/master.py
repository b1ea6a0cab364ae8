"""Facts that every figure is read against: companies, terms, rates, customers, reported balances."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.bus.envelope import Incoming
from holdfast.contracts.erp_customers import CustomerChanged
from holdfast.contracts.erp_receivables import BalanceReported
from holdfast.contracts.erp_reference import (
    CompanyChanged,
    CompanyWentLive,
    ExchangeRatePublished,
    PaymentTermsChanged,
)  # fmt: skip
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.receivables.upserts import Fact, upsert

COMPANY = Fact(
    CompanyChanged.event_type, "company", {"company": "text"}, "version",
    {"name": "text", "currency": "text", "time_zone": "text", "country": "text",
     "exchange_rate_type": "text"},
)  # fmt: skip
LIVE = Fact(
    CompanyWentLive.event_type, "company", {"company": "text"}, "live_version",
    {"live": "boolean", "cut_over_date": "date"},
)  # fmt: skip
TERMS = Fact(
    PaymentTermsChanged.event_type, "payment_terms", {"company": "text", "code": "text"}, "version",
    {"description": "text", "net_days": "integer", "basis": "text", "discount_percent": "numeric",
     "discount_days": "integer", "cash_on_delivery": "boolean", "installments": "jsonb"},
)  # fmt: skip
RATE = Fact(
    ExchangeRatePublished.event_type, "exchange_rate",
    {"rate_type": "text", "from_currency": "text", "to_currency": "text", "valid_from": "date"}, "version",
    {"rate": "numeric"},
)  # fmt: skip
CUSTOMER = Fact(
    CustomerChanged.event_type, "customer", {"company": "text", "customer": "text"}, "version",
    {"name": "text", "invoice_account": "text", "currency": "text", "payment_terms": "text",
     "cash_discount": "text", "customer_group": "text", "blocked": "boolean", "details": "jsonb"},
)  # fmt: skip
REPORTED = Fact(
    BalanceReported.event_type, "reported_balance", {"company": "text", "customer": "text"}, "version",
    {"as_of": "date", "totals": "jsonb"},
)  # fmt: skip
CUSTOMER_COLUMNS = {"company", "version", *CUSTOMER.key, *CUSTOMER.values}


async def apply_companies(work: Work, events: Sequence[Incoming[CompanyChanged]]) -> None:
    """Keep the newest state of each company."""
    rows = [
        (p.company, p.version, p.name, p.currency, p.time_zone, p.country, p.exchange_rate_type)
        for p in (event.payload for event in events)
    ]
    await upsert(work, COMPANY, rows)


async def apply_live(work: Work, events: Sequence[Incoming[CompanyWentLive]]) -> None:
    """Keep whether each company's opening balances are complete."""
    rows = [(p.company, p.version, p.live, p.cut_over_date) for p in (event.payload for event in events)]
    await upsert(work, LIVE, rows)


async def apply_terms(work: Work, events: Sequence[Incoming[PaymentTermsChanged]]) -> None:
    """Keep the newest state of each term of payment."""
    rows = [
        (
            p.company, p.code, p.version, p.description, p.net_days, p.basis, p.discount_percent,
            p.discount_days, p.cash_on_delivery, to_json([part.model_dump(mode="json") for part in p.installments]),
        )
        for p in (event.payload for event in events)
    ]  # fmt: skip
    await upsert(work, TERMS, rows)


async def apply_rates(work: Work, events: Sequence[Incoming[ExchangeRatePublished]]) -> None:
    """Keep the newest version of each rate; figures are converted when they are read."""
    rows = [
        (p.rate_type, p.from_currency, p.to_currency, p.valid_from, p.version, p.rate)
        for p in (event.payload for event in events)
    ]
    await upsert(work, RATE, rows)


async def apply_customers(work: Work, events: Sequence[Incoming[CustomerChanged]]) -> None:
    """Keep the newest master data of each customer."""
    rows = [
        (
            p.company, p.customer, p.version, p.name, p.invoice_account, p.currency, p.payment_terms,
            p.cash_discount, p.customer_group, p.blocked, to_json(p.model_dump(mode="json", exclude=CUSTOMER_COLUMNS)),
        )
        for p in (event.payload for event in events)
    ]  # fmt: skip
    await upsert(work, CUSTOMER, rows)


async def apply_reported_balances(work: Work, events: Sequence[Incoming[BalanceReported]]) -> None:
    """Keep the newest control totals of each customer."""
    rows = [
        (p.company, p.customer, p.version, p.as_of, to_json([part.model_dump(mode="json") for part in p.totals]))
        for p in (event.payload for event in events)
    ]
    await upsert(work, REPORTED, rows)
