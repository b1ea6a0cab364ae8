"""Which document a record speaks of, also when the record cannot be read: for a newer version that mends it."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeGuard

import orjson

from holdfast.bus.envelope import Incoming, attributes_of
from holdfast.bus.port import Record
from holdfast.contracts import REGISTRY

MOST = 2**63 - 1
"""What a `bigint` column takes."""
NAMES = ("settlement", "delivery", "document", "order", "code", "customer", "company")
"""Fields that name a document, the most particular first."""


class DocumentVersion(NamedTuple):
    """A document of an event type and the version of it that an event carries."""

    document: str
    version: int


def of_event(event: Incoming[Any]) -> DocumentVersion | None:
    """The document of an event that was read; None when its type has no versions."""
    return _identify(event.type, dict(event.payload))


def of_record(record: Record) -> DocumentVersion | None:
    """The document of a record that could not be read, as far as its JSON tells."""
    headers = dict(record.headers)
    try:
        fields = orjson.loads(record.value or b"")
        if is_structured(record):
            headers, fields = attributes_of(fields), fields["data"]
        return _identify((headers.get("ce_type") or b"").decode(), fields)
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def attributes(record: Record) -> dict[str, bytes]:
    """The CloudEvents attributes of a record in either mode under their header names, as far as they can be read."""
    headers = dict(record.headers)
    try:
        return attributes_of(orjson.loads(record.value or b"")) if is_structured(record) else headers
    except (ValueError, TypeError, AttributeError):
        return headers


def is_structured(record: Record) -> bool:
    """Whether the record says that its attributes are in its body."""
    return (dict(record.headers).get("content-type") or b"").startswith(b"application/cloudevents")


def _identify(event_type: str, fields: dict[str, Any]) -> DocumentVersion | None:
    payload, version = REGISTRY.get(event_type), fields.get("version")
    if payload is None or "version" not in payload.model_fields or not _is_version(version):
        return None
    named = next((name for name in NAMES if name in payload.model_fields), None)
    if named is None or not isinstance(fields.get(named), str):
        return None
    document = f"{event_type}:{fields.get('company', '')}/{fields[named]}"
    return None if "\0" in document else DocumentVersion(document, int(version))


def _is_version(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST
