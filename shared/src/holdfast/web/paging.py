"""Lists by opaque cursor: the sort key of the last row shown."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Query

from holdfast.web.problems import field_problem

Limit = Annotated[int, Query(ge=1, le=500, description="most rows of a page")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before")]
T = TypeVar("T")


def encode_cursor(values: Sequence[Any]) -> str:
    """The cursor after a row with these sort values."""
    return base64.urlsafe_b64encode(orjson.dumps(list(values), default=str)).decode().rstrip("=")


def decode_cursor(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The sort values of a cursor, of these JSON types. Raises Problem 400 for one that is not ours."""
    if cursor is None:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        values = None
    fits = isinstance(values, list) and len(values) == len(kinds)
    if not fits or not all(type(v) is k for v, k in zip(values, kinds, strict=True)) or _has_nul(values):
        raise field_problem(
            400, "bad-cursor", "The cursor is not one of ours", "cursor", cursor, "cannot be read",
            "Take it from `next_cursor` of the page before, or leave it out.",
        )  # fmt: skip
    return tuple(values)


def _has_nul(values: Sequence[Any]) -> bool:
    return any(isinstance(value, str) and "\x00" in value for value in values)


def page(rows: Sequence[T], limit: int, sort_values: Callable[[T], Sequence[Any]]) -> tuple[Sequence[T], str | None]:
    """Of `limit + 1` rows that were read: those to show, and the cursor of the next page if there is one."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], encode_cursor(sort_values(rows[limit - 1]))
