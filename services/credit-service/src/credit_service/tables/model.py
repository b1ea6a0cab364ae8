"""Tables that are imported and exported as CSV: columns, lines, cells, and what becomes of a line. Plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

FORMULA = tuple("=+-@\t\r'")
"""A cell that begins with one of these is a formula to a spreadsheet: it is written behind an apostrophe."""
TRUTH = {True: "true", False: "false"}


class Outcome(StrEnum):
    """What becomes of a line."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    WAITS = "waits_for_approval"
    DRAFTED = "drafted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line cannot be: the field, its value, what is wrong with it and what to do."""

    field: str
    value: str | None
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Table:
    """A kind of file: its columns, those that must be there, and those whose text is taken with its blanks."""

    name: str
    columns: tuple[str, ...]
    required: frozenset[str]
    verbatim: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file by its number, the header being line 1: the text of every column that the file has."""

    number: int
    cells: Mapping[str, str]


@dataclass(slots=True)
class Read:
    """The lines of a file, and those that cannot be read."""

    lines: list[Line] = field(default_factory=list)
    refused: list[tuple[int, Fault]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Told:
    """What becomes, or would become, of a line; `fields` are those that change."""

    line: int
    subject: str
    outcome: Outcome
    fields: tuple[str, ...] = ()
    fault: Fault | None = None
    warnings: tuple[str, ...] = ()
    version: int | None = None
    approval: str | None = None
    id: str | None = None


def refusal(line: Line, subject: str, fault: Fault) -> Told:
    """A line that is refused."""
    return Told(line.number, subject, Outcome.REFUSED, fault=fault)


def bare(text: str) -> str:
    """A cell without the apostrophe that `guarded` has put before it."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) else text


def guarded(text: str) -> str:
    """A text that no spreadsheet computes."""
    return f"'{text}" if text.startswith(FORMULA) else text


def cell(value: Any) -> str:
    """A value as the API writes it; nothing is an empty cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return TRUTH[value]
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def twice(lines: Iterable[Line], *columns: str) -> Iterator[tuple[Line, str]]:
    """Lines that name what an earlier line has named, and the number of that line."""
    seen: dict[tuple[str, ...], int] = {}
    for line in lines:
        key = tuple(line.cells.get(column, "") for column in columns)
        if any(key):
            first = seen.setdefault(key, line.number)
            if first != line.number:
                yield line, str(first)
