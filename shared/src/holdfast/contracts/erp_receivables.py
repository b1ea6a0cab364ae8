"""Events of `erp.receivables.v1`: what is posted in the customer ledger."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from holdfast.contracts.base import (
    Amount,
    BusinessDate,
    Code,
    CompanyId,
    Currency,
    CustomerPayload,
    Id,
    Number,
    Part,
    Positive,
    Rate,
    Text,
    Total,
    Version,
    check_minor_units,
    event,
)  # fmt: skip
from holdfast.contracts.refusals import refused
from holdfast.contracts.topics import ERP_RECEIVABLES

NUMBER = "the ERP's document number, unique in the company among all invoices, credit notes and payments"


def _at_most(part: Any, lesser: str, greater: str) -> None:
    low, high = getattr(part, lesser), getattr(part, greater)
    if low is not None and high is not None and low > high:
        raise refused(f"more than {greater} ({high})", f"Let {lesser} be at most {greater}.", lesser, low)


class DocumentLine(Part):
    """A line of an invoice or credit note, in the document's currency."""

    line: Number = Field(ge=1)
    item: Id | None = None
    description: Text = ""
    quantity: Amount | None = Field(None, description="in the unit of the line")
    net_amount: Amount = Field(description="line amount without tax, document currency")
    tax_amount: Amount = Field(Decimal(0), description="document currency")
    order: Id | None = None
    order_line: Number | None = None


class CustomerDocument(CustomerPayload):
    """What invoices and credit notes share. Amounts are positive, in the document's `currency`."""

    document: Id = Field(description=NUMBER)
    version: Version
    currency: Currency
    amount: Positive = Field(description="total with tax, document currency")
    tax_amount: Positive | None = Field(None, description="tax contained in amount, document currency")
    document_date: BusinessDate
    lines: tuple[DocumentLine, ...] = ()
    order: Id | None = Field(None, description="sales order the document bills, when it is only one")
    pdf_url: Text | None = None
    reference: Text | None = Field(None, description="the customer's reference, such as a purchase order")
    text: Text | None = None
    exchange_rate: Rate | None = Field(
        None, description="company currency for one unit of document currency as posted; for information"
    )

    @model_validator(mode="after")
    def _possible_document(self) -> Self:
        check_minor_units(self.currency, self, "amount", "tax_amount")
        for index, line in enumerate(self.lines):
            check_minor_units(self.currency, line, "net_amount", "tax_amount", at=f"lines.{index}.")
        _at_most(self, "tax_amount", "amount")
        return self


INVOICE_EXAMPLE: dict[str, Any] = {
    "company": "DE01", "customer": "C-1001", "document": "INV-2026-0042", "version": 1, "currency": "EUR",
    "amount": "1190.00", "tax_amount": "190.00", "document_date": "2026-03-02", "due_date": "2026-04-01",
    "payment_terms": "N30", "order": "SO-771",
    "lines": [{"line": 1, "item": "A-1", "quantity": "10", "net_amount": "1000.00", "tax_amount": "190.00",
               "order": "SO-771", "order_line": 1}],
    "pdf_url": "https://erp.example/documents/INV-2026-0042.pdf",
}  # fmt: skip


@event("erp.invoice.posted.v1", ERP_RECEIVABLES, example=INVOICE_EXAMPLE)
class InvoicePosted(CustomerDocument):
    """An invoice (or another debit document) was posted or posted anew with a higher version.

    The due date may be before the document date: backdated terms and due-at-once documents exist.
    """

    due_date: BusinessDate
    kind: Literal["invoice", "free_text", "opening_balance", "interest", "fee", "other"] = "invoice"
    payment_terms: Code | None = None
    cash_discount: Code | None = None
    cash_discount_date: BusinessDate | None = None
    cash_discount_amount: Positive | None = Field(None, description="document currency")
    original_amount: Positive | None = Field(
        None, description="opening balances: amount the invoice was posted with, document currency"
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        check_minor_units(self.currency, self, "cash_discount_amount", "original_amount")
        _at_most(self, "cash_discount_amount", "amount")
        _at_most(self, "amount", "original_amount")
        return self


@event(
    "erp.credit-note.posted.v1",
    ERP_RECEIVABLES,
    example={"company": "DE01", "customer": "C-1001", "document": "CN-2026-0007", "version": 1,
             "currency": "EUR", "amount": "119.00", "document_date": "2026-03-10",
             "applies_to": "INV-2026-0042"},
)  # fmt: skip
class CreditNotePosted(CustomerDocument):
    """A credit note; `amount` is positive and lowers what the customer owes.

    `applies_to` names the invoice it corrects; settling the two is a settlement of its own.
    """

    applies_to: Id | None = None
    reason: Text | None = None


class Application(Part):
    """Part of a payment or credit applied to one debit document. The same as a settlement of its own."""

    settlement: Id | None = Field(None, description="settlement number; `<payment>/<document>` when absent")
    document: Id = Field(description="debit document that is paid")
    amount: Positive = Field(description="used up of the payment, payment currency")
    document_amount: Positive | None = Field(
        None, description="closed of the debit document, its currency; equals amount when absent"
    )
    date_applied: BusinessDate | None = Field(None, description="settlement date; the payment's date when absent")


@event(
    "erp.payment.posted.v1",
    ERP_RECEIVABLES,
    example={"company": "DE01", "customer": "C-1001", "document": "PAY-9001", "version": 1, "currency": "EUR",
             "amount": "1190.00", "document_date": "2026-03-30", "method": "bank_transfer",
             "bank_account": "DE02120300000000202051",
             "applications": [{"document": "INV-2026-0042", "amount": "1190.00"}]},
)  # fmt: skip
class PaymentPosted(CustomerPayload):
    """A payment of the customer. What is not applied stays an unapplied credit."""

    document: Id = Field(description=NUMBER)
    version: Version
    currency: Currency
    amount: Positive = Field(description="payment currency")
    document_date: BusinessDate = Field(description="date the payment was booked")
    value_date: BusinessDate | None = None
    method: Code | None = None
    bank_account: Text | None = None
    reference: Text | None = None
    applications: tuple[Application, ...] = ()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        check_minor_units(self.currency, self, "amount")
        for index, part in enumerate(self.applications):
            check_minor_units(self.currency, part, "amount", at=f"applications.{index}.")
        applied = sum(part.amount for part in self.applications)
        if applied > self.amount:
            remedy = "Apply at most the amount of the payment; the rest of the debit stays open."
            raise refused(f"add up to more than amount ({self.amount})", remedy, "applications.amount", applied)
        self._check_numbers()
        return self

    def _check_numbers(self) -> None:
        numbers = [part.settlement or f"{self.document}/{part.document}" for part in self.applications]
        twice = next((number for number in numbers if numbers.count(number) > 1), None)
        if twice is not None:
            remedy = "Add up what is applied to one document, or number each application in settlement."
            raise refused("two applications have the same number", remedy, "applications.settlement", twice)


@event(
    "erp.settlement.posted.v1",
    ERP_RECEIVABLES,
    example={"company": "DE01", "customer": "C-1001", "settlement": "ST-551", "version": 1,
             "debit_document": "INV-2026-0042", "credit_document": "CN-2026-0007",
             "debit_amount": "119.00", "credit_amount": "119.00", "settlement_date": "2026-03-12"},
)  # fmt: skip
class SettlementPosted(CustomerPayload):
    """A credit (payment, credit note) closes part of a debit (invoice).

    `debit_amount` above the converted `credit_amount` is a cash discount or a difference written off with it.
    `customer` owns the debit document; `credit_customer` the credit document when it is another customer. What is left
    open of a document is rounded to the minor unit of its currency.
    """

    settlement: Id
    version: Version
    debit_document: Id
    credit_document: Id
    debit_amount: Positive = Field(description="closed of the debit document, its currency")
    credit_amount: Positive = Field(description="used up of the credit document, its currency")
    cash_discount_amount: Positive | None = Field(None, description="part of debit_amount, its currency")
    settlement_date: BusinessDate
    credit_customer: Id | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _at_most(self, "cash_discount_amount", "debit_amount")
        if self.debit_document == self.credit_document:
            remedy = "Name the debit that is paid and the credit it is paid with."
            raise refused("the same as debit_document", remedy, "credit_document", self.credit_document)
        return self

    def parties(self) -> tuple[tuple[str, str], ...]:
        mine = (self.company, self.customer)
        other = (self.company, self.credit_customer or self.customer)
        return (mine,) if mine == other else (mine, other)


@event(
    "erp.settlement.reversed.v1",
    ERP_RECEIVABLES,
    example={"company": "DE01", "customer": "C-1001", "settlement": "ST-551", "version": 2,
             "reversal_date": "2026-03-15"},
)  # fmt: skip
class SettlementReversed(CustomerPayload):
    """A settlement was taken back from `reversal_date` on: both documents are open again by its amounts."""

    settlement: Id
    version: Version
    reversal_date: BusinessDate
    credit_customer: Id | None = None
    reason: Text | None = None

    def parties(self) -> tuple[tuple[str, str], ...]:
        mine = (self.company, self.customer)
        other = (self.company, self.credit_customer or self.customer)
        return (mine,) if mine == other else (mine, other)


@event(
    "erp.payment.returned.v1",
    ERP_RECEIVABLES,
    example={"company": "DE01", "customer": "C-1001", "document": "PAY-9001", "version": 2,
             "return_date": "2026-04-02", "reason": "AM04 insufficient funds"},
)  # fmt: skip
class PaymentReturned(CustomerPayload):
    """A payment bounced: from `return_date` on it is gone and all that it settled is open again."""

    document: Id = Field(description="document number of the payment")
    version: Version
    return_date: BusinessDate
    reason: Text | None = None
    charge: Positive | None = Field(None, description="bank charge, payment currency; for information")


class DocumentNotice(CustomerPayload):
    """What the notices about a ledger document share."""

    document: Id
    version: Version


@event(
    "erp.document.cancelled.v1",
    ERP_RECEIVABLES,
    example={"company": "DE01", "customer": "C-1001", "document": "INV-2026-0042", "version": 2,
             "cancellation_date": "2026-03-05"},
)  # fmt: skip
class DocumentCancelled(DocumentNotice):
    """A document was cancelled: from that date on it and all its settlements count for nothing."""

    cancellation_date: BusinessDate
    reason: Text | None = None


@event(
    "erp.document.disputed.v1",
    ERP_RECEIVABLES,
    example={"company": "DE01", "customer": "C-1001", "document": "INV-2026-0042", "version": 3,
             "disputed": True, "dispute_date": "2026-03-20", "reason": "price"},
)  # fmt: skip
class DocumentDisputed(DocumentNotice):
    """The customer disputes a document, or the dispute is over (`disputed` false)."""

    disputed: bool
    dispute_date: BusinessDate
    reason: Text | None = None
    disputed_amount: Positive | None = Field(None, description="document currency; all of it when absent")


@event(
    "erp.document.put-on-hold.v1",
    ERP_RECEIVABLES,
    example={"company": "DE01", "customer": "C-1001", "document": "INV-2026-0042", "version": 4,
             "on_hold": True, "hold_date": "2026-03-21", "reason": "legal"},
)  # fmt: skip
class DocumentPutOnHold(DocumentNotice):
    """A document is kept out of reminders and interest, or no longer is (`on_hold` false). It is owed."""

    on_hold: bool
    hold_date: BusinessDate
    reason: Text | None = None


class CurrencyTotal(Part):
    """A control total of the ERP in one currency."""

    currency: Currency
    balance: Total = Field(description="open debits less open credits, in `currency`")
    open_debits: Number = Field(ge=0, description="number of open debit documents")
    open_credits: Number = Field(ge=0, description="number of open credit documents")


@event(
    "erp.balance.reported.v1",
    ERP_RECEIVABLES,
    example={"company": "DE01", "customer": "C-1001", "version": 20260331, "as_of": "2026-03-31",
             "totals": [{"currency": "EUR", "balance": "2380.00", "open_debits": 2, "open_credits": 0}]},
)  # fmt: skip
class BalanceReported(CustomerPayload):
    """Control totals of one customer at the end of a date: what the ERP's own ledger says is open."""

    version: Version
    as_of: BusinessDate
    totals: tuple[CurrencyTotal, ...]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for index, total in enumerate(self.totals):
            check_minor_units(total.currency, total, "balance", at=f"totals.{index}.")
        if len({total.currency for total in self.totals}) < len(self.totals):
            raise refused("a currency appears twice", "Send one total for each currency.", "totals.currency")
        return self


__all__ = [
    "Application", "BalanceReported", "CompanyId", "CreditNotePosted", "CurrencyTotal", "CustomerDocument",
    "DocumentCancelled", "DocumentDisputed", "DocumentLine", "DocumentNotice", "DocumentPutOnHold",
    "InvoicePosted", "PaymentPosted", "PaymentReturned", "SettlementPosted", "SettlementReversed",
]  # fmt: skip
