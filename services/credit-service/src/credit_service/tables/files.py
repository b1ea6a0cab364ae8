"""Reads and writes CSV files: UTF-8, the column names in the first line, comma or semicolon."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from credit_service.tables.model import Fault, Line, Read, Table, bare, guarded
from holdfast.web.problems import Problem, field_problem

MOST_LINES = 200_000
MOST_BYTES = 50 * 1024 * 1024
DELIMITERS = ",;"


def read(body: bytes, table: Table) -> Read:
    """The lines of a file. Raises Problem 422 for what is no such table, 413 for too many lines."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise _no_table(table, f"line {line} is not UTF-8 (byte {error.start})", "Save it as CSV in UTF-8.") from None
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        names = tuple(name.strip().lower() for name in next(rows, []))
    except csv.Error as error:
        raise _no_table(table, f"line 1 is no CSV: {error}", "Mend its quotes.") from None
    _check_names(table, names)
    found = Read()
    before = rows.line_num
    try:
        for cells in rows:
            _take(found, table, names, before + 1, cells)
            before = rows.line_num
    except csv.Error as error:
        remedy = "Close the quotes and double those inside a field; this line and those after it are not read."
        found.refused.append((before + 1, Fault("line", None, f"no CSV: {error}", remedy)))
    return found


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return max(DELIMITERS, key=header.count)


def _check_names(table: Table, names: Sequence[str]) -> None:
    columns = f"The columns are {', '.join(table.columns)}."
    for name in names:
        if name not in table.columns:
            raise _no_table(table, f"there is no column {name!r}", columns)
    if missing := sorted(table.required - set(names)):
        raise _no_table(table, f"the column {missing[0]} is missing", f"Name it in the first line. {columns}")
    if len(set(names)) < len(names):
        raise _no_table(table, "a column is there twice", "Name each column once.")


def _take(found: Read, table: Table, names: Sequence[str], number: int, cells: list[str]) -> None:
    if not any(cells):
        return
    if len(found.lines) + len(found.refused) == MOST_LINES:
        raise Problem(
            413, "too-many-lines", "The file has too many lines",
            f"Send at most {MOST_LINES} lines at once; split the file and repeat the first line in each part.",
        )  # fmt: skip
    if len(cells) != len(names):
        fault = Fault("line", f"{len(cells)} fields", f"the header has {len(names)}", "Quote a field with a separator.")
        found.refused.append((number, fault))
        return
    texts = {
        name: bare(cell if name in table.verbatim else cell.strip()) for name, cell in zip(names, cells, strict=True)
    }
    found.lines.append(Line(number, texts))


def _no_table(table: Table, problem: str, remedy: str) -> Problem:
    return field_problem(422, "invalid", f"The file is not a table of {table.name}", "body", None, problem, remedy)


def written(rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells as CSV (RFC 4180)."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([guarded(text) for text in row] for row in rows)
    return out.getvalue()
