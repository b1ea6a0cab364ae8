"""Invoices and what may happen to them before they are paid: credit notes, disputes, holds, cancellation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from holdfast.contracts.erp_receivables import (
    CreditNotePosted,
    DocumentCancelled,
    DocumentDisputed,
    DocumentLine,
    DocumentPutOnHold,
    InvoicePosted,
    SettlementPosted,
)  # fmt: skip
from holdfast.erp.generator.chance import days_late, pick, rounded, share_of
from holdfast.erp.generator.desk import Desk, nearest_working_day, working_day_before
from holdfast.erp.generator.ledger import Applied
from holdfast.erp.generator.orders import Part
from holdfast.erp.generator.parties import Customer

CANCELLED, CREDITED, DISPUTED, ON_HOLD = 0.01, 0.05, 0.09, 0.012
REASONS = ("price", "quantity", "quality", "not received")


@dataclass(frozen=True, slots=True)
class Debt:
    """An invoice that somebody is going to pay."""

    customer: Customer
    number: str
    amount: Decimal
    dated: date
    due: date
    late: bool


class Billing:
    """Posts invoices and credit notes; `collect` is called on the day an invoice is paid."""

    def __init__(self, desk: Desk, collect: Callable[[Debt], None]) -> None:
        self._desk = desk
        self._collect = collect

    def invoice(self, part: Part) -> None:
        """Bill what was delivered."""
        desk, customer = self._desk, part.order.customer
        number, due = (
            desk.number(customer.company, "INV"),
            desk.today + timedelta(days=customer.terms.net_days),
        )
        invoice = self._document(part, number, due)
        desk.post(customer.company, invoice)
        desk.ledger(customer.key).add(customer.key, number, 1, customer.currency, invoice.amount, due)
        debt = Debt(customer, number, invoice.amount, desk.today, due, desk.rng.random() < customer.late)
        self._plan(part, debt)

    def opening(self, customer: Customer) -> None:
        """Invoices from before the cut-over, some of them partly paid or overdue by now."""
        desk, rng = self._desk, self._desk.rng
        for _ in range(rng.randint(1, 4)):
            dated = desk.today - timedelta(days=rng.randint(1, customer.terms.net_days + 5))
            posted = self._at_home(customer, customer.size * rng.randint(50, 150) / 100)
            paid_in_part = rng.random() < 0.2
            amount = share_of(posted, rng.randint(20, 80), customer.currency) if paid_in_part else posted
            due = dated + timedelta(days=customer.terms.net_days)
            number = desk.number(customer.company, "OB")
            event = InvoicePosted(
                company=customer.company.id, customer=customer.id, document=number, version=1,
                currency=customer.currency, amount=amount, document_date=dated, due_date=due,
                kind="opening_balance", payment_terms=customer.terms.code, original_amount=posted,
            )  # fmt: skip
            desk.post(customer.company, event)
            desk.ledger(customer.key).add(customer.key, number, 1, customer.currency, amount, due)
            self._will_pay(Debt(customer, number, amount, dated, due, rng.random() < customer.late))

    def _at_home(self, customer: Customer, value: Decimal) -> Decimal:
        home = customer.company.currency
        if customer.currency != home:
            value = value / self._desk.rates[customer.currency, home]
        return rounded(value, customer.currency)

    def _document(self, part: Part, number: str, due: date) -> InvoicePosted:
        order, customer, currency = part.order, part.order.customer, part.order.customer.currency
        terms, discount = customer.terms, None
        if terms.discount_percent:
            discount = share_of(part.amount, terms.discount_percent, currency)
        quantities = part.quantities
        return InvoicePosted(
            company=customer.company.id, customer=customer.id, document=number, version=1, currency=currency,
            amount=part.amount, document_date=self._desk.today, due_date=due, payment_terms=terms.code,
            tax_amount=part.tax,
            order=order.number, cash_discount_amount=discount,
            cash_discount_date=self._desk.today + timedelta(days=terms.discount_days) if discount else None,
            lines=tuple(
                DocumentLine(
                    line=li.number, quantity=Decimal(quantities[li.number]), order=order.number,
                    order_line=li.number, net_amount=part.gross(li) - part.tax_of(li),
                    tax_amount=part.tax_of(li),
                )
                for li in part.lines
            ),
            pdf_url=f"https://erp.example/{customer.company.id}/{number}.pdf",
        )  # fmt: skip

    def _plan(self, part: Part, debt: Debt) -> None:
        rng = self._desk.rng
        chance = rng.random()
        if chance < CANCELLED:
            self._desk.at(1, partial(self._cancel, part, debt))
            return
        self._will_pay(debt)
        if chance < CANCELLED + CREDITED:
            self._desk.at(rng.randint(3, 12), partial(self._credit, debt))
        elif chance < CANCELLED + CREDITED + DISPUTED:
            self._desk.at(rng.randint(3, 15), partial(self._dispute, debt, True))
            self._desk.at(rng.randint(20, 40), partial(self._dispute, debt, False))
        elif chance < CANCELLED + CREDITED + DISPUTED + ON_HOLD:
            self._desk.at(5, partial(self._hold, debt, True))
            self._desk.at(rng.randint(15, 40), partial(self._hold, debt, False))

    def _will_pay(self, debt: Debt) -> None:
        rng, terms = self._desk.rng, debt.customer.terms
        if debt.late:
            paid = nearest_working_day(debt.due + timedelta(days=days_late(rng)), debt.due)
        elif terms.discount_days and rng.random() < 0.6:
            paid = working_day_before(debt.dated + timedelta(days=terms.discount_days - rng.randint(0, 3)))
        else:
            paid = working_day_before(debt.due - timedelta(days=rng.randint(0, min(12, terms.net_days))))
        self._desk.at((paid - self._desk.today).days, partial(self._collect, debt))

    def _cancel(self, part: Part, debt: Debt) -> None:
        """Wrongly posted: cancelled, and billed anew under another number."""
        company = debt.customer.company
        self._desk.post(company, DocumentCancelled(
            company=company.id, customer=debt.customer.id, document=debt.number, version=2,
            cancellation_date=self._desk.today, reason="wrong address",
        ))  # fmt: skip
        self._desk.ledger(debt.customer.key).remove(debt.number)
        self._desk.at(0, partial(self.invoice, part))

    def _credit(self, debt: Debt) -> None:
        desk, customer, rng = self._desk, debt.customer, self._desk.rng
        amount = share_of(debt.amount, pick(rng, (5, 10, 25, 50, 100)), customer.currency)
        number = desk.number(customer.company, "CN")
        desk.post(customer.company, CreditNotePosted(
            company=customer.company.id, customer=customer.id, document=number, version=1,
            currency=customer.currency, amount=amount, document_date=desk.today, applies_to=debt.number,
        ))  # fmt: skip
        desk.ledger(customer.key).add(customer.key, number, -1, customer.currency, amount, desk.today)
        desk.at(rng.randint(0, 3), partial(self._settle_credit, debt, number))

    def _settle_credit(self, debt: Debt, credit: str) -> None:
        desk, customer = self._desk, debt.customer
        ledger = desk.ledger(customer.key)
        amount = min(ledger.open_of(debt.number), ledger.open_of(credit))
        if not amount:
            return
        number = desk.number(customer.company, "ST")
        desk.post(customer.company, SettlementPosted(
            company=customer.company.id, customer=customer.id, settlement=number, version=1,
            debit_document=debt.number, credit_document=credit, debit_amount=amount, credit_amount=amount,
            settlement_date=desk.today,
        ))  # fmt: skip
        ledger.settle(Applied(number, debt.number, credit, amount, amount))

    def _dispute(self, debt: Debt, disputed: bool) -> None:
        company = debt.customer.company
        self._desk.post(company, DocumentDisputed(
            company=company.id, customer=debt.customer.id, document=debt.number,
            version=2 if disputed else 3, disputed=disputed, dispute_date=self._desk.today,
            reason=pick(self._desk.rng, REASONS) if disputed else None,
        ))  # fmt: skip

    def _hold(self, debt: Debt, on_hold: bool) -> None:
        company = debt.customer.company
        self._desk.post(company, DocumentPutOnHold(
            company=company.id, customer=debt.customer.id, document=debt.number,
            version=2 if on_hold else 3, on_hold=on_hold, hold_date=self._desk.today, reason="clarification",
        ))  # fmt: skip
