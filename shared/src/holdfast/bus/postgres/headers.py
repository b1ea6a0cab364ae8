"""Headers as one text column: a JSON list of names and values in turn, one character per byte."""

from __future__ import annotations

import orjson

from holdfast.bus.port import Headers


def pack(headers: Headers) -> str:
    """The column's text."""
    flat: list[str] = []
    for name, value in headers:
        flat += name, value.decode("latin-1")
    return orjson.dumps(flat).decode()


def unpack(text: str) -> Headers:
    """The headers in `text`, in their order."""
    flat = orjson.loads(text)
    return tuple([(flat[i], flat[i + 1].encode("latin-1")) for i in range(0, len(flat), 2)])
