"""Opening balances: all or nothing, every wrong line named, and the same file always the same events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from holdfast.bus.envelope import decode
from holdfast.bus.port import BusUnavailable, Outgoing, Position, Record, RecordRefused
from holdfast.ingest.opening import OpeningNotTaken, OpeningRefused, OpeningSummary, import_opening_balances

CUT_OVER = date(2026, 1, 1)
HEADING = "kind,customer,document,currency,amount,document_date,due_date,original_amount\n"
GOOD = HEADING + (
    "invoice,C-1,INV-1,EUR,100.00,2025-11-03,2025-12-03,150.00\n"
    "invoice,C-2,INV-2,USD,70.00,2025-12-01,2025-12-31,\n"
    "credit_note,C-1,CN-1,EUR,10.00,2025-12-05,,\n"
    "payment,C-1,PAY-1,EUR,25.00,2025-12-06,,\n"
)


class Log:
    """A producer that keeps what it was given; it is the end of the line, not a stand-in for a transport."""

    def __init__(self, answer: Exception | None = None) -> None:
        self.records: list[Outgoing] = []
        self._answer = answer

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def send(self, records: Sequence[Outgoing]) -> list[Position | RecordRefused]:
        if isinstance(self._answer, BusUnavailable):
            raise self._answer
        self.records += records
        if isinstance(self._answer, RecordRefused):
            return [self._answer for _ in records]
        return [Position(record.topic, 0, offset) for offset, record in enumerate(records)]


async def run(
    tmp_path: Path, text: str, log: Log, *, live: bool = True, dry_run: bool = False, version: int = 1
) -> OpeningSummary:
    path = tmp_path / "opening.csv"
    path.write_text(text, encoding="utf-8")
    return await import_opening_balances(path, "DE01", CUT_OVER, log, live, dry_run, version=version)


async def test_documents_then_the_declaration(tmp_path: Path) -> None:
    log = Log()
    summary = await run(tmp_path, GOOD, log)
    events = [decode(Record(r.topic, 0, 0, r.key, r.headers, r.value, 0)) for r in log.records]
    assert [event.type for event in events] == [
        "erp.invoice.posted.v1",
        "erp.invoice.posted.v1",
        "erp.credit-note.posted.v1",
        "erp.payment.posted.v1",
        "erp.company.went-live.v1",
    ]
    assert events[0].payload.kind == "opening_balance"
    assert events[0].payload.original_amount == 150
    assert events[-1].payload.cut_over_date == CUT_OVER
    assert (summary.sent, summary.live) == (5, True)
    assert summary.open_amounts == {"EUR": Decimal("65.00"), "USD": Decimal("70.00")}
    assert summary.documents == {"invoice": 2, "credit_note": 1, "payment": 1}


def ids(log: Log) -> set[bytes]:
    return {dict(record.headers)["ce_id"] for record in log.records}


async def test_the_same_file_gives_the_same_events(tmp_path: Path) -> None:
    first, second, corrected = Log(), Log(), Log()
    await run(tmp_path, GOOD, first)
    await run(tmp_path, GOOD, second)
    await run(tmp_path, GOOD, corrected, version=2)
    assert first.records == second.records
    assert not {dict(r.headers)["ce_id"] for r in first.records} & {dict(r.headers)["ce_id"] for r in corrected.records}


async def test_a_dry_run_and_an_import_without_live(tmp_path: Path) -> None:
    log = Log()
    assert (await run(tmp_path, GOOD, log, dry_run=True)).sent == 0
    assert log.records == []
    assert (await run(tmp_path, GOOD, log, live=False)).live is False
    assert len(log.records) == 4


async def test_every_wrong_line_is_named_and_nothing_sent(tmp_path: Path) -> None:
    log = Log()
    text = GOOD + (
        "invoice,C-1,INV-1,EUR,5.00,2025-11-03,2025-12-03,\n"
        "gift,C-1,X-1,EUR,5.00,2025-11-03,,\n"
        'invoice,,X-2,EUR,"5,00",2025-11-03,2025-12-03,\n'
        "invoice,C-1,X-3,EUR,5.00,2025-11-03\n"
        "payment,C-1,X-4,EUR,5.00,2026-01-01,,\n"
        "invoice,C-1,X-5,EUR,5.00,2025-11-03,,\n"
    )
    with pytest.raises(OpeningRefused) as caught:
        await run(tmp_path, text, log)
    assert [(bad.line, bad.field) for bad in caught.value.lines] == [
        (6, "document"), (7, "kind"), (8, "customer"), (8, "amount"), (9, "line"), (10, "document_date"),
        (11, "due_date"),
    ]  # fmt: skip
    assert all(bad.remedy for bad in caught.value.lines)
    assert "line 7, kind: not a kind of document (got gift)" in str(caught.value)
    assert log.records == []


@pytest.mark.parametrize(
    ("text", "field"),
    [("", "kind"), ("kind,customer\n", "document"), (HEADING.replace("\n", ",colour\n"), "colour"),
     (HEADING + 'invoice,"C-1\n', "file")],
)  # fmt: skip
async def test_a_wrong_file_is_refused(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(OpeningRefused) as caught:
        await run(tmp_path, text, Log())
    assert field in [bad.field for bad in caught.value.lines]


async def test_semicolons_and_a_byte_order_mark(tmp_path: Path) -> None:
    assert (await run(tmp_path, "\ufeff" + GOOD.replace(",", ";"), Log())).sent == 5


async def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "opening.csv"
    path.write_bytes(HEADING.encode() + b"\xff\n")
    with pytest.raises(OpeningRefused, match="UTF-8"):
        await import_opening_balances(path, "DE01", CUT_OVER, Log(), False, True)


async def test_not_live_when_the_bus_refuses_or_is_away(tmp_path: Path) -> None:
    refusing = Log(RecordRefused("too large"))
    with pytest.raises(OpeningNotTaken):
        await run(tmp_path, GOOD, refusing)
    assert {record.topic for record in refusing.records} == {"erp.receivables.v1"}
    with pytest.raises(BusUnavailable):
        await run(tmp_path, GOOD, Log(BusUnavailable()))


async def test_a_company_that_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "opening.csv"
    path.write_text(HEADING)
    with pytest.raises(OpeningRefused, match="company"):
        await import_opening_balances(path, "a/b", CUT_OVER, Log(), True, False)
