"""Rows to column arrays, for `INSERT … SELECT FROM unnest($1::text[], $2::numeric[], …)`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")
PARAMETER = re.compile(r"\$(\d+)")


def columns(rows: Iterable[Sequence[Any]], width: int = 0) -> list[list[Any]]:
    """Transpose rows to one list per column; `width` says how many empty columns no rows give.

    Raises ValueError when rows differ in length.
    """
    transposed = [list(column) for column in zip(*rows, strict=True)]
    return transposed or [[] for _ in range(width)]


def columns_of(items: Iterable[object], *names: str) -> list[list[Any]]:
    """One list per named attribute (dotted names reach deeper), in the order of the names."""
    readers: list[Callable[[object], Any]] = [attrgetter(name) for name in names]
    kept = list(items)
    return [[read(item) for item in kept] for read in readers]


def together(*statements: str) -> str:
    """Statements as one, with their parameters one after another: a round trip instead of several.

    Only for statements that write different tables and read nothing that another of them writes. The last may
    begin with WITH.
    """
    parts, before = [], 0
    for statement in statements:
        numbers = [int(number) for number in PARAMETER.findall(statement)]
        parts.append(shifted(statement.strip(), before))
        before += max(numbers)
    *first, last = parts
    written = ", ".join(f"part_{n} AS ({part})" for n, part in enumerate(first))
    return f"WITH {written}, {last[5:]}" if last.startswith("WITH ") else f"WITH {written} {last}"


def shifted(statement: str, by: int) -> str:
    """A statement whose parameters are numbered from `by` + 1 on."""
    return PARAMETER.sub(lambda found: f"${int(found[1]) + by}", statement)


def chunks(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    """`items` in slices of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))
