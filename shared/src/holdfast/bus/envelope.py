"""One record = one CloudEvent 1.0: written in Kafka's binary mode, read in binary and structured mode.

The key of an event is derived from its body; the record's own key only serves where a body cannot be read.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, NoReturn, TypeVar
from zlib import crc32

import orjson
from pydantic import TypeAdapter, ValidationError

from holdfast.bus.attributes import (
    MAX_ATTRIBUTE,
    check_content,
    check_version,
    fail,
    shown,
    text_of,
    time_of,
    wrong_attributes,
)  # fmt: skip
from holdfast.bus.port import Outgoing, Record
from holdfast.bus.undigestible import Parties, Undigestible, as_attribute
from holdfast.contracts import REGISTRY, TOPIC_BY_NAME, CustomerPayload, Payload
from holdfast.contracts.base import CompanyId, Id
from holdfast.contracts.refusals import Refusal, explain, shorten
from holdfast.values import quick

P_co = TypeVar("P_co", bound=Payload, covariant=True)

STRUCTURED = b"application/cloudevents"
PARTY: TypeAdapter[tuple[str, str]] = TypeAdapter(tuple[CompanyId, Id])
TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
DATA_MEMBERS = frozenset({"data", "data_base64"})


@quick
@dataclass(frozen=True, slots=True)
class Incoming(Generic[P_co]):
    """An event that was read and is valid. `key` comes from the body."""

    id: str
    source: str
    type: str
    time: datetime
    payload: P_co
    record: Record
    key: str
    traceparent: str | None = None

    @property
    def mark(self) -> tuple[str, str]:
        """What the inbox knows it by."""
        return self.source, self.id

    @property
    def digest(self) -> int:
        """Its type and key in 32 bits: what another event that was given the same id by mistake differs in."""
        return crc32(f"{self.type}\0{self.key}".encode()) - 2**31


class UnknownType(Exception):
    """An event type this version does not know: ignored and counted, never an error."""

    def __init__(self, event_type: str) -> None:
        super().__init__(f"unknown event type {event_type}")
        self.event_type = event_type


class Tombstone(UnknownType):
    """A record without a body on a compacted topic: it says that a key is gone; ignored and counted."""

    def __init__(self) -> None:
        super().__init__("tombstone")


def decode(record: Record) -> Incoming[Any]:
    """Read a record. Raises `Undigestible`, or `UnknownType` (also for a tombstone), and nothing else."""
    headers = dict(record.headers)
    try:
        if record.value is None:
            return _without_body(record, headers)
        if (headers.get("content-type") or b"").startswith(STRUCTURED):
            return _structured(record)
        return _read(record, headers, record.value)
    except Undigestible as problem:
        problem.key, problem.parties = _whose(record, headers)
        raise


def encode(
    *,
    id: str,
    source: str,
    type: str,
    time: datetime,
    payload: Payload | bytes,
    traceparent: str | None = None,
    extra: Mapping[str, str] | None = None,
) -> Outgoing:
    """Write an event in binary mode; `payload` as bytes is validated and sent as it is.

    `extra` are further CloudEvents attributes. Raises `UnknownType` and pydantic's `ValidationError`.
    """
    cls = REGISTRY.get(type)
    if cls is None:
        raise UnknownType(type)
    body = payload if isinstance(payload, bytes) else payload.model_dump_json(exclude_none=True).encode()
    key = (cls.model_validate_json(payload) if isinstance(payload, bytes) else payload).partition_key()
    headers = event_headers(id, source, type, time, key, traceparent, extra)
    return Outgoing(cls.topic.name, key, body, headers)


def event_headers(
    id: str,
    source: str,
    type: str,
    time: datetime,
    key: str,
    traceparent: str | None = None,
    extra: Mapping[str, str] | None = None,
) -> tuple[tuple[str, bytes], ...]:
    """The headers of an event in binary mode."""
    attributes = {
        "specversion": "1.0", "id": id, "source": source, "type": type,
        "time": time.astimezone(UTC).isoformat().replace("+00:00", "Z"), "partitionkey": key, **(extra or {}),
    }  # fmt: skip
    if traceparent:
        attributes["traceparent"] = traceparent
    written = tuple((f"ce_{name}", value.encode()) for name, value in attributes.items())
    return (*written, ("content-type", b"application/json"))


def _read(record: Record, headers: Mapping[str, bytes], body: bytes) -> Incoming[Any]:
    cls = _class_of(record, headers.get("ce_type"))
    try:
        check_version(headers)
        check_content(headers)
        identity = text_of(headers, "ce_id"), text_of(headers, "ce_source"), cls.event_type, time_of(headers)
        payload = cls.model_validate_json(body)
    except (Undigestible, ValidationError):
        raise Undigestible.of([*wrong_attributes(headers), *_wrong_fields(cls, body)]) from None
    return Incoming(*identity, payload, record, payload.partition_key(), _trace(headers))


def _wrong_fields(cls: type[Payload], body: bytes) -> list[Refusal]:
    try:
        cls.model_validate_json(body)
    except ValidationError as error:
        return explain(error)
    return []


def _trace(headers: Mapping[str, bytes]) -> str | None:
    """The trace that the event belongs to; one that nobody could read is left out, since it is only for looking."""
    written = headers.get("ce_traceparent", b"")
    return written.decode() if TRACEPARENT.fullmatch(written) else None


def _class_of(record: Record, written: bytes | None) -> type[Payload]:
    if not written:
        fail("ce_type", "nothing", "the event type is missing", "Name the event type in the header ce_type.")
    name = written.decode("utf-8", "replace")
    cls = REGISTRY.get(name)
    if cls is None:
        raise UnknownType(shorten(name))
    if cls.topic.name != record.topic:
        fail("ce_type", name, f"this event type does not belong on the topic {record.topic}",
              f"Send it to {cls.topic.name}.")  # fmt: skip
    return cls


def _without_body(record: Record, headers: Mapping[str, bytes]) -> NoReturn:
    cls = REGISTRY.get((headers.get("ce_type") or b"").decode("utf-8", "replace"))
    if _is_compacted(record.topic, cls):
        raise Tombstone
    fail(
        "body",
        "nothing",
        "the record has no body",
        "Send the document; to cancel it, send its cancellation event.",
    )


def _is_compacted(topic: str, cls: type[Payload] | None) -> bool:
    known = cls.topic if cls and cls.topic.name == topic else TOPIC_BY_NAME.get(topic)
    return known is not None and known.compacted


def _structured(record: Record) -> Incoming[Any]:
    headers, body = _unwrap(record)
    try:
        return _read(record, headers, body)
    except Undigestible as problem:
        raise problem.called("attribute", as_attribute) from None


def _unwrap(record: Record) -> tuple[dict[str, bytes], bytes]:
    """The attributes of a structured event as binary headers, and its data."""
    content = dict(record.headers)["content-type"]
    if not content.startswith(STRUCTURED + b"+json"):
        fail("content-type", shown(content), "only single JSON events are read from the bus",
              "Send binary mode, or structured mode as application/cloudevents+json.")  # fmt: skip
    try:
        event = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, dict):
        fail(
            "body",
            shorten(record.value),
            "not a CloudEvent in JSON",
            "Send one JSON object in UTF-8 as the body.",
        )
    return attributes_of(event), data_of(event)


def attributes_of(event: Mapping[str, Any]) -> dict[str, bytes]:
    """The attributes of a structured event under the names they have as headers in binary mode."""
    headers = {f"ce_{k}": v.encode() for k, v in event.items() if isinstance(v, str) and k not in DATA_MEMBERS}
    content = event.get("datacontenttype")
    return headers | {"content-type": content.encode()} if isinstance(content, str) else headers


def data_of(event: Mapping[str, Any]) -> bytes:
    """The body of a structured event. Raises Undigestible."""
    encoded = event.get("data_base64")
    try:
        return base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else orjson.dumps(event.get("data"))
    except binascii.Error:
        fail("data_base64", shorten(encoded), "not base64", "Send the document as JSON in the member data.")
    except (TypeError, ValueError):
        fail("data", "nothing readable", "cannot be read as JSON", "Send the document as one flat JSON object.")


def _whose(record: Record, headers: Mapping[str, bytes]) -> tuple[str | None, Parties]:
    """Key and parties of a record that cannot be read: from its body where possible, else from its key."""
    key: str | None
    try:
        fields, name = _loose(record, headers)
        texts: dict[str, Any] = {k: v for k, v in fields.items() if isinstance(v, str)}
        draft = REGISTRY[name].model_construct(None, **texts)
        key, parties = draft.partition_key(), draft.parties()
    except (ValueError, LookupError, TypeError, AttributeError):
        key, parties = record.key, _parties_of(record)
    usable = key is not None and "\x00" not in key and len(key) <= MAX_ATTRIBUTE
    return (key if usable else None), tuple(party for party in parties if _is_party(party))


def _loose(record: Record, headers: Mapping[str, bytes]) -> tuple[dict[str, Any], str]:
    """The fields of a body and its event type, whatever else is wrong with it."""
    fields = orjson.loads(record.value or b"")
    if (headers.get("content-type") or b"").startswith(STRUCTURED):
        return fields["data"], fields["type"]
    return fields, headers["ce_type"].decode()


def _parties_of(record: Record) -> Parties:
    company, _, customer = (record.key or "").partition("/")
    on_topic = (cls for cls in REGISTRY.values() if cls.topic.name == record.topic)
    return ((company, customer),) if any(issubclass(cls, CustomerPayload) for cls in on_topic) else ()


def _is_party(party: tuple[str, str]) -> bool:
    try:
        PARTY.validate_python(party)
    except ValidationError:
        return False
    return True
