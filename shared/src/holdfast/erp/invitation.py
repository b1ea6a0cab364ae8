"""What to try once the APIs are up: a check over the limit, a payment, and the order, released."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import asyncpg

from holdfast.contracts.currencies import QUANTA
from holdfast.erp.api import Api

OPEN_INVOICE = """
SELECT document, open_amount FROM document
WHERE company = $1 AND customer = $2 AND currency = $3 AND kind = 'invoice' AND open_amount > 0
ORDER BY open_amount DESC, document LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Example:
    """A customer that is within its limit, and an invoice whose payment makes room; company currency."""

    company: str
    customer: str
    currency: str
    available: Decimal
    invoice: str
    open_amount: Decimal

    @property
    def too_much(self) -> Decimal:
        """An order that does not fit now, but does when the invoice is paid."""
        return (self.available + self.open_amount / 2).quantize(QUANTA[self.currency])


async def invitation(apis: Mapping[str, Api], token: str, pool: asyncpg.Pool, now: datetime) -> list[str]:
    """Addresses, a token, and three lines for a shell; `now` makes their numbers new."""
    lines = ["", "The APIs are up (Ctrl-C ends them); each has its documentation at /docs. For a shell:", ""]
    lines += [f"{name.removesuffix('-service').upper()}={api.address}" for name, api in apis.items()]
    lines += [f"TOKEN={token}"]
    example = await _find(apis, pool)
    if example is None:
        return lines
    day: datetime = await pool.fetchval("SELECT simulated_at FROM business_clock") or now
    return lines + _lines(example, apis, day, f"DEMO-{now:%d%H%M%S}")


def _lines(example: Example, apis: Mapping[str, Api], day: datetime, number: str) -> list[str]:
    check = {
        "company": example.company, "customer": example.customer, "order": number, "order_version": 1,
        "checkpoint": "confirmation", "attempt": f"{number}-1", "currency": example.currency,
        "total": f"{example.too_much}",
    }  # fmt: skip
    payment = {
        "company": example.company, "customer": example.customer, "document": f"PAY-{number}", "version": 1,
        "currency": example.currency, "amount": f"{example.open_amount:f}", "document_date": f"{day:%Y-%m-%d}",
        "applications": [{"document": example.invoice, "amount": f"{example.open_amount:f}"}],
    }  # fmt: skip
    event = {
        "specversion": "1.0", "id": f"pay-{number}", "source": f"/erp/{example.company.lower()}",
        "type": "erp.payment.posted.v1", "time": f"{day:%Y-%m-%dT%H:%M:%SZ}", "data": payment,
    }  # fmt: skip
    hold, ingest = apis["hold-service"].address, apis["ingest"].address
    query = urlencode({"company": example.company, "customer": example.customer, "active": "false"})
    return [
        "",
        f"# {example.customer} has {example.available:,} {example.currency} of credit left: an order of "
        f"{example.too_much:,} is held",
        _curl(f"{hold}/v1/credit-checks", check, "application/json", f"Idempotency-Key: {number}"),
        f"# pay invoice {example.invoice} ({example.open_amount:,} {example.currency}), as an event of the ERP",
        _curl(f"{ingest}/v1/events", event, "application/cloudevents+json"),
        "# and the order is released by itself",
        f"sleep 1; curl -s '{hold}/v1/holds?{query}' -H \"Authorization: Bearer $TOKEN\"",
    ]


def _curl(address: str, body: Any, content: str, *headers: str) -> str:
    more = "".join(f" -H '{header}'" for header in (f"Content-Type: {content}", *headers))
    return f"curl -s {address} -H \"Authorization: Bearer $TOKEN\"{more} -d '{json.dumps(body)}'"


async def _find(apis: Mapping[str, Api], pool: asyncpg.Pool) -> Example | None:
    """The customer nearest to its limit that serves as an example, at best one that was never held."""
    second_best = None
    exposures = await apis["credit-service"].get("/v1/exposures?limit=500&sort=-used_percent")
    for item in exposures.body["items"]:
        example = await _example(item, pool)
        if example is None:
            continue
        ended, active = [await _holds(apis["hold-service"], example, wanted) for wanted in ("false", "true")]
        if not active and not ended:
            return example
        if not active and second_best is None:
            second_best = example
    return second_best


async def _holds(hold: Api, example: Example, active: str) -> list[Any]:
    query = urlencode({"company": example.company, "customer": example.customer, "active": active})
    found: list[Any] = (await hold.get(f"/v1/holds?{query}")).body["items"]
    return found


async def _example(item: Mapping[str, Any], pool: asyncpg.Pool) -> Example | None:
    if item["limit"] is None or item["days_overdue"] or not item["used_percent"]:
        return None
    available, currency = Decimal(item["available"]["amount"]), item["available"]["currency"]
    row = await pool.fetchrow(OPEN_INVOICE, item["company"], item["customer"], currency)
    if row is None or available <= 0:
        return None
    return Example(item["company"], item["customer"], currency, available, row["document"], row["open_amount"])
