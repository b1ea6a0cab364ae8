"""JSON Schema and example of every event type, generated from the catalogue."""

from __future__ import annotations

from typing import Any

from holdfast.contracts.base import REGISTRY, Payload

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"
EXAMPLE_TIME = "2026-03-02T09:15:00Z"


def schema_of(cls: type[Payload]) -> Schema:
    """The JSON Schema of the body of one event type."""
    schema = _without_titles(cls.model_json_schema(mode="validation"))
    return {"$schema": DRAFT, "$id": f"{cls.event_type}.json", "title": cls.event_type, **schema}


def key_of(cls: type[Payload]) -> str:
    """How the record key is made of the body's fields, such as `{company}/{customer}`."""
    fields: dict[str, Any] = {name: f"{{{name}}}" for name in cls.model_fields}
    return cls.model_construct(None, **fields).partition_key()


def example_of(cls: type[Payload]) -> dict[str, Any]:
    """The example of an event type as a whole CloudEvent in structured mode: it can be posted as it is."""
    payload = cls.model_validate(cls.example)
    return {
        "specversion": "1.0", "id": f"example-{cls.event_type}", "source": source_of(cls),
        "type": cls.event_type, "time": EXAMPLE_TIME, "datacontenttype": "application/json",
        "partitionkey": payload.partition_key(), "data": cls.example,
    }  # fmt: skip


def source_of(cls: type[Payload]) -> str:
    """The CloudEvents source of an event type's example."""
    return "/erp/de" if cls.topic.writer == "the ERP" else f"/holdfast/{cls.topic.writer}"


def catalogue() -> dict[str, type[Payload]]:
    """The event types defined in this package by their name: the published ones."""
    return {name: cls for name, cls in sorted(REGISTRY.items()) if cls.__module__.startswith(__package__)}


def all_schemas() -> dict[str, Schema]:
    """The schema of every event type by its name."""
    return {name: schema_of(cls) for name, cls in catalogue().items()}


def _without_titles(schema: Any) -> Any:
    """Leave out the titles that only repeat a field's name."""
    if isinstance(schema, list):
        return [_without_titles(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _without_titles(part) for name, part in schema.items() if not _is_title(name, part)}


def _is_title(name: str, part: Any) -> bool:
    return name == "title" and isinstance(part, str)
