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
    if text.isascii():
        return tuple(zip(flat[::2], map(str.encode, flat[1::2]), strict=True))
    return tuple(zip(flat[::2], [value.encode("latin-1") for value in flat[1::2]], strict=True))
