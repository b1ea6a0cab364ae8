"""The attributes of a CloudEvent, read from the headers of a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NoReturn

from holdfast.bus.undigestible import Undigestible
from holdfast.contracts.refusals import Refusal, shorten

MAX_ATTRIBUTE = 250
"""Characters of `id` and `source`; together they are the key of the inbox."""
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def wrong_attributes(headers: Mapping[str, bytes]) -> list[Refusal]:
    """All that is wrong with the attributes of an event, its type aside."""
    found: list[Refusal] = []
    for check in ATTRIBUTES:
        try:
            check(headers)
        except Undigestible as problem:
            found += problem.refusals
    return found


def check_version(headers: Mapping[str, bytes]) -> None:
    """Raises Undigestible for another version of CloudEvents than 1.0."""
    if headers.get("ce_specversion") != b"1.0":
        fail("ce_specversion", shown(headers.get("ce_specversion")), "not a CloudEvent of version 1.0",
              "Send the header ce_specversion with the value 1.0.")  # fmt: skip


def check_content(headers: Mapping[str, bytes]) -> None:
    """Raises Undigestible when the body is not declared as JSON."""
    content = headers.get("content-type") or b"application/json"
    if not content.startswith(b"application/json"):
        fail("content-type", shown(content), "the body is not declared as JSON",
              "Send the header content-type with the value application/json.")  # fmt: skip


def text_of(headers: Mapping[str, bytes], name: str) -> str:
    """A required attribute. Raises Undigestible."""
    value = headers.get(name)
    if not value:
        fail(name, "nothing", "this attribute is missing or empty", f"Send the header {name}; it is required.")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        fail(name, shown(value), "not valid UTF-8", f"Send the header {name} in UTF-8.")
    if "\x00" in text or len(text) > MAX_ATTRIBUTE:
        fail(name, shorten(text), f"longer than {MAX_ATTRIBUTE} characters or with a NUL character",
              "Use a shorter value without NUL, the same one whenever this event is sent again.")  # fmt: skip
    return text


def time_of(headers: Mapping[str, bytes]) -> datetime:
    """When the event happened. Raises Undigestible."""
    written = text_of(headers, "ce_time")
    try:
        time = datetime.fromisoformat(written)
    except ValueError:
        time = datetime.min.replace(tzinfo=UTC)
    if time.tzinfo is None or not EARLIEST <= time < LATEST:
        fail("ce_time", shorten(written), "not an instant between 1900 and 2199 with its offset from UTC",
              "Send when it happened, such as 2026-03-02T09:15:00Z.")  # fmt: skip
    return time


def shown(value: bytes | None) -> str:
    """The value of a header for a message."""
    return "nothing" if value is None else shorten(value.decode("utf-8", "replace"))


def fail(field: str, value: str, problem: str, remedy: str) -> NoReturn:
    """Raises Undigestible."""
    raise Undigestible(field, value, problem, remedy)


ATTRIBUTES: tuple[Callable[[Mapping[str, bytes]], object], ...] = (
    check_version, check_content, lambda headers: text_of(headers, "ce_id"),
    lambda headers: text_of(headers, "ce_source"), time_of,
)  # fmt: skip
