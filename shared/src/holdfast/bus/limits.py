"""What no transport takes, so that a record is refused on both alike and before it is sent."""

from __future__ import annotations

from holdfast.bus.port import Outgoing, RecordRefused

MAX_RECORD_BYTES = 1_000_000
"""Key, value and headers together; below Kafka's own limit of 1 MiB for a batch."""


def refusal(record: Outgoing) -> RecordRefused | None:
    """Why this record can never be sent; None when it can."""
    try:
        size = len(record.key.encode()) + len(record.value or b"")
        size += sum(len(name.encode()) + len(value) for name, value in record.headers)
    except UnicodeEncodeError:
        return RecordRefused("The key or a header name is not valid Unicode text: correct it at its source.")
    if size > MAX_RECORD_BYTES:
        return RecordRefused(
            f"The record has {size:,} bytes, more than the {MAX_RECORD_BYTES:,} the bus takes: "
            f"send it in parts, or a link to it."
        )
    if "\0" in record.key:
        return RecordRefused("The key contains the character NUL: correct it at its source.")
    return None
