"""IBM's sample of late payment histories (a CSV file of invoices, each settled once and in full) as an ERP's days.

Each row becomes an order some days before the invoice, its delivery, the invoice, the dispute if there was
one, and the payment. Amounts are in US dollars; every country of the file is a company of its own.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from holdfast.contracts import Payload
from holdfast.contracts.erp_customers import CustomerChanged
from holdfast.contracts.erp_orders import Checkpoint, CheckpointRequested, DeliveryPosted, OrderChanged
from holdfast.contracts.erp_receivables import Application, DocumentDisputed, InvoicePosted, PaymentPosted
from holdfast.contracts.erp_reference import CompanyChanged, CompanyWentLive
from holdfast.erp.happenings import BadFile, Day, Happening

CURRENCY, TERMS = "USD", "N30"
ORDER_LEAD_DAYS, DELIVERY_LEAD_DAYS, DISPUTE_AFTER_DAYS = 7, 1, 5
COLUMNS = (
    "countryCode", "customerID", "invoiceNumber", "InvoiceDate", "DueDate", "InvoiceAmount", "Disputed",
    "SettledDate",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One invoice of the file. `amount` in US dollars."""

    company: str
    customer: str
    number: str
    invoiced: date
    due: date
    amount: Decimal
    disputed: bool
    settled: date

    @property
    def ordered(self) -> date:
        """When the order came."""
        return self.invoiced - timedelta(days=ORDER_LEAD_DAYS)

    @property
    def order(self) -> str:
        """The order's number."""
        return f"SO-{self.number}"


def read(path: Path) -> list[Row]:
    """The rows of the file. Raises BadFile."""
    with path.open(newline="", encoding="utf-8-sig") as handle:
        reader = csv.DictReader(handle)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise BadFile(f"{path.name} is not a file of late payment histories: no column {missing[0]}.")
        return [_row(reader.line_num, row) for row in reader]


def days(path: Path) -> Iterator[Day]:
    """The file as days of an ERP. Raises BadFile."""
    return days_of(read(path))


def days_of(rows: list[Row]) -> Iterator[Day]:
    """The rows as days, from the first order to the last payment."""
    agenda: dict[date, list[Payload]] = defaultdict(list)
    first = min(row.ordered for row in rows)
    for payload in _masters(rows, first):
        agenda[first].append(payload)
    for row in rows:
        for on, payload in _events(row):
            agenda[on].append(payload)
    number = 0
    for on in sorted(agenda):
        day = Day(on)
        for payload in agenda[on]:
            number += 1
            moment = datetime.combine(on, time(6), UTC) + timedelta(milliseconds=number)
            day.add(Happening(f"ibm-{number:06d}", "/erp/ibm-late-payments", moment, payload))
        yield day


def _masters(rows: list[Row], first: date) -> Iterator[Payload]:
    for company in sorted({row.company for row in rows}):
        yield CompanyChanged(company=company, version=1, name=f"Country {company}", currency=CURRENCY, time_zone="UTC")
        yield CompanyWentLive(company=company, version=1, cut_over_date=first)
    for company, customer in sorted({(row.company, row.customer) for row in rows}):
        yield CustomerChanged(
            company=company, customer=customer, version=1, name=customer, currency=CURRENCY,
            payment_terms=TERMS,
        )  # fmt: skip


def _events(row: Row) -> Iterator[tuple[date, Payload]]:
    party = {"company": row.company, "customer": row.customer}
    created = datetime.combine(row.ordered, time(9), UTC)
    yield row.ordered, OrderChanged(
        **party, order=row.order, version=1, currency=CURRENCY, total=row.amount, created_at=created,
        payment_terms=TERMS, requested_delivery_date=row.invoiced,
    )  # fmt: skip
    yield row.ordered, CheckpointRequested(
        **party, order=row.order, order_version=1, checkpoint=Checkpoint.CONFIRMATION,
        attempt=f"{row.order}-1", currency=CURRENCY, total=row.amount, created_at=created,
        payment_terms=TERMS,
    )  # fmt: skip
    delivered = row.invoiced - timedelta(days=DELIVERY_LEAD_DAYS)
    yield delivered, DeliveryPosted(
        **party, delivery=f"PS-{row.number}", order=row.order, version=1, currency=CURRENCY,
        amount=row.amount, delivery_date=delivered,
    )  # fmt: skip
    yield row.invoiced, InvoicePosted(
        **party, document=row.number, version=1, currency=CURRENCY, amount=row.amount,
        document_date=row.invoiced, due_date=row.due, payment_terms=TERMS, order=row.order,
    )  # fmt: skip
    if row.disputed:
        disputed = min(row.settled, row.invoiced + timedelta(days=DISPUTE_AFTER_DAYS))
        yield disputed, DocumentDisputed(**party, document=row.number, version=1, disputed=True, dispute_date=disputed)
    yield row.settled, PaymentPosted(
        **party, document=f"PAY-{row.number}", version=1, currency=CURRENCY, amount=row.amount,
        document_date=row.settled,
        applications=(Application(document=row.number, amount=row.amount),),
    )  # fmt: skip


def _row(line: int, row: dict[str, str]) -> Row:
    try:
        return Row(
            row["countryCode"], row["customerID"], row["invoiceNumber"], _date(row["InvoiceDate"]),
            _date(row["DueDate"]), Decimal(row["InvoiceAmount"]), row["Disputed"] == "Yes",
            _date(row["SettledDate"]),
        )  # fmt: skip
    except (ValueError, InvalidOperation, TypeError) as error:
        raise BadFile(f"line {line} is no row of late payment histories: {error}.") from None


def _date(text: str) -> date:
    month, day, year = map(int, text.split("/"))
    return date(year, month, day)
