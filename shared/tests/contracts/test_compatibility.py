"""Each way to break the users of a released version is found; what only adds is not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from holdfast.contracts.compatibility import breaks

Schema = dict[str, Any]
LINE = {"type": "object", "properties": {"quantity": {"type": "string"}}, "required": ["quantity"]}
RELEASED: Schema = {
    "type": "object",
    "$defs": {"Line": LINE},
    "required": ["document"],
    "properties": {
        "document": {"type": "string", "maxLength": 60, "minLength": 1, "pattern": "^[A-Z]+$"},
        "kind": {"type": "string", "enum": ["invoice", "fee"]},
        "days": {"anyOf": [{"type": "integer", "maximum": 90}, {"type": "null"}]},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
    },
}


def changed(change: Callable[[Schema], Any]) -> list[str]:
    current = copy.deepcopy(RELEASED)
    change(current)
    return breaks({"erp.x.v1": RELEASED}, {"erp.x.v1": current})


def put(*path: str, value: Any) -> Callable[[Schema], None]:
    def change(schema: Schema) -> None:
        for name in path[:-1]:
            schema = schema[name]
        schema[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda s: s["properties"].pop("kind"), "body.kind: the field was removed"),
        (put("required", value=["document", "kind"]), "body.kind: the field is newly required"),
        (put("properties", "kind", "type", value="integer"), "body.kind: the type changed from string"),
        (put("properties", "kind", "enum", value=["invoice"]), "body.kind: no longer allowed: fee"),
        (put("properties", "kind", "const", value="invoice"), "body.kind: no longer allowed: fee"),
        (put("properties", "document", "enum", value=["A"]), "body.document: no longer allowed"),
        (put("properties", "document", "maxLength", value=20), "maxLength narrowed from 60 to 20"),
        (put("properties", "document", "minLength", value=2), "minLength narrowed from 1 to 2"),
        (put("properties", "document", "pattern", value="^A$"), "body.document: pattern changed"),
        (put("properties", "lines", "maxItems", value=5), "body.lines: maxItems narrowed from none to 5"),
        (put("properties", "days", "anyOf", value=[{"type": "integer"}]), "body.days: the type changed"),
        (put("properties", "days", value={"type": "null"}), "body.days: the type changed"),
        (put("$defs", "Line", "properties", value={}), "body.lines[].quantity: the field was removed"),
    ],
)  # fmt: skip
def test_a_break_is_found(change: Callable[[Schema], Any], finding: str) -> None:
    assert any(finding in found for found in changed(change)), changed(change)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: None,
        put("properties", "note", value={"type": "string"}),
        put("properties", "kind", "enum", value=["invoice", "fee", "interest"]),
        put("properties", "document", "maxLength", value=100),
        put("properties", "document", value={"type": "string"}),
        put("properties", "days", "anyOf", value=[{"type": "null"}, {"type": "integer", "maximum": 120}]),
        put("required", value=[]),
    ],
)
def test_an_addition_is_no_break(change: Callable[[Schema], Any]) -> None:
    assert changed(change) == []


def test_a_removed_event_type_is_found() -> None:
    assert "the event type was removed" in breaks({"erp.x.v1": RELEASED}, {})[0]


def test_a_new_event_type_is_no_break() -> None:
    assert breaks({}, {"erp.x.v1": RELEASED}) == []
