"""From what the ERP posted to a record for the bus, or to a refusal that says what is wrong. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson

from holdfast.bus.attributes import wrong_attributes
from holdfast.bus.envelope import Incoming, attributes_of, data_of, decode, event_headers
from holdfast.bus.port import Outgoing, Record
from holdfast.bus.undigestible import Undigestible, as_attribute
from holdfast.contracts import REGISTRY, Payload
from holdfast.contracts.refusals import Refusal, shorten

MAX_EVENT_BYTES = 900_000
"""Body of one event; Kafka refuses records above 1 MB by default."""
REQUIRED = frozenset({"id", "source", "type", "time", "specversion"})
OWN = REQUIRED | {"partitionkey", "traceparent", "datacontenttype"}
NO_MODE = "neither an event in JSON nor, without any header ce-…, one in binary mode"
EITHER_MODE = (
    "Send the header content-type: application/cloudevents+json for an event in JSON; in binary mode, "
    "content-type: application/json and each attribute as a header ce-…."
)
ATTRIBUTE_NAME = re.compile(r"[a-z0-9]{1,30}")
ATTRIBUTE_VALUE = re.compile(r"[^\x00-\x1f\x7f]{0,1000}")


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that may go on the bus, once the caller's companies were compared with `companies`."""

    id: str
    outgoing: Outgoing
    companies: frozenset[str]
    """Companies it speaks of; empty for what concerns all of them, such as an exchange rate."""


class TooLarge(Exception):
    """The body of one event is above `MAX_EVENT_BYTES`."""


def from_structured(event: Any) -> Accepted:
    """Read one CloudEvent in the JSON format. Raises Undigestible (also for unknown types) and TooLarge."""
    if not isinstance(event, dict):
        raise Undigestible("event", "no object", "not a CloudEvent in JSON", "Send a JSON object.")
    try:
        return _accept(attributes_of(event), data_of(event))
    except Undigestible as problem:
        raise problem.called("attribute", as_attribute) from None


def from_binary(headers: Mapping[str, str], body: bytes) -> Accepted:
    """Read one CloudEvent whose attributes are HTTP headers `ce-…`. Raises as `from_structured`."""
    named = {name.lower(): value for name, value in headers.items()}
    attributes = {f"ce_{name[3:]}": unquote(value).encode() for name, value in named.items() if name.startswith("ce-")}
    content = named.get("content-type", "")
    if not attributes:
        raise Undigestible("content-type", shorten(content) if content else "nothing", NO_MODE, EITHER_MODE)
    try:
        return _accept(attributes | {"content-type": content.encode()}, body)
    except Undigestible as problem:
        raise problem.called("header", lambda name: name.replace("ce_", "ce-", 1)) from None


def parse(body: bytes) -> Any:
    """The JSON value of a request body. Raises Undigestible."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Undigestible("body", "no JSON", str(error), "Send JSON in UTF-8.") from None


def _accept(attributes: Mapping[str, bytes], body: bytes) -> Accepted:
    if len(body) > MAX_EVENT_BYTES:
        raise TooLarge
    cls = _known(attributes)
    content = attributes.get("content-type", b"")
    if content.startswith(b"application/cloudevents"):
        problem, remedy = "an event inside an event", "Declare the data as application/json."
        raise Undigestible("datacontenttype", content.decode("utf-8", "replace")[:80], problem, remedy)
    record = Record(cls.topic.name, -1, -1, None, tuple(attributes.items()), body, 0)
    try:
        incoming = decode(record)
    except Undigestible as problem:
        raise Undigestible.of([*problem.refusals, *_wrong_extensions(attributes)]) from None
    if wrong := _wrong_extensions(attributes):
        raise Undigestible.of(wrong)
    headers = event_headers(
        incoming.id, incoming.source, incoming.type, incoming.time, incoming.key, incoming.traceparent,
        _extensions(attributes),
    )  # fmt: skip
    outgoing = Outgoing(cls.topic.name, incoming.key, body, headers)
    return Accepted(incoming.id, outgoing, _companies(incoming))


def _known(attributes: Mapping[str, bytes]) -> type[Payload]:
    name = attributes.get("ce_type", b"").decode("utf-8", "replace")
    cls = REGISTRY.get(name)
    if cls is None or not name.startswith("erp."):
        problem = "the event type is missing, unknown, or not for an ERP to send"
        untyped = Refusal("type", shorten(name) if name else "nothing", problem, "Send an erp.* type of the catalogue.")
        raise Undigestible.of([untyped, *wrong_attributes(attributes)])
    return cls


def _companies(incoming: Incoming[Any]) -> frozenset[str]:
    named = {company for company, _ in incoming.payload.parties()}
    own = getattr(incoming.payload, "company", None)
    return frozenset(named | ({own} if own else set()))


def _extensions(attributes: Mapping[str, bytes]) -> dict[str, str]:
    return {
        name[3:]: value.decode("utf-8", "replace")
        for name, value in attributes.items()
        if name.startswith("ce_") and name[3:] not in OWN
    }


def _wrong_extensions(attributes: Mapping[str, bytes]) -> list[Refusal]:
    problem, remedy = (
        "not an attribute of a CloudEvent",
        "Use a name of up to 30 lower-case letters and digits, and up to 1000 characters.",
    )
    return [
        Refusal(shorten(name), shorten(value), problem, remedy)
        for name, value in _extensions(attributes).items()
        if not ATTRIBUTE_NAME.fullmatch(name) or not ATTRIBUTE_VALUE.fullmatch(value)
    ]
