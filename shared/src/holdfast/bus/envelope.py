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

import orjson
from pydantic import TypeAdapter, ValidationError

from holdfast.bus.port import Outgoing, Record
from holdfast.contracts import REGISTRY, TOPIC_BY_NAME, CustomerPayload, Payload
from holdfast.contracts.base import CompanyId, Id
from holdfast.contracts.refusals import explain, shorten
from holdfast.values import quick

P_co = TypeVar("P_co", bound=Payload, covariant=True)
Parties = tuple[tuple[str, str], ...]

STRUCTURED = b"application/cloudevents"
MAX_ATTRIBUTE = 250
"""Characters of `id` and `source`; together they are the key of the inbox."""
PARTY: TypeAdapter[tuple[str, str]] = TypeAdapter(tuple[CompanyId, Id])
TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
DATA_MEMBERS = frozenset({"data", "data_base64"})
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


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


class UnknownType(Exception):
    """An event type this version does not know: ignored and counted, never an error."""

    def __init__(self, event_type: str) -> None:
        super().__init__(f"unknown event type {event_type}")
        self.event_type = event_type


class Tombstone(UnknownType):
    """A record without a body on a compacted topic: it says that a key is gone; ignored and counted."""

    def __init__(self) -> None:
        super().__init__("tombstone")


class Undigestible(Exception):
    """A record that can never be handled as it is: says which field, its value (shortened) and the remedy.

    `key` and `parties` are read from the body where company and customer can be, else from the record's key.
    """

    def __init__(
        self, field: str, value: str, problem: str, remedy: str, key: str | None = None, parties: Parties = ()
    ) -> None:
        super().__init__(f"{field}: {problem} (got {value}). {remedy}")
        self.field, self.value, self.problem, self.remedy = field, value, problem, remedy
        self.key, self.parties = key, parties


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
    _check_mode(headers)
    identity = _text(headers, "ce_id"), _text(headers, "ce_source"), cls.event_type, _time(headers)
    try:
        payload = cls.model_validate_json(body)
    except ValidationError as error:
        first = explain(error)[0]
        raise Undigestible(first.field, first.value, first.problem, first.remedy) from None
    return Incoming(*identity, payload, record, payload.partition_key(), _trace(headers))


def _trace(headers: Mapping[str, bytes]) -> str | None:
    """The trace that the event belongs to; one that nobody could read is left out, since it is only for looking."""
    written = headers.get("ce_traceparent", b"")
    return written.decode() if TRACEPARENT.fullmatch(written) else None


def _class_of(record: Record, written: bytes | None) -> type[Payload]:
    if not written:
        _fail("ce_type", "nothing", "the event type is missing", "Name the event type in the header ce_type.")
    name = written.decode("utf-8", "replace")
    cls = REGISTRY.get(name)
    if cls is None:
        raise UnknownType(shorten(name))
    if cls.topic.name != record.topic:
        _fail("ce_type", name, f"this event type does not belong on the topic {record.topic}",
              f"Send it to {cls.topic.name}.")  # fmt: skip
    return cls


def _check_mode(headers: Mapping[str, bytes]) -> None:
    if headers.get("ce_specversion") != b"1.0":
        _fail("ce_specversion", _shown(headers.get("ce_specversion")), "not a CloudEvent of version 1.0",
              "Send the header ce_specversion with the value 1.0.")  # fmt: skip
    content = headers.get("content-type") or b"application/json"
    if not content.startswith(b"application/json"):
        _fail("content-type", _shown(content), "the body is not declared as JSON",
              "Send the header content-type with the value application/json.")  # fmt: skip


def _text(headers: Mapping[str, bytes], name: str) -> str:
    value = headers.get(name)
    if not value:
        _fail(name, "nothing", "this attribute is missing or empty", f"Send the header {name}; it is required.")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        _fail(name, _shown(value), "not valid UTF-8", f"Send the header {name} in UTF-8.")
    if "\x00" in text or len(text) > MAX_ATTRIBUTE:
        _fail(name, shorten(text), f"longer than {MAX_ATTRIBUTE} characters or with a NUL character",
              "Use a shorter value without NUL, the same one whenever this event is sent again.")  # fmt: skip
    return text


def _time(headers: Mapping[str, bytes]) -> datetime:
    written = _text(headers, "ce_time")
    try:
        time = datetime.fromisoformat(written)
    except ValueError:
        time = datetime.min.replace(tzinfo=UTC)
    if time.tzinfo is None or not EARLIEST <= time < LATEST:
        _fail("ce_time", shorten(written), "not an instant between 1900 and 2199 with its offset from UTC",
              "Send when it happened, such as 2026-03-02T09:15:00Z.")  # fmt: skip
    return time


def _without_body(record: Record, headers: Mapping[str, bytes]) -> NoReturn:
    cls = REGISTRY.get((headers.get("ce_type") or b"").decode("utf-8", "replace"))
    if _is_compacted(record.topic, cls):
        raise Tombstone
    _fail(
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
    return _read(record, headers, body)


def _unwrap(record: Record) -> tuple[dict[str, bytes], bytes]:
    """The attributes of a structured event as binary headers, and its data."""
    content = dict(record.headers)["content-type"]
    if not content.startswith(STRUCTURED + b"+json"):
        _fail("content-type", _shown(content), "only single JSON events are read from the bus",
              "Send binary mode, or structured mode as application/cloudevents+json.")  # fmt: skip
    try:
        event = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, dict):
        _fail(
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
        _fail("data_base64", shorten(encoded), "not base64", "Send the document as JSON in the member data.")
    except (TypeError, ValueError):
        _fail("data", "nothing readable", "cannot be read as JSON", "Send the document as one flat JSON object.")


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


def _shown(value: bytes | None) -> str:
    return "nothing" if value is None else shorten(value.decode("utf-8", "replace"))


def _fail(field: str, value: str, problem: str, remedy: str) -> NoReturn:
    raise Undigestible(field, value, problem, remedy)
