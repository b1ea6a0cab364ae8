"""The names that files may use, as the services and the catalogue know them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from holdfast.contracts import REGISTRY
from holdfast.contracts.holds import CreditFigures, HoldReason
from holdfast.platform.services import MODULES, load, load_tasks
from holdfast.platform.settings import Settings
from holdfast.web.auth import PERMISSIONS, ROLES

CREDIT, HOLD = "credit-service", "hold-service"
JOBS = {
    "daily-evaluation": HOLD, "escalation": HOLD, "stale-reservations": HOLD, "approval-escalation": HOLD,
    "task-schedule": CREDIT, "pruning": HOLD, "bus-maintenance": HOLD,
}  # fmt: skip
"""Periodic jobs, each with a service that has it."""
WORKFLOWS = {
    CREDIT: ("credit-limit-adjustment", "credit-limit-adjustment-line", "credit-profile-change"),
    HOLD: ("hold_release",),
}
PARAMETERS = {"credit-parameters": CREDIT, "statistics-parameters": CREDIT, "parameters": HOLD}
"""Where parameters are kept: the first part of the path, and the service."""
PROBLEM = re.compile(r'Problem\(\s*\d{3},\s*"([a-z-]+)"')


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
    return Names(parameters, described, {name: told[name] for name in kind["enum"]}, load_tasks(CREDIT).summaries())


def _body(document: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    schema = document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/")[-1]]
    return found


def _values(schema: dict[str, Any]) -> str:
    """What a parameter may be, and what it is when nobody says."""
    choices = [schema, *schema.get("anyOf", ())]
    listed = [str(value) for one in choices for value in one.get("enum", ())]
    kinds = [one.get("format") or one["type"] for one in choices if one.get("type", "null") != "null"]
    told = " or ".join(listed or dict.fromkeys(kinds)) or "text"
    default = schema.get("default")
    return told if default is None else f"{told}; {str(default).lower() if isinstance(default, bool) else default}"


def rejects(what: str, name: str, known: Iterable[str]) -> str:
    """Why a name is refused, with those that there are."""
    return f"there is no {what} {name}; there is {', '.join(sorted(known)) or 'none'}"


REASONS = [reason.value for reason in HoldReason]
FIGURES = list(CreditFigures.model_fields)
__all__ = ["FIGURES", "JOBS", "PERMISSIONS", "REASONS", "REGISTRY", "ROLES", "WORKFLOWS", "Names", "names", "rejects"]
