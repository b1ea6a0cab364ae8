"""The events that the facts of a scenario stand for, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from holdfast.scenarios.commands import EVENTS
from holdfast.scenarios.events import IN_FACTS
from holdfast.scenarios.facts import Body, CustomerFact, Facts
from holdfast.scenarios.marked import Where
from holdfast.scenarios.setting import Setting

Given = tuple[Where, str, Body]
"""Where it stands, the type of the event, its fields."""
LONG_AGO = timedelta(days=3650)


def master_data(facts: Facts, setting: Setting) -> Iterator[Given]:
    """Companies, terms, rates and customers, as the ERP sends them."""
    for name, c in facts.companies.items():
        where: Where = ("companies", name)
        yield where, EVENTS["company"], {
            "company": name, "name": name, "currency": c.currency, "time_zone": c.time_zone,
            "exchange_rate_type": c.exchange_rate_type}  # fmt: skip
        for code, body in c.terms.items():
            yield (*where, "terms", code), EVENTS["terms"], {"company": name, "code": code, **body}
        if c.live:
            yield where, EVENTS["go_live"], {"company": name}
    for place, rate in enumerate(facts.rates):
        since = (rate.valid_from or setting.today - LONG_AGO).isoformat()
        yield ("rates", place), EVENTS["rate"], {
            "rate_type": rate.rate_type, "from_currency": rate.from_currency, "to_currency": rate.to_currency,
            "rate": str(rate.rate), "valid_from": since}  # fmt: skip
    for name, customer in facts.customers.items():
        if customer.known:
            yield ("customers", name), EVENTS["customer"], _master(setting, name, customer)


def _master(setting: Setting, name: str, c: CustomerFact) -> Body:
    company, _ = setting.party(name)
    body: Body = {
        "customer": name, "name": name, "currency": c.currency or setting.currency(company),
        "payment_terms": c.payment_terms, "cash_discount": c.cash_discount,
        "customer_since": c.customer_since and c.customer_since.isoformat(),
        "business_started": c.business_started and c.business_started.isoformat(),
        "addresses": [{"country": c.country, "primary": True}] if c.country else None,
        "invoice_account": c.invoice_account, "identification": c.identification,
    }  # fmt: skip
    return {key: value for key, value in body.items() if value is not None} | c.more


def documents(facts: Facts, setting: Setting) -> Iterator[Given]:
    """Documents and other events that are there before the first step; orders are a day old, in their sequence."""
    earlier = setting.now - timedelta(days=1)
    for name, customer in facts.customers.items():
        if customer.balance:
            side = "invoice" if customer.balance > 0 else "payment"
            body = {"document": f"OPEN-{name}", "customer": name, "amount": str(abs(customer.balance))}
            yield ("customers", name, "balance"), EVENTS[side], body
    for field, kind in IN_FACTS.items():
        for place, body in enumerate(getattr(facts, field)):
            more = {"created_at": (earlier + timedelta(seconds=place)).isoformat()} if field == "orders" else {}
            yield (field, place), EVENTS[kind], more | body
    for place, event in enumerate(facts.events):
        yield ("events", place), event.type, event.body
