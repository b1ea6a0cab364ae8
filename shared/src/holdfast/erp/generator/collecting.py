"""How invoices are paid: in full, in part, with a discount, without a word for what, not always for good."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from functools import partial

from holdfast.contracts.erp_receivables import (
    Application,
    PaymentPosted,
    PaymentReturned,
    SettlementPosted,
    SettlementReversed,
)  # fmt: skip
from holdfast.erp.generator.billing import Debt
from holdfast.erp.generator.chance import pick, share_of
from holdfast.erp.generator.desk import Desk
from holdfast.erp.generator.ledger import Applied
from holdfast.erp.generator.parties import Customer

IN_PART, NOT_SAYING, RETURNED, REVERSED, OVERPAID, BY_SIBLING, OTHER_CURRENCY = (
    0.08, 0.12, 0.015, 0.01, 0.02, 0.012, 0.1,
)  # fmt: skip


class Collecting:
    """Takes payments."""

    def __init__(self, desk: Desk, customers: list[Customer]) -> None:
        self._desk = desk
        self._siblings: dict[tuple[str, str], list[Customer]] = defaultdict(list)
        for customer in customers:
            self._siblings[customer.company.id, customer.currency].append(customer)

    def collect(self, debt: Debt) -> None:
        """An invoice is paid today, in one of the ways that payments come."""
        amount = self._desk.ledger(debt.customer.key).open_of(debt.number)
        if not amount:
            return
        rng = self._desk.rng
        ways = (
            (IN_PART, self._in_part), (NOT_SAYING, self._not_saying), (RETURNED, self._bouncing),
            (REVERSED, self._wrongly_applied), (OVERPAID, self._too_much), (BY_SIBLING, self._by_sibling),
        )  # fmt: skip
        chance = rng.random()
        for share, way in ways:
            chance -= share
            if chance < 0:
                way(debt, amount)
                return
        self._in_full(debt, amount)

    def _in_full(self, debt: Debt, amount: Decimal) -> None:
        customer, terms = debt.customer, debt.customer.terms
        early = terms.discount_days and (self._desk.today - debt.dated).days <= terms.discount_days
        home = customer.company.currency
        if early and amount == debt.amount:
            paid = amount - share_of(amount, terms.discount_percent, customer.currency)
            self._pay(debt, paid, closes=amount)
        elif customer.currency != home and self._desk.rng.random() < OTHER_CURRENCY:
            paid = self._desk.convert(amount, customer.currency, home)
            self._pay(debt, paid, closes=amount, currency=home)
        else:
            self._pay(debt, amount)

    def _in_part(self, debt: Debt, amount: Decimal) -> None:
        self._pay(debt, share_of(amount, self._desk.rng.randint(30, 80), debt.customer.currency))
        self._desk.at(self._desk.rng.randint(3, 12), partial(self._rest, debt))

    def _rest(self, debt: Debt) -> None:
        amount = self._desk.ledger(debt.customer.key).open_of(debt.number)
        if amount:
            self._pay(debt, amount)

    def _not_saying(self, debt: Debt, amount: Decimal) -> None:
        payment = self._post(debt.customer, amount, debt.customer.currency)
        self._desk.at(self._desk.rng.randint(0, 4), partial(self._settle, debt, payment, debt.customer))

    def _bouncing(self, debt: Debt, amount: Decimal) -> None:
        payment = self._pay(debt, amount)
        self._desk.at(self._desk.rng.randint(2, 6), partial(self._return, debt, payment))

    def _wrongly_applied(self, debt: Debt, amount: Decimal) -> None:
        payment = self._pay(debt, amount)
        self._desk.at(3, partial(self._reverse, debt, payment))

    def _too_much(self, debt: Debt, amount: Decimal) -> None:
        extra = share_of(debt.amount, 10, debt.customer.currency)
        self._pay(debt, amount, extra=extra)

    def _by_sibling(self, debt: Debt, amount: Decimal) -> None:
        customer = debt.customer
        payer = pick(self._desk.rng, self._siblings[customer.company.id, customer.currency])
        payment = self._post(payer, amount, customer.currency)
        self._desk.at(self._desk.rng.randint(0, 3), partial(self._settle, debt, payment, payer))

    def _pay(
        self, debt: Debt, amount: Decimal, *, closes: Decimal | None = None, currency: str | None = None,
        extra: Decimal = Decimal(0),
    ) -> str:  # fmt: skip
        """A payment that names its invoice; returns its number."""
        application = Application(document=debt.number, amount=amount, document_amount=closes)
        payment = self._post(debt.customer, amount + extra, currency or debt.customer.currency, (application,))
        number = f"{payment}/{debt.number}"
        applied = Applied(number, debt.number, payment, closes or amount, amount)
        self._desk.ledger(debt.customer.key).settle(applied)
        return payment

    def _post(self, payer: Customer, amount: Decimal, currency: str, applications: tuple[Application, ...] = ()) -> str:
        desk = self._desk
        number = desk.number(payer.company, "PAY")
        desk.post(payer.company, PaymentPosted(
            company=payer.company.id, customer=payer.id, document=number, version=1, currency=currency,
            amount=amount, document_date=desk.today, value_date=desk.today, method="bank_transfer",
            applications=applications,
        ))  # fmt: skip
        desk.ledger(payer.key).add(payer.key, number, -1, currency, amount, desk.today)
        return number

    def _settle(self, debt: Debt, payment: str, payer: Customer) -> None:
        desk, customer = self._desk, debt.customer
        ledger = desk.ledger(customer.key)
        amount = min(ledger.open_of(debt.number), ledger.open_of(payment))
        if not amount:
            return
        number = desk.number(customer.company, "ST")
        desk.post(customer.company, SettlementPosted(
            company=customer.company.id, customer=customer.id, settlement=number, version=1,
            debit_document=debt.number, credit_document=payment, debit_amount=amount, credit_amount=amount,
            settlement_date=desk.today, credit_customer=None if payer is customer else payer.id,
        ))  # fmt: skip
        ledger.settle(Applied(number, debt.number, payment, amount, amount))

    def _return(self, debt: Debt, payment: str) -> None:
        desk, customer = self._desk, debt.customer
        desk.post(customer.company, PaymentReturned(
            company=customer.company.id, customer=customer.id, document=payment, version=2,
            return_date=desk.today, reason="AM04 insufficient funds",
        ))  # fmt: skip
        desk.ledger(customer.key).remove(payment)
        desk.at(desk.rng.randint(5, 14), partial(self._rest, debt))

    def _reverse(self, debt: Debt, payment: str) -> None:
        desk, customer = self._desk, debt.customer
        number = f"{payment}/{debt.number}"
        desk.post(customer.company, SettlementReversed(
            company=customer.company.id, customer=customer.id, settlement=number, version=2,
            reversal_date=desk.today, reason="applied to the wrong invoice",
        ))  # fmt: skip
        desk.ledger(customer.key).reverse(number)
        desk.at(2, partial(self._settle, debt, payment, customer))
