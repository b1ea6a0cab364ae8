"""The names that files may use, as the services and the catalogue know them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from holdfast.contracts.holds import CreditFigures, HoldReason
from holdfast.platform.services import MODULES, load, load_tasks
from holdfast.platform.settings import Settings

CREDIT, HOLD = "credit-service", "hold-service"
JOBS = {
    "daily-evaluation": HOLD, "escalation": HOLD, "stale-reservations": HOLD, "approval-escalation": HOLD,
    "task-schedule": CREDIT, "fallen-due": HOLD, "what-freed": HOLD, "pruning": HOLD, "bus-maintenance": HOLD,
}  # fmt: skip
"""Periodic jobs, each with a service that has it."""
WORKFLOWS = {
    CREDIT: ("credit-limit-adjustment", "credit-limit-adjustment-line", "credit-profile-change"),
    HOLD: ("hold_release",),
}
PARAMETERS = {"credit-parameters": CREDIT, "statistics-parameters": CREDIT, "parameters": HOLD}
"""Where parameters are kept: the first part of the path, and the service."""
REQUESTS = (
    (CREDIT, "put", "/v1/credit-profiles/{company}/{customer}"),
    (CREDIT, "post", "/v1/adjustments/generate"),
    (CREDIT, "put", "/v1/scoring-groups/{company}/{group}"),
    (CREDIT, "put", "/v1/risk-groups/{company}/{group}"),
    (HOLD, "put", "/v1/workflows/{company}/{kind}"),
    (HOLD, "post", "/v1/holds/{hold}/release"),
    (HOLD, "patch", "/v1/holds/{hold}"),
)
"""Requests whose fields a file may name: method and path."""


@dataclass(frozen=True, slots=True)
class Names:
    """What there is, by kind."""

    parameters: dict[str, tuple[str, str]]
    """Parameter -> service and first part of the path"""
    described: dict[str, str]
    """Parameter -> its values"""
    rule_kinds: dict[str, str]
    """Kind -> what it compares"""
    tasks: dict[str, str]
    bodies: dict[str, dict[str, str]]
    """Request -> its fields with their values"""
    hold_filters: list[str]


@lru_cache
def names() -> Names:
    """All names. Reads the APIs' documents, which takes some seconds the first time."""
    documents = {service: load(service).create_api(Settings()).openapi() for service in MODULES}
    parameters: dict[str, tuple[str, str]] = {}
    described: dict[str, str] = {}
    for place, service in PARAMETERS.items():
        for name, schema in _body(documents[service], f"/v1/{place}/{{company}}", "put")["properties"].items():
            parameters[name], described[name] = (service, place), _values(schema)
    kind = _body(documents[HOLD], "/v1/rules", "post")["properties"]["kind"]
    told = dict(part.split(": ", 1) for part in kind["description"].split("; "))
    bodies = {path: _fields(documents[service], path, method) for service, method, path in REQUESTS}
    filters = [one["name"] for one in documents[HOLD]["paths"]["/v1/holds"]["get"]["parameters"]]
    kinds = {name: told[name] for name in kind["enum"]}
    return Names(parameters, described, kinds, load_tasks(CREDIT).summaries(), bodies, sorted(filters))


def _fields(document: dict[str, Any], path: str, method: str) -> dict[str, str]:
    return {name: _values(schema) for name, schema in _body(document, path, method)["properties"].items()}


def _body(document: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    schema = document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/")[-1]]
    return found


def _values(schema: dict[str, Any]) -> str:
    """What a parameter may be, what it is when nobody says, and what it means."""
    choices = [schema, *schema.get("anyOf", ())]
    listed = [str(value) for one in choices for value in one.get("enum", ())]
    kinds = [one.get("format") or one["type"] for one in choices if one.get("type", "null") != "null"]
    kinds += ["amount" for one in choices if one.get("$ref", "").endswith("/MoneyModel")]
    told = " or ".join(listed or dict.fromkeys(kinds)) or "text"
    default = schema.get("default")
    if default not in (None, ""):
        told += f"; {str(default).lower() if isinstance(default, bool) else default}"
    return f"{told} – {about}" if (about := schema.get("description")) else told


def rejects(what: str, name: str, known: Iterable[str]) -> str:
    """Why a name is refused, with those that there are."""
    return f"there is no {what} {name}; there is {', '.join(sorted(known)) or 'none'}"


REASONS = [reason.value for reason in HoldReason]
FIGURES = list(CreditFigures.model_fields)
EXPOSURE = [
    "company", "customer", "check_date", "profile_version", "balance", "delivered_not_invoiced", "open_orders",
    "reserved", "exposure", "exposure_by_limit_type", "credit_limit_type", "uninsured_exposure", "limit", "limit_level",
    "used_percent", "available", "levels", "group", "permanent_limit", "temporary_limit", "base_limit",
    "insurance_and_guarantees", "insured_value", "total_limit", "exposure_value", "credit_limit_expiry_date",
    "unlimited", "mandatory", "excluded", "not_tested_because", "days_overdue", "overdue_amount", "missing_rates",
    "problem",
]  # fmt: skip
GROUP_EXPOSURE = [
    "group", "expiry_date", "permanent_limit", "temporary_limit", "limit", "exposure", "used_percent", "available",
    "members", "other_companies", "missing_rates", "aging", "aging_of_other_companies",
]  # fmt: skip
"""These fields have no schema in the APIs' documents; a test compares them with what comes."""
HOLD_FIELDS = [
    "hold", "company", "customer", "order", "order_version", "order_total", "order_created_at", "amount_changed",
    "checkpoint", "attempt", "proforma", "has_posting_request", "active", "held_at", "primary_reason", "reasons",
    "forced_reason", "decision", "review_date", "notes", "lines", "workflow_status", "escalations", "previous_hold",
    "sold_to", "sales_taker", "sales_responsible", "sales_pool", "freight_zone", "load", "payment_terms",
    "delivery_date", "credit_management_group", "sales_deadline", "sales_total", "hold_type", "overdue_accounts",
    "version",
]  # fmt: skip
HOLD_ENDED = [
    "closed_at", "closed_as", "closed_by", "release_mode", "release_reason", "close_note", "released_amount",
    "released_lines", "valid_until", "grace_until", "triggers",
]  # fmt: skip
"""What a hold shows besides when it is no longer active."""
