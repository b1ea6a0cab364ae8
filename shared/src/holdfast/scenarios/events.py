"""ERP events of a scenario: what the file leaves out is filled in, and the rest is checked against the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import orjson
from pydantic import ValidationError

from holdfast.contracts import REGISTRY
from holdfast.contracts.base import Payload
from holdfast.contracts.refusals import explain
from holdfast.scenarios.facts import Body
from holdfast.scenarios.marked import Where
from holdfast.scenarios.steps import EVENTS, Scenario, Step

DUE_DAYS = 30
DOCUMENTS = {"invoice", "credit_note", "payment"}
OWN_FIELDS = {"days_late"}
"""Fields of ours that the catalogue does not have."""
IN_FACTS = {"open_items": "invoice", "orders": "order", "deliveries": "delivery", "payments": "payment",
            "credit_notes": "credit_note"}  # fmt: skip


@dataclass(slots=True)
class Setting:
    """What events may leave out: the first company and customer, the day, the versions that were sent."""

    company: str = ""
    currency: str = "EUR"
    customer: str = ""
    today: date = date(2026, 3, 2)
    now: datetime = field(default_factory=lambda: datetime(2026, 3, 2, 8, tzinfo=UTC))
    customers: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name in the file -> company and account"""
    currencies: dict[str, str] = field(default_factory=dict)
    orders: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    versions: dict[tuple[str, ...], int] = field(default_factory=dict)

    def party(self, name: str | None, company: str | None = None) -> tuple[str, str]:
        """Company and account of a customer by its name in the file."""
        if name is None:
            name = self.customer
        found = self.customers.get(name)
        if found is not None and company in (None, found[0]):
            return found
        return company or self.company, found[1] if found else name


def check_events(scenario: Scenario) -> Iterator[tuple[Where, str]]:
    """What is wrong with the events of a scenario, and where."""
    for name in IN_FACTS:
        for place, body in enumerate(getattr(scenario, name)):
            yield from _wrong((name, place), EVENTS[IN_FACTS[name]], body)
    for place, step in enumerate(scenario.steps):
        yield from _of_step(("steps", place), step)


def _of_step(where: Where, step: Step) -> Iterator[tuple[Where, str]]:
    for name, kind in EVENTS.items():
        if (body := getattr(step, name)) is not None:
            yield from _wrong((*where, name), kind, body)
    if step.event is not None:
        yield from _wrong((*where, "event"), step.event.type, step.event.body)
    for place, other in enumerate(step.parallel or ()):
        yield from _of_step((*where, "parallel", place), other)


def _wrong(where: Where, kind: str, body: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
    if kind not in REGISTRY:
        yield (*where, "type"), f"there is no event type {kind}"
        return
    unknown = sorted(set(body) - set(REGISTRY[kind].model_fields) - OWN_FIELDS)
    for name in unknown:
        yield (*where, name), f"{kind} has no field {name}"


class BadEvent(Exception):
    """An event that the catalogue refuses; the text says which field and what to do."""


def payload_of(kind: str, body: Mapping[str, Any], setting: Setting) -> Payload:
    """An event with everything the file left out. Raises BadEvent."""
    cls = REGISTRY[kind]
    fields = {name: value for name, value in body.items() if name not in OWN_FIELDS}
    fields = _filled(cls, fields, body, setting)
    try:
        return cls.model_validate_json(orjson.dumps(_texts(cls, fields), default=str))
    except ValidationError as error:
        first = explain(error)[0]
        raise BadEvent(f"{kind}: {first.field}: {first.problem}. {first.remedy}") from None


def _filled(cls: type[Payload], fields: Body, body: Mapping[str, Any], setting: Setting) -> Body:
    known = cls.model_fields
    if "customer" in known and "company" in known:
        named = fields.get("customer") or _customer_of(fields, setting)
        fields["company"], fields["customer"] = setting.party(named, fields.get("company"))
    elif "company" in known:
        fields.setdefault("company", setting.company)
    if "currency" in known:
        order = setting.orders.get((fields.get("company", ""), str(fields.get("order"))), {})
        fields.setdefault("currency", order.get("currency") or setting.currencies.get(fields["company"], "EUR"))
    fields |= {name: value for name, value in _dates(cls, fields, body, setting).items() if name not in fields}
    if "version" in known and "version" not in fields:
        fields["version"] = _next_version(cls.event_type, fields, setting)
    if cls.event_type == EVENTS["order"]:
        setting.orders[fields["company"], fields["order"]] = dict(fields)
    return fields


def _customer_of(fields: Body, setting: Setting) -> str | None:
    """A later event about an order that names no customer means the order's."""
    for (_, number), order in setting.orders.items():
        if number == fields.get("order"):
            return str(order["customer"])
    return None


def _dates(cls: type[Payload], fields: Body, body: Mapping[str, Any], setting: Setting) -> Body:
    """Dates and other things that an event may leave out."""
    today, now = setting.today.isoformat(), setting.now.isoformat()
    late = int(body.get("days_late", -DUE_DAYS))
    made: Body = {
        "document_date": today, "due_date": (setting.today - timedelta(days=late)).isoformat(),
        "delivery_date": today, "settlement_date": today, "reversal_date": today, "return_date": today,
        "cancellation_date": today, "dispute_date": today, "valid_from": today, "as_of": today,
        "cut_over_date": "2000-01-01", "created_at": now, "cancelled_at": now, "decided_at": now,
        "requested_at": now, "changed_at": now, "name": fields.get("customer") or fields.get("company"),
        "time_zone": "UTC", "totals": [], "requested_by": "kim", "sequence": 1,
    }  # fmt: skip
    if cls.event_type == EVENTS["invoice"] and late > 0:
        made["document_date"] = (setting.today - timedelta(days=late + DUE_DAYS)).isoformat()
    if cls.event_type == EVENTS["request"]:
        order = setting.orders.get((fields["company"], str(fields.get("order"))), {})
        made = {"created_at": order.get("created_at", now), "order_version": order.get("version", 1),
                "checkpoint": "confirmation", "total": order.get("total"),
                "attempt": f"{fields.get('order')}-{_next_version('attempt', fields, setting)}"}  # fmt: skip
    return {name: value for name, value in made.items() if name in cls.model_fields and value is not None}


NUMBERED_BY = (
    "document",
    "settlement",
    "order",
    "delivery",
    "code",
    "customer",
    "company",
    "from_currency",
    "to_currency",
)


def _next_version(kind: str, fields: Body, setting: Setting) -> int:
    """A version above every other of the same thing."""
    family = ".".join(kind.split(".")[:2]) if kind != EVENTS["delivery"] else kind
    if kind in {EVENTS[name] for name in DOCUMENTS} or family in ("erp.document", "erp.payment"):
        family = "document"
    key = (family, *(str(fields.get(name)) for name in NUMBERED_BY if fields.get(name) is not None))
    key = tuple(part for part in key if part != str(fields.get("customer")) or family == "erp.customer")
    setting.versions[key] = setting.versions.get(key, 0) + 1
    return setting.versions[key]


def _texts(cls: type[Payload], fields: Body) -> Any:
    """Amounts may be written as numbers in the file; the catalogue wants decimal strings."""
    whole = {"version", "order_version", "sequence", "net_days", "line", "order_line", "open_debits", "open_credits",
             "discount_days", "days", "level", "dunning_level"}  # fmt: skip

    def text(name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return value if name == "posting_request" else {key: text(key, item) for key, item in value.items()}
        if isinstance(value, list):
            return [text(name, item) for item in value]
        return str(value) if isinstance(value, int) and not isinstance(value, bool) and name not in whole else value

    return {name: text(name, value) for name, value in fields.items()}


def at_noon(day: date) -> datetime:
    """When the first step of a day happens, unless it says when."""
    return datetime.combine(day, time(8), UTC)
