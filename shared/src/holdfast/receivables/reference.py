"""The plain-Python reference of every figure: slow, without a database, and meant to be obviously right.

Tests feed the same events to this and to the SQL, in any order, and compare.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from holdfast.contracts import erp_orders as o
from holdfast.contracts import erp_receivables as r
from holdfast.contracts.base import Payload
from holdfast.contracts.currencies import QUANTA
from holdfast.contracts.erp_reference import CompanyChanged, ExchangeRatePublished
from holdfast.receivables.model import Reservation

ZERO = Decimal(0)
Document = r.InvoicePosted | r.CreditNotePosted | r.PaymentPosted
KEYS: dict[type[Payload], tuple[str, tuple[str, ...]]] = {
    r.InvoicePosted: ("document", ("company", "document")),
    r.CreditNotePosted: ("document", ("company", "document")),
    r.PaymentPosted: ("document", ("company", "document")),
    r.DocumentCancelled: ("cancellation", ("company", "document")),
    r.PaymentReturned: ("return", ("company", "document")),
    r.SettlementPosted: ("settlement", ("company", "settlement")),
    r.SettlementReversed: ("reversal", ("company", "settlement")),
    o.OrderChanged: ("order", ("company", "order")),
    o.OrderCancelled: ("order cancellation", ("company", "order")),
    o.DeliveryPosted: ("delivery", ("company", "delivery")),
    CompanyChanged: ("company", ("company",)),
    ExchangeRatePublished: ("rate", ("rate_type", "from_currency", "to_currency", "valid_from")),
}


@dataclass(frozen=True, slots=True)
class Leg:
    """What one settlement does to one of its documents, and the other document of it."""

    amount: Decimal
    other: str
    on: date
    reversed_on: date | None


class Ledger:
    """All facts, the newest version of each; every figure is worked out anew when it is asked for."""

    def __init__(self) -> None:
        self.facts: dict[str, dict[tuple[Any, ...], Any]] = defaultdict(dict)
        self.status: dict[tuple[str, str], str] = {}
        self.reservations: dict[tuple[str, str], Reservation] = {}

    def apply(self, payload: Payload) -> None:
        """Take in an event; one that is not newer than what is known changes nothing."""
        if type(payload) not in KEYS:
            return
        kind, names = KEYS[type(payload)]
        key = tuple(getattr(payload, name) for name in names)
        known = self.facts[kind].get(key)
        if known is None or known.version < payload.version:  # type: ignore[attr-defined]
            self.facts[kind][key] = payload

    def reserve(self, reservation: Reservation) -> None:
        """Take in what a check promised."""
        key = reservation.company, reservation.order
        known = self.reservations.get(key)
        if known is None or known.order_version <= reservation.order_version:
            self.reservations[key] = reservation

    def parties(self) -> set[tuple[str, str]]:
        """Every customer of a document, order or reservation."""
        found = [*self.facts["document"].values(), *self.facts["order"].values(), *self.reservations.values()]
        return {(fact.company, fact.customer) for fact in found}

    # documents

    def gone_on(self, company: str, document: str) -> date | None:
        """The day from which a document counts for nothing."""
        cancelled = self.facts["cancellation"].get((company, document))
        returned = self.facts["return"].get((company, document))
        dates = [cancelled.cancellation_date] if cancelled else []
        return min([*dates, *([returned.return_date] if returned else [])], default=None)

    def legs(self, company: str, document: str) -> Iterator[Leg]:
        """Everything that settles a document: posted settlements, and applications not posted by themselves."""
        for posted in self.facts["settlement"].values():
            if posted.company == company:
                yield from self._legs_of(document, posted)
        for payment in self.facts["document"].values():
            if isinstance(payment, r.PaymentPosted) and payment.company == company:
                for part in payment.applications:
                    yield from self._legs_of(document, *self._as_settlement(payment, part))

    def _as_settlement(self, payment: r.PaymentPosted, part: r.Application) -> list[r.SettlementPosted]:
        number = part.settlement or f"{payment.document}/{part.document}"
        if (payment.company, number) in self.facts["settlement"]:
            return []
        return [
            r.SettlementPosted.model_construct(
                company=payment.company, customer=payment.customer, settlement=number, version=payment.version,
                debit_document=part.document, credit_document=payment.document, credit_amount=part.amount,
                debit_amount=part.amount if part.document_amount is None else part.document_amount,
                settlement_date=part.date_applied or payment.document_date,
            )
        ]  # fmt: skip

    def _legs_of(self, document: str, *settlements: r.SettlementPosted) -> Iterator[Leg]:
        for s in settlements:
            taken_back = self.facts["reversal"].get((s.company, s.settlement))
            on = taken_back.reversal_date if taken_back else None
            if s.debit_document == document:
                yield Leg(-s.debit_amount, s.credit_document, s.settlement_date, on)
            if s.credit_document == document:
                yield Leg(s.credit_amount, s.debit_document, s.settlement_date, on)

    def counting_legs(self, company: str, document: str, as_of: date | None) -> list[Leg]:
        """The legs that count: now, or at the end of a date."""
        return [
            leg
            for leg in self.legs(company, document)
            if (as_of is None or leg.on <= as_of)
            and not _over(leg.reversed_on, as_of)
            and not _over(self.gone_on(company, leg.other), as_of)
        ]

    def open_amount(self, document: Document, as_of: date | None = None) -> Decimal:
        """What is open of a document in its currency, negative for a credit."""
        if _over(self.gone_on(document.company, document.document), as_of):
            return ZERO
        if as_of is not None and document.document_date > as_of:
            return ZERO
        amount = document.amount if isinstance(document, r.InvoicePosted) else -document.amount
        legs = self.counting_legs(document.company, document.document, as_of)
        return rounded_half_up(amount + sum((leg.amount for leg in legs), ZERO), document.currency)

    def open_items(self, company: str, customer: str, as_of: date | None = None) -> dict[str, Decimal]:
        """Open amount by document number, of what is open."""
        amounts = {
            d.document: self.open_amount(d, as_of)
            for d in self.facts["document"].values()
            if (d.company, d.customer) == (company, customer)
        }
        return {number: amount for number, amount in amounts.items() if amount != 0}

    def balances(self, company: str, customer: str, as_of: date | None = None) -> dict[str, Decimal]:
        """Signed sum of the open items by currency; a currency without open items is absent."""
        sums: dict[str, Decimal] = {}
        for number, amount in self.open_items(company, customer, as_of).items():
            currency = self.facts["document"][company, number].currency
            sums[currency] = sums.get(currency, ZERO) + amount
        return sums

    def overdue(
        self, company: str, customer: str, on: date, as_of: date | None = None
    ) -> dict[str, tuple[Decimal, int]]:
        """Open debits past due on a date: amount and most days, by currency."""
        found: dict[str, tuple[Decimal, int]] = {}
        for number, amount in self.open_items(company, customer, as_of).items():
            document = self.facts["document"][company, number]
            if isinstance(document, r.InvoicePosted) and amount > 0 and document.due_date < on:
                total, days = found.get(document.currency, (ZERO, 0))
                found[document.currency] = total + amount, max(days, (on - document.due_date).days)
        return found

    def lateness(self, company: str, customer: str, as_of: date) -> list[int]:
        """Days late of each debit that was fully settled at the end of a date, sorted."""
        late = []
        for d in self.facts["document"].values():
            if (d.company, d.customer) != (company, customer) or not isinstance(d, r.InvoicePosted):
                continue
            exists = d.document_date <= as_of and not _over(self.gone_on(company, d.document), as_of)
            legs = self.counting_legs(company, d.document, as_of)
            if exists and legs and self.open_amount(d, as_of) == 0:
                late.append(max(0, (max(leg.on for leg in legs) - d.due_date).days))
        return sorted(late)

    # orders

    def delivered(self, order: o.OrderChanged) -> Decimal:
        """Value delivered: the larger of what the lines and what the packing slips say."""
        with localcontext(prec=60):
            by_lines = sum(
                ((x.net_amount + x.tax_amount) * x.delivered / x.ordered for x in order.lines if x.ordered), ZERO
            )
        slips = sum(
            (
                d.amount
                for d in self.facts["delivery"].values()
                if (d.company, d.order, d.currency) == (order.company, order.order, order.currency)
            ),
            ZERO,
        )
        return max(ZERO, rounded_half_up(by_lines, order.currency), slips)

    def invoiced(self, company: str, order: str) -> dict[str, Decimal]:
        """What invoices that count bill of an order, by currency."""
        sums: dict[str, Decimal] = {}
        for d in self.facts["document"].values():
            if d.company != company or not isinstance(d, r.InvoicePosted) or self.gone_on(company, d.document):
                continue
            if d.order is not None:
                share = d.amount if d.order == order else None
            else:
                lines = [x.net_amount + x.tax_amount for x in d.lines if x.order == order]
                share = sum(lines, ZERO) if lines else None
            if share is not None:
                sums[d.currency] = sums.get(d.currency, ZERO) + share
        return sums

    def is_cancelled(self, order: o.OrderChanged) -> bool:
        """Whether an order is cancelled and no state with a higher version has come."""
        cancelled = self.facts["order cancellation"].get((order.company, order.order))
        return cancelled is not None and cancelled.version >= order.version

    def rate(self, company: CompanyChanged, currency: str, on: date) -> tuple[Decimal, Decimal] | None:
        """Numerator and denominator of one unit of `currency` in company currency: direct, else inverse."""
        if currency == company.currency:
            return Decimal(1), Decimal(1)
        direct = self._newest_rate(company.exchange_rate_type, currency, company.currency, on)
        if direct is not None:
            return direct, Decimal(1)
        inverse = self._newest_rate(company.exchange_rate_type, company.currency, currency, on)
        return None if inverse is None else (Decimal(1), inverse)

    def _newest_rate(self, rate_type: str, source: str, target: str, on: date) -> Decimal | None:
        known = [
            fact
            for fact in self.facts["rate"].values()
            if (fact.rate_type, fact.from_currency, fact.to_currency) == (rate_type, source, target)
            and fact.valid_from <= on
        ]
        return max(known, key=lambda fact: fact.valid_from).rate if known else None


def _over(day: date | None, as_of: date | None) -> bool:
    """Whether something that ends on `day` has ended: now whatever the day, or at the end of a date."""
    return day is not None and (as_of is None or day <= as_of)


def rounded_half_up(amount: Decimal, currency: str) -> Decimal:
    """To the minor unit, half away from zero."""
    return amount.quantize(QUANTA[currency], rounding=ROUND_HALF_UP)
