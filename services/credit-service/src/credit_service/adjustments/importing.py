"""Lines of adjustment journals from a CSV of limits (spec 5): customer or credit_group, new_limit, new_to_date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import ValidationError

from credit_service.adjustments.bodies import LineBody
from credit_service.adjustments.model import Line
from credit_service.tables.files import read
from credit_service.tables.model import Fault, Table
from holdfast.contracts.refusals import explain

TABLE = Table(
    "limits", ("customer", "credit_group", "new_limit", "currency", "new_from_date", "new_to_date"),
    frozenset({"new_limit", "new_to_date"}),
)  # fmt: skip


@dataclass(slots=True)
class Lines:
    """Lines with their numbers in the file (the header is line 1), and those that cannot be."""

    lines: list[tuple[int, Line]] = field(default_factory=list)
    refused: list[tuple[int, Fault]] = field(default_factory=list)


def lines_of(body: bytes, currency: str) -> Lines:
    """The lines of a file, in `currency` where they say none; one who is named twice is refused the second time.

    Raises Problem 422 for what is no table of limits.
    """
    given = read(body, TABLE)
    found, seen = Lines(refused=given.refused), set[tuple[str, str | None]]()
    for row in given.lines:
        line = line_of(row.cells, currency)
        if isinstance(line, Fault):
            found.refused.append((row.number, line))
            continue
        mark = line.subject, str(line.new_from) if line.new_from else None
        if mark in seen:
            who = line.customer or line.credit_group
            twice = Fault("customer", who, "is there twice", "Leave one of the lines out.")
            found.refused.append((row.number, twice))
            continue
        seen.add(mark)
        found.lines.append((row.number, line))
    return found


def line_of(cells: Mapping[str, str], currency: str) -> Line | Fault:
    """The line that cells describe, or what is wrong with them; `currency` where they name none."""
    given: dict[str, Any] = {name: text for name, text in cells.items() if text}
    given["new_limit"] = {"amount": given.pop("new_limit", ""), "currency": given.pop("currency", currency)}
    try:
        return LineBody.model_validate_json(orjson.dumps(given)).line()
    except ValidationError as error:
        first = explain(error)[0]
        return Fault(first.field, first.value, first.problem, first.remedy)
