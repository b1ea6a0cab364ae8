"""Which document a record speaks of, also when the record cannot be read: for a newer version that mends it."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from holdfast.bus.envelope import Incoming, attributes_of
from holdfast.bus.port import Record
from holdfast.contracts import REGISTRY

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
        if (headers.get("content-type") or b"").startswith(b"application/cloudevents"):
            headers, fields = attributes_of(fields), fields["data"]
        return _identify((headers.get("ce_type") or b"").decode(), fields)
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def _identify(event_type: str, fields: dict[str, Any]) -> DocumentVersion | None:
    payload, version = REGISTRY.get(event_type), fields.get("version")
    if payload is None or "version" not in payload.model_fields or not isinstance(version, int):
        return None
    named = next((name for name in NAMES if name in payload.model_fields), None)
    if named is None or not isinstance(fields.get(named), str):
        return None
    return DocumentVersion(f"{event_type}:{fields.get('company', '')}/{fields[named]}", version)
