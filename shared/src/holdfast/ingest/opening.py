"""Opening balances of one company from a CSV file: what is open at the cut-over date, as events of the ERP.

All or nothing: no event is sent while any line is wrong. The same file gives the same events with the same
ids, so that an import which is repeated, or was cut off half-way and run again, does nothing twice.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn
from uuid import NAMESPACE_URL, uuid5

import orjson
from pydantic import ValidationError

from holdfast.bus.envelope import encode
from holdfast.bus.port import Outgoing, Producer, RecordRefused
from holdfast.contracts import Payload
from holdfast.contracts.erp_receivables import CreditNotePosted, InvoicePosted, PaymentPosted
from holdfast.contracts.erp_reference import CompanyWentLive
from holdfast.contracts.refusals import explain

REQUIRED = ("kind", "customer", "document", "currency", "amount", "document_date")
OPTIONAL = ("due_date", "original_amount", "payment_terms", "order", "reference", "text")
KINDS: dict[str, type[InvoicePosted | CreditNotePosted | PaymentPosted]] = {
    "invoice": InvoicePosted, "credit_note": CreditNotePosted, "payment": PaymentPosted,
}  # fmt: skip
CHUNK = 500


@dataclass(frozen=True, slots=True)
class BadLine:
    """What is wrong with one line of the file; `line` counts from 1, the heading included; 0: an option."""

    line: int
    field: str
    value: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.field}: {self.problem} (got {self.value}). {self.remedy}"


class OpeningRefused(Exception):
    """The file cannot be imported; nothing was sent. `lines` says everything that is wrong with it."""

    def __init__(self, lines: Sequence[BadLine]) -> None:
        super().__init__("\n".join(map(str, lines)))
        self.lines = tuple(lines)


class OpeningNotTaken(Exception):
    """The bus refused records for good; the company was not declared live."""


@dataclass(slots=True)
class OpeningSummary:
    """What an import sent, or would send: documents by kind; debits less credits by currency."""

    documents: Counter[str] = field(default_factory=Counter)
    open_amounts: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    sent: int = 0
    live: bool = False


async def import_opening_balances(
    path: Path,
    company: str,
    cut_over: date,
    producer: Producer,
    live: bool,
    dry_run: bool,
    *,
    version: int = 1,
    source: str = "/holdfast/opening-balances",
) -> OpeningSummary:
    """Send the open documents in `path` as events of `company`, and declare it live when `live`.

    A corrected file for the same documents needs a higher `version`; with the old one it counts as stale.
    Raises OpeningRefused when a line is wrong, BusUnavailable when the bus is away (run it again then), and
    OpeningNotTaken when the bus refuses a record for good.
    """
    declared = _declaration(company, cut_over, version)
    documents = read_opening_balances(path, company, cut_over, version)
    summary = _summarise(documents)
    if dry_run:
        return summary
    summary.sent = await _send(producer, [_record(part, source, cut_over) for part in documents])
    if live:
        summary.sent += await _send(producer, [_record(declared, source, cut_over)])
        summary.live = True
    return summary


def _declaration(company: str, cut_over: date, version: int) -> CompanyWentLive:
    try:
        return CompanyWentLive(company=company, version=version, cut_over_date=cut_over)
    except ValidationError as error:
        wrong = explain(error)
        raise OpeningRefused([BadLine(0, r.field, r.value, r.problem, r.remedy) for r in wrong]) from None


def read_opening_balances(path: Path, company: str, cut_over: date, version: int = 1) -> list[Payload]:
    """The documents in `path`. Raises OpeningRefused with every wrong line."""
    bad: list[BadLine] = []
    documents: list[Payload] = []
    seen: dict[str, int] = {}
    for line, row in _rows(path):
        if isinstance(row, BadLine):
            bad.append(row)
            continue
        found = _document(line, row, company, cut_over, version)
        if row["document"] in seen:
            first = f"Each document appears once; it is already on line {seen[row['document']]}."
            bad.append(BadLine(line, "document", row["document"], "this document number comes twice", first))
        seen.setdefault(row["document"], line)
        if isinstance(found, list):
            bad += found
        else:
            documents.append(found)
    if bad:
        raise OpeningRefused(bad)
    return documents


def _rows(path: Path) -> list[tuple[int, dict[str, str] | BadLine]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        _refuse_file(path, "not UTF-8", "Save the file as UTF-8.")
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        heading = [name.strip().lower() for name in next(reader, [])]
        _check_heading(heading)
        return [(reader.line_num, _row(reader.line_num, heading, cells)) for cells in reader if any(cells)]
    except csv.Error as error:
        _refuse_file(path, f"no CSV at line {reader.line_num}: {error}", "Mend the quotes of this line.")


def _refuse_file(path: Path, problem: str, remedy: str) -> NoReturn:
    raise OpeningRefused([BadLine(1, "file", path.name, problem, remedy)])


def _check_heading(heading: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in heading]
    unknown = [name for name in heading if name not in REQUIRED + OPTIONAL]
    remedy = "Add it to the first line."
    bad = [BadLine(1, name, "nothing", "this column is missing", remedy) for name in missing]
    allowed = f"Columns are {', '.join(REQUIRED + OPTIONAL)}."
    bad += [BadLine(1, name or "heading", name or "nothing", "no such column", allowed) for name in unknown]
    if bad:
        raise OpeningRefused(bad)


def _row(line: int, heading: Sequence[str], cells: Sequence[str]) -> dict[str, str] | BadLine:
    if len(cells) != len(heading):
        remedy = f"Give each of the {len(heading)} columns; quote a value that contains the separator."
        return BadLine(line, "line", f"{len(cells)} values", "not as many values as columns", remedy)
    return {name: cell.strip() for name, cell in zip(heading, cells, strict=True)}


def _document(line: int, row: dict[str, str], company: str, cut_over: date, version: int) -> Payload | list[BadLine]:
    cls = KINDS.get(row["kind"])
    if cls is None:
        remedy = f"Write one of {', '.join(KINDS)}."
        return [BadLine(line, "kind", row["kind"] or "nothing", "not a kind of document", remedy)]
    try:
        document = cls.model_validate_json(_body(cls, row, company, version))
    except ValidationError as error:
        return [BadLine(line, r.field, r.value, r.problem, r.remedy) for r in explain(error)]
    if document.document_date >= cut_over:
        remedy = f"Open items are dated before the cut-over date {cut_over}; later ones come as events."
        return [BadLine(line, "document_date", row["document_date"], "not before the cut-over date", remedy)]
    return document


def _body(cls: type[Payload], row: dict[str, str], company: str, version: int) -> bytes:
    fields: dict[str, Any] = {"company": company, "version": version}
    fields |= {name: value for name, value in row.items() if value and name in cls.model_fields}
    if cls is InvoicePosted:
        fields["kind"] = "opening_balance"
    return orjson.dumps(fields)


def _summarise(documents: Sequence[Payload]) -> OpeningSummary:
    summary = OpeningSummary()
    for document in documents:
        assert isinstance(document, InvoicePosted | CreditNotePosted | PaymentPosted)
        kind = next(name for name, cls in KINDS.items() if isinstance(document, cls))
        summary.documents[kind] += 1
        sign = 1 if kind == "invoice" else -1
        summary.open_amounts[document.currency] += sign * document.amount
    return summary


def _record(payload: Payload, source: str, cut_over: date) -> Outgoing:
    body = payload.model_dump_json(exclude_none=True)
    return encode(
        id=str(uuid5(NAMESPACE_URL, f"{source} {payload.event_type} {body}")),
        source=source,
        type=payload.event_type,
        time=datetime.combine(cut_over, time(), UTC),
        payload=payload,
    )


async def _send(producer: Producer, records: Sequence[Outgoing]) -> int:
    for start in range(0, len(records), CHUNK):
        for answer in await producer.send(records[start : start + CHUNK]):
            if isinstance(answer, RecordRefused):
                raise OpeningNotTaken(f"The bus refuses a record: {answer}. Shorten it and run again.")
    return len(records)
