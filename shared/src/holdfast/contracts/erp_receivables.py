"""Events of `erp.receivables.v1`: what is posted in the customer ledger."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, model_validator

from holdfast.contracts.base import (
    Amount, Code, CompanyId, Currency, CustomerPayload, Id, Part, Positive, Text, Version, event,
)  # fmt: skip
from holdfast.contracts.topics import ERP_RECEIVABLES


class DocumentLine(Part):
    """A line of an invoice or credit note, in the document's currency."""

    line: int = Field(ge=1)
    item: Id | None = None
    description: Text = ""
    quantity: Amount | None = None
    net_amount: Amount = Field(description="line amount without tax, document currency")
    tax_amount: Amount = Field(Decimal(0), description="document currency")
    order: Id | None = None
    order_line: int | None = None


class CustomerDocument(CustomerPayload):
    """What invoices and credit notes share. Amounts are positive, in the document's `currency`."""

    document: Id = Field(description="the ERP's document number, unique in the company")
    version: Version
    currency: Currency
    amount: Positive = Field(description="total with tax, document currency")
    tax_amount: Positive | None = Field(None, description="tax contained in amount, document currency")
    document_date: date
    lines: tuple[DocumentLine, ...] = ()
    order: Id | None = Field(None, description="sales order the document bills, when it is only one")
    pdf_url: Text | None = None
    reference: Text | None = Field(None, description="the customer's reference, such as a purchase order")
    text: Text | None = None


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
    """An invoice (or another debit document) was posted or posted anew with a higher version."""

    due_date: date
    kind: Literal["invoice", "free_text", "opening_balance", "interest", "fee", "other"] = "invoice"
    payment_terms: Code | None = None
    cash_discount: Code | None = None
    cash_discount_date: date | None = None
    cash_discount_amount: Positive | None = Field(None, description="document currency")
    original_amount: Positive | None = Field(
        None, description="opening balances: amount the invoice was posted with, document currency"
    )


@event(
    "erp.credit-note.posted.v1",
    ERP_RECEIVABLES,
    example={"company": "DE01", "customer": "C-1001", "document": "CN-2026-0007", "version": 1, "currency": "EUR",
             "amount": "119.00", "document_date": "2026-03-10", "applies_to": "INV-2026-0042"},
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
    date_applied: date | None = Field(None, description="settlement date; the payment's date when absent")


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

    document: Id
    version: Version
    currency: Currency
    amount: Positive = Field(description="payment currency")
    document_date: date = Field(description="date the payment was booked")
    value_date: date | None = None
    method: Code | None = None
    bank_account: Text | None = None
    reference: Text | None = None
    applications: tuple[Application, ...] = ()

    @model_validator(mode="after")
    def _not_overapplied(self) -> PaymentPosted:
        applied = sum(a.amount for a in self.applications)
        if applied > self.amount:
            raise ValueError(f"applications add up to {applied}, more than the payment's amount {self.amount}")
        return self


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
    `customer` owns the debit document; `credit_customer` the credit document when it is another customer.
    """

    settlement: Id
    version: Version
    debit_document: Id
    credit_document: Id
    debit_amount: Positive = Field(description="closed of the debit document, its currency")
    credit_amount: Positive = Field(description="used up of the credit document, its currency")
    cash_discount_amount: Positive | None = Field(None, description="part of debit_amount, its currency")
    settlement_date: date
    credit_customer: Id | None = None

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
    reversal_date: date
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
    return_date: date
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

    cancellation_date: date
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
    dispute_date: date
    reason: Text | None = None
    disputed_amount: Positive | None = Field(None, description="document currency; all of it when absent")


@event(
    "erp.document.put-on-hold.v1",
    ERP_RECEIVABLES,
    example={"company": "DE01", "customer": "C-1001", "document": "INV-2026-0042", "version": 4,
             "on_hold": True, "hold_date": "2026-03-21", "reason": "legal"},
)  # fmt: skip
class DocumentPutOnHold(DocumentNotice):
    """A document is kept out of reminders and interest, or no longer is (`on_hold` false). It still is owed."""

    on_hold: bool
    hold_date: date
    reason: Text | None = None


class CurrencyTotal(Part):
    """A control total of the ERP in one currency."""

    currency: Currency
    balance: Amount = Field(description="open debits less open credits, in `currency`")
    open_debits: int = Field(ge=0, description="number of open debit documents")
    open_credits: int = Field(ge=0, description="number of open credit documents")


@event(
    "erp.balance.reported.v1",
    ERP_RECEIVABLES,
    example={"company": "DE01", "customer": "C-1001", "version": 20260331, "as_of": "2026-03-31",
             "totals": [{"currency": "EUR", "balance": "2380.00", "open_debits": 2, "open_credits": 0}]},
)  # fmt: skip
class BalanceReported(CustomerPayload):
    """Control totals of one customer at the end of a date: what the ERP's own ledger says is open."""

    version: Version
    as_of: date
    totals: tuple[CurrencyTotal, ...]


__all__ = [
    "Application", "BalanceReported", "CompanyId", "CreditNotePosted", "CurrencyTotal", "CustomerDocument",
    "DocumentCancelled", "DocumentDisputed", "DocumentLine", "DocumentNotice", "DocumentPutOnHold",
    "InvoicePosted", "PaymentPosted", "PaymentReturned", "SettlementPosted", "SettlementReversed",
]  # fmt: skip
