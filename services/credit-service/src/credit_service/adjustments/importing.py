"""Reads a CSV of limits: customer or credit_group, new_limit, new_from_date, new_to_date (spec 5)."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import ValidationError

from credit_service.adjustments.bodies import LineBody
from credit_service.adjustments.model import Fault, Line
from holdfast.contracts.refusals import explain
from holdfast.web.problems import field_problem

COLUMNS = frozenset({"customer", "credit_group", "new_limit", "currency", "new_from_date", "new_to_date"})


@dataclass(slots=True)
class Read:
    """Lines with their numbers in the file (the header is line 1), and those that cannot be read."""

    lines: list[tuple[int, Line]] = field(default_factory=list)
    refused: list[tuple[int, Fault]] = field(default_factory=list)


def lines_of(body: bytes, currency: str) -> Read:
    """The lines of a file, in `currency` where they say none; one who is named twice is refused the second time.

    Raises Problem 422 for what is no table of limits.
    """
    try:
        rows = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        names = set(rows.fieldnames or ())
    except (UnicodeDecodeError, csv.Error) as error:
        raise _no_table(str(error)) from None
    if not {"new_limit", "new_to_date"} <= names or not names <= COLUMNS or not names & {"customer", "credit_group"}:
        raise _no_table(f"the columns are {', '.join(sorted(map(str, names))) or 'none'}")
    read, seen = Read(), set[tuple[str, str | None]]()
    try:
        for row in rows:
            _take(read, rows.line_num, row, seen, currency)
    except csv.Error as error:
        read.refused.append((rows.line_num, Fault("line", None, str(error), "Quote the field, and close the quotes.")))
    return read


def _take(
    read: Read, number: int, row: dict[str | None, str | None], seen: set[tuple[str, str | None]], currency: str
) -> None:
    given: dict[str, Any] = {name: value.strip() for name, value in row.items() if name and value and value.strip()}
    if None in row:
        read.refused.append((number, Fault("line", None, "has more fields than the header", "Quote commas.")))
        return
    try:
        amount = {"amount": given.pop("new_limit", ""), "currency": given.pop("currency", currency)}
        given["new_limit"] = amount
        line = LineBody.model_validate_json(orjson.dumps(given)).line()
    except ValidationError as error:
        first = explain(error)[0]
        read.refused.append((number, Fault(first.field, first.value, first.problem, first.remedy)))
        return
    mark = line.subject, str(line.new_from) if line.new_from else None
    if mark in seen:
        read.refused.append((number, Fault("customer", line.customer or line.credit_group, "is there twice",
                                           "Leave one of the lines out.")))  # fmt: skip
        return
    seen.add(mark)
    read.lines.append((number, line))


def _no_table(problem: str) -> Exception:
    return field_problem(
        422, "invalid", "The file is not a table of limits", "body", None, problem,
        "Send CSV in UTF-8 with the columns customer (or credit_group), new_limit, new_to_date and, for temporary "
        "limits, new_from_date; currency may be there too.",
    )  # fmt: skip
