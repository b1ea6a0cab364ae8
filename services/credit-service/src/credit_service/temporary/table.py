"""Temporary limits from and to CSV: a file of them becomes lines of an adjustment journal (spec 1.9, 1.12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from credit_service.adjustments.importing import line_of
from credit_service.adjustments.model import Line as JournalLine
from credit_service.tables.model import Fault, Line, Outcome, Table, Told, cell, refusal
from holdfast.receivables.money import rounded

TEMPORARY = Table(
    "temporary limits",
    ("id", "company", "customer", "credit_group", "amount", "currency", "from_date", "to_date", "journal"),
    frozenset(),
)
FIELDS = {"customer": "customer", "credit_group": "credit_group", "amount": "new_limit", "currency": "currency",
          "from_date": "new_from_date", "to_date": "new_to_date", "id": "replaces_temporary_id"}  # fmt: skip
"""Columns by the fields of a line of a journal."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A line that a line of a journal is to be made of."""

    told: Told
    line: JournalLine


def cells_of(row: Any) -> dict[str, str]:
    """A temporary limit as its line of an export."""
    found = {name: cell(row[name]) for name in TEMPORARY.columns}
    return found | {"amount": cell(rounded(row["amount"], row["currency"]))}


def subject_of(line: Line) -> str:
    """Whose limit a line speaks of."""
    return line.cells.get("customer") or line.cells.get("credit_group", "")


def drafted(
    line: Line, there: Mapping[str, Any], alike: Mapping[Any, Any], company: str, currency: str
) -> Draft | Told:
    """What a line would have a journal do. `there`: temporary limits of the company by id; `alike`: by `key_of`."""
    subject, before = subject_of(line), None
    if line.cells.get("company", "") not in ("", company):
        fault = Fault("company", line.cells["company"], f"the file is imported into {company}",
                      "Import it with that company.")  # fmt: skip
        return refusal(line, subject, fault)
    if text := line.cells.get("id", ""):
        before = there.get(text.lower())
        if before is None:
            fault = Fault("id", text, "is no temporary limit that has not ended", "Leave the id empty to add a limit.")
            return refusal(line, subject, fault)
    now = cells_of(before) if before is not None else {}
    wanted = {**now, **line.cells, "journal": ""}
    found = line_of({field: wanted.get(column, "") for column, field in FIELDS.items()}, currency)
    if isinstance(found, Fault):
        return refusal(line, subject, in_columns(found))
    same = before if before is not None else alike.get(key_of(found))
    if same is not None and key_of(line_of_row(same)) == key_of(found):
        return Told(line.number, subject, Outcome.UNCHANGED, id=str(same["id"]))
    changes = tuple(name for name in FIELDS if before is not None and wanted.get(name) != now[name])
    return Draft(Told(line.number, subject, Outcome.DRAFTED, changes, id=text or None), found)


def line_of_row(row: Any) -> JournalLine:
    """A temporary limit as a journal would make it."""
    return JournalLine(row["customer"], row["credit_group"], row["amount"], row["from_date"], row["to_date"])


def key_of(line: JournalLine) -> tuple[Any, ...]:
    """Whose limit it is, how much, and when."""
    return line.customer, line.credit_group, line.new_limit, line.new_from, line.new_to


def in_columns(fault: Fault) -> Fault:
    """A fault of a line of a journal, as of the column that it came from."""
    column = next((c for c, name in FIELDS.items() if fault.field.split(".")[0] == name), fault.field)
    return Fault(column, fault.value, fault.problem, fault.remedy)
