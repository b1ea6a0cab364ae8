"""ERP events of a scenario: what the file leaves out is filled in, and the rest is checked against the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import orjson
from pydantic import ValidationError

from holdfast.contracts import REGISTRY
from holdfast.contracts.base import Payload
from holdfast.scenarios.commands import EVENTS
from holdfast.scenarios.facts import Body
from holdfast.scenarios.marked import Where
from holdfast.scenarios.setting import Setting
from holdfast.scenarios.shapes import problems_of, shaped
from holdfast.scenarios.wording import in_words

DUE_DAYS = 30
OWN_FIELDS = {"days_late"}
"""Fields of ours that the catalogue does not have."""
IN_FACTS = {"open_items": "invoice", "orders": "order", "deliveries": "delivery", "payments": "payment",
            "credit_notes": "credit_note", "settlements": "settlement", "disputes": "dispute"}  # fmt: skip
SETTLED = {EVENTS["settlement"], EVENTS["reverse_settlement"]}
POSTED = {EVENTS[name] for name in ("invoice", "credit_note", "payment")}
NUMBERED_BY = ("settlement", "document", "delivery", "order", "code", "customer", "from_currency", "company")
"""The first of these that an event has says what its version counts."""


class BadEvent(Exception):
    """An event that the catalogue refuses; the text says which fields and what to do, `ways` lead to them."""

    def __init__(self, kind: str, found: list[tuple[Where, str]]) -> None:
        super().__init__("; ".join(f"{kind}: {text}" for _, text in found))
        self.found = [(way, f"{kind}: {text}") for way, text in found]


def unknown_fields(kind: str, body: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
    """What no event of this type has, at any depth, and booleans that are none."""
    if kind not in REGISTRY:
        yield (), f"there is no event type {kind}"
        return
    for way, text in problems_of(REGISTRY[kind], {n: v for n, v in body.items() if n not in OWN_FIELDS}):
        yield way, f"{kind} {text}"


def payload_of(kind: str, body: Mapping[str, Any], setting: Setting) -> Payload:
    """An event with everything the file left out. Raises BadEvent."""
    cls = REGISTRY[kind]
    late = body.get("days_late")
    if late is not None and (isinstance(late, bool) or not isinstance(late, int)):
        raise BadEvent(kind, [(("days_late",), "days_late: must be a whole number")])
    fields = {name: value for name, value in body.items() if name not in OWN_FIELDS}
    fields = _filled(cls, fields, -DUE_DAYS if late is None else late, setting)
    try:
        payload = cls.model_validate_json(orjson.dumps(shaped(cls, fields), default=str))
    except ValidationError as error:
        raise BadEvent(kind, in_words(error)) from None
    _remember(fields, cls, setting)
    return payload


def _filled(cls: type[Payload], fields: Body, late: int, setting: Setting) -> Body:
    known = cls.model_fields
    if "customer" in known and "company" in known:
        fields["company"], fields["customer"] = ordering = setting.whose(fields)
        if cls.event_type != EVENTS["customer"] and (payer := setting.payer(ordering)) != ordering:
            fields["customer"] = payer[1]
            if "sold_to" in known:
                fields.setdefault("sold_to", ordering[1])
    elif "company" in known:
        fields.setdefault("company", setting.company)
    company = str(fields.get("company", setting.company))
    for name in ("credit_customer", "invoice_account", "sold_to"):
        if fields.get(name) is not None and name in known:
            fields[name] = setting.party(str(fields[name]), company)[1]
    made = _made(cls, fields, company, late, setting)
    fields |= {name: value for name, value in made.items() if name in known and name not in fields}
    return fields


def _made(cls: type[Payload], fields: Body, company: str, late: int, setting: Setting) -> Body:
    """Dates, versions and other things that an event may leave out."""
    today, now = setting.today.isoformat(), setting.now.isoformat()
    order = (company, str(fields.get("order")))
    state = setting.orders.get(order, {})
    made: Body = {
        "currency": state.get("currency") or setting.currency(company),
        "document_date": today, "due_date": (setting.today - timedelta(days=late)).isoformat(),
        "delivery_date": today, "settlement_date": today, "reversal_date": today, "return_date": today,
        "cancellation_date": today, "dispute_date": today, "hold_date": today, "valid_from": today, "as_of": today,
        "cut_over_date": "2000-01-01", "created_at": setting.created.get(order, now), "cancelled_at": now,
        "decided_at": now, "requested_at": now, "changed_at": now, "name": fields.get("customer") or company,
        "time_zone": "UTC", "totals": [], "requested_by": "kim", "disputed": True, "on_hold": True,
    }  # fmt: skip
    if cls.event_type == EVENTS["invoice"] and late > 0:
        made["document_date"] = (setting.today - timedelta(days=late + DUE_DAYS)).isoformat()
    if cls.event_type in SETTLED:
        made |= _other_side(fields, company, setting)
    if cls.event_type == EVENTS["request"]:
        made |= {"total": state.get("total"), "checkpoint": "confirmation"}
        made["attempt"] = f"{order[1]}-{setting.next_number('attempt', *order)}"
    return {name: value for name, value in (made | _numbers(cls, fields, setting)).items() if value is not None}


def _other_side(fields: Body, company: str, setting: Setting) -> Body:
    """The customer of the credit, where it is another one."""
    thing = ("document", str(fields.get("credit_document")))
    account = setting.seen.get(thing, {}).get(company)
    return {} if account in (None, fields.get("customer")) else {"credit_customer": account}


def _numbers(cls: type[Payload], fields: Body, setting: Setting) -> Body:
    """Versions above every other of the same thing, sequences above every other of the same customer."""
    made: Body = {}
    if "version" in cls.model_fields:
        made["version"] = setting.next_number(*_counted(cls.event_type, fields), given=fields.get("version"))
    if "order_version" in cls.model_fields:
        key = ("erp.order", str(fields.get("order")), str(fields.get("company")))
        given = fields.get("order_version")
        made["order_version"] = setting.next_number(*key, given=given or max(1, setting.numbers.get(key, 0)))
    if "sequence" in cls.model_fields:
        whose = (cls.topic.name, str(fields.get("company")), str(fields.get("customer")))
        made["sequence"] = setting.next_number("sequence", *whose, given=fields.get("sequence"))
    return made


def _counted(kind: str, fields: Body) -> tuple[str, ...]:
    """What the versions of an event count: `erp.order` O-1 of DE01, for example."""
    named = next((name for name in NUMBERED_BY if fields.get(name) is not None), "company")
    family = named if named in ("document", "delivery") else ".".join(kind.split(".")[:2])
    more = [str(fields.get(name)) for name in ("company", "to_currency", "rate_type") if name in fields]
    return (family, str(fields.get(named)), *more)


def _remember(fields: Body, cls: type[Payload], setting: Setting) -> None:
    company, account = str(fields.get("company")), str(fields.get("customer"))
    if cls.event_type == EVENTS["customer"]:
        setting.payers[company, account] = str(fields.get("invoice_account") or account)
        setting.invoiced_in[company, account] = str(fields["currency"])
    if cls.event_type in (EVENTS["order"], EVENTS["request"]):
        order = (company, str(fields["order"]))
        setting.remember(("order", order[1]), company, account)
        setting.created[order] = str(fields["created_at"])
        if cls.event_type == EVENTS["order"]:
            setting.orders[order] = dict(fields)
    if cls.event_type in POSTED:
        setting.remember(("document", str(fields["document"])), company, account)
    if cls.event_type == EVENTS["settlement"]:
        setting.remember(("settlement", str(fields["settlement"])), company, account)
    if cls.event_type == EVENTS["company"]:
        setting.currencies[company] = str(fields["currency"])
    for part in fields.get("applications") or ():
        number = part.get("settlement") or f"{fields['document']}/{part['document']}"
        setting.remember(("settlement", str(number)), company, account)
