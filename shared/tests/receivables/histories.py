"""Random histories of a few customers: every kind of fact, in several versions, over few numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from holdfast.contracts import erp_orders as o
from holdfast.contracts import erp_receivables as r
from holdfast.contracts.erp_reference import CompanyChanged, ExchangeRatePublished
from holdfast.receivables.model import Reservation

FIRST = date(2026, 1, 1)
CUSTOMERS = ("A", "B", "C")
CURRENCIES = ("EUR", "EUR", "EUR", "USD", "JPY", "GBP")
ORDERS = ("O1", "O2", "O3", "O4")
INVOICES = ("I1", "I2", "I3", "I4", "I5")
CREDITS = ("P1", "P2", "P3", "N1")


class Histories:
    """Draws facts from a random generator; equal (document, version) pairs are equal facts."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.items: list[Any] = []

    def build(self) -> list[Any]:
        """All facts of one history, in no particular order."""
        self._reference()
        for number in INVOICES:
            self._versions(number, self._invoice)
        for number in CREDITS:
            self._versions(number, self._credit)
        for number in ORDERS:
            self._versions(number, self._order)
        for number in ("S1", "S2", "S3"):
            self._versions(number, self._settlement)
        for number in ("D1", "D2", "D3"):
            self._versions(number, self._delivery)
        self._notices()
        return self.items

    def _versions(self, number: str, make: Any) -> None:
        for version in range(1, self.random.choice((1, 1, 2, 3)) + 1):
            if self.random.random() < 0.85:
                self.items.append(make(number, version))

    def _day(self) -> date:
        return FIRST + timedelta(days=self.random.randrange(120))

    def _amount(self, currency: str = "JPY") -> Decimal:
        if self.random.random() < 0.4:
            return Decimal(100)
        return Decimal(self.random.randrange(600)) if currency == "JPY" else self._cents()

    def _cents(self) -> Decimal:
        return Decimal(self.random.randrange(60000)).scaleb(-2)

    def _at(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=self.random.randrange(400))

    def _who(self, usual: str = "A") -> str:
        return self.random.choice((usual, usual, *CUSTOMERS))

    def _reference(self) -> None:
        self.items.append(CompanyChanged(company="X", version=1, name="X", currency="EUR", time_zone="Europe/Berlin"))
        for version, rate in ((1, "0.9"), (2, "0.9123")):
            self._rate("USD", "EUR", FIRST, rate, version)
        self._rate("USD", "EUR", FIRST + timedelta(days=60), "0.95", 1)
        self._rate("EUR", "JPY", FIRST, "161.37", 1)
        if self.random.random() < 0.8:
            self._rate("EUR", "GBP", FIRST, "0.8431", 1)

    def _rate(self, source: str, target: str, day: date, rate: str, version: int) -> None:
        self.items.append(
            ExchangeRatePublished(
                from_currency=source, to_currency=target, valid_from=day, rate=Decimal(rate), version=version
            )
        )

    def _document(self, number: str, version: int) -> dict[str, Any]:
        currency = self.random.choice(CURRENCIES)
        return {
            "company": "X", "customer": self._who(), "document": number, "version": version,
            "currency": currency, "amount": self._amount(currency), "document_date": self._day(),
        }  # fmt: skip

    def _invoice(self, number: str, version: int) -> r.InvoicePosted:
        lines: tuple[r.DocumentLine, ...] = ()
        order = self.random.choice((None, *ORDERS))
        if order is None and self.random.random() < 0.5:
            lines = tuple(
                r.DocumentLine(line=n, net_amount=self._amount(), order=self.random.choice(ORDERS)) for n in (1, 2)
            )
        return r.InvoicePosted(**self._document(number, version), due_date=self._day(), order=order, lines=lines)

    def _credit(self, number: str, version: int) -> r.CreditNotePosted | r.PaymentPosted:
        fields = self._document(number, version)
        if number.startswith("N"):
            return r.CreditNotePosted(**fields)
        fields["amount"] += 600
        documents = self.random.sample(INVOICES, self.random.randrange(3))
        return r.PaymentPosted(**fields, applications=tuple(self._application(name) for name in documents))

    def _application(self, document: str) -> r.Application:
        return r.Application(
            document=document,
            settlement=self.random.choice((None, None, "S1" if document == "I1" else f"T-{document}")),
            amount=self.random.choice((Decimal(100), Decimal(self.random.randrange(300)))),
            document_amount=self.random.choice((None, Decimal(100), Decimal(self.random.randrange(300)))),
            date_applied=self.random.choice((None, self._day())),
        )

    def _settlement(self, number: str, version: int) -> r.SettlementPosted:
        return r.SettlementPosted(
            company="X", customer=self._who(), credit_customer=self.random.choice((None, *CUSTOMERS)),
            settlement=number, version=version, debit_document=self.random.choice(INVOICES),
            credit_document=self.random.choice(CREDITS), debit_amount=self._amount("EUR"),
            credit_amount=self._amount("EUR"), settlement_date=self._day(),
        )  # fmt: skip

    def _order(self, number: str, version: int) -> o.OrderChanged:
        currency = self.random.choice(CURRENCIES)
        lines = tuple(
            o.OrderLine(
                line=n, ordered=Decimal(self.random.choice((0, 3, 7))), delivered=Decimal(self.random.randrange(8)),
                net_amount=self._amount(currency),
            )
            for n in range(1, self.random.randrange(1, 3))
        )  # fmt: skip
        return o.OrderChanged(
            company="X", customer=self._who(), order=number, version=version, currency=currency,
            total=self._amount(currency), created_at=self._at(), lines=lines,
            requested_delivery_date=self.random.choice((None, self._day())),
        )  # fmt: skip

    def _delivery(self, number: str, version: int) -> o.DeliveryPosted:
        currency = self.random.choice(CURRENCIES)
        return o.DeliveryPosted(
            company="X", customer=self._who(), delivery=number, order=self.random.choice(ORDERS), version=version,
            currency=currency, amount=self._amount(currency) - 20, delivery_date=self._day(),
        )  # fmt: skip

    def _notices(self) -> None:
        for number in (*INVOICES, *CREDITS):
            if self.random.random() < 0.15:
                self.items.append(self._cancelled(number))
        for number in CREDITS:
            if self.random.random() < 0.15:
                self.items.append(
                    r.PaymentReturned(
                        company="X", customer=self._who(), document=number, version=2, return_date=self._day()
                    )
                )
        for number in ("S1", "S2", "P1/I1", "P2/I2", "T-I3"):
            if self.random.random() < 0.3:
                self.items.append(
                    r.SettlementReversed(
                        company="X", customer=self._who(), settlement=number, version=2, reversal_date=self._day()
                    )
                )
        for number in (*ORDERS, "O9"):
            self._about_order(number)

    def _cancelled(self, number: str) -> r.DocumentCancelled:
        return r.DocumentCancelled(
            company="X", customer=self._who(), document=number, version=2, cancellation_date=self._day()
        )

    def _about_order(self, number: str) -> None:
        if self.random.random() < 0.2:
            self.items.append(
                o.OrderCancelled(
                    company="X", customer=self._who(), order=number, version=self.random.choice((1, 2, 3)),
                    cancelled_at=self._at(),
                )
            )  # fmt: skip
        if self.random.random() < 0.4:
            currency = self.random.choice(CURRENCIES)
            self.items.append(
                Reservation(
                    "X", number, self._who(), currency, self._amount(currency), self.random.choice((1, 2, 3)),
                    self.random.choice(("passed", "held")), self._at(), self._at(),
                )
            )  # fmt: skip
