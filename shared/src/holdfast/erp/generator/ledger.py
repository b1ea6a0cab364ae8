"""The fake ERP's own customer ledger: plain, independent of the kernel, the source of control totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from holdfast.contracts.erp_receivables import BalanceReported, CurrencyTotal

Key = tuple[str, str]
Convert = Callable[[Decimal, str], Decimal]


@dataclass(slots=True)
class Entry:
    """A document; `sign` is 1 for a debit and -1 for a credit; `due` only matters for debits."""

    owner: Key
    number: str
    sign: int
    currency: str
    amount: Decimal
    open: Decimal
    due: date


@dataclass(frozen=True, slots=True)
class Applied:
    """A settlement: how much of a debit a credit closed, each in its own currency."""

    number: str
    debit: str
    credit: str
    debit_amount: Decimal
    credit_amount: Decimal


@dataclass(slots=True)
class Ledger:
    """All documents of one company, by number."""

    entries: dict[str, Entry] = field(default_factory=dict)
    by_owner: dict[Key, dict[str, Entry]] = field(default_factory=lambda: defaultdict(dict))
    settled: dict[str, Applied] = field(default_factory=dict)
    currencies: dict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, owner: Key, number: str, sign: int, currency: str, amount: Decimal, due: date) -> None:
        """Post a document."""
        entry = Entry(owner, number, sign, currency, amount, amount, due)
        self.entries[number] = entry
        self.by_owner[owner][number] = entry
        self.currencies[owner].add(currency)

    def settle(self, applied: Applied) -> None:
        """Close parts of two documents with one another."""
        self.settled[applied.number] = applied
        self._move(applied.debit, -applied.debit_amount)
        self._move(applied.credit, -applied.credit_amount)

    def reverse(self, number: str) -> Applied:
        """Take a settlement back."""
        applied = self.settled.pop(number)
        self._move(applied.debit, applied.debit_amount)
        self._move(applied.credit, applied.credit_amount)
        return applied

    def remove(self, document: str) -> None:
        """A document is gone (cancelled, returned), and with it all that it settled or that settled it."""
        for applied in [s for s in self.settled.values() if document in (s.debit, s.credit)]:
            self.reverse(applied.number)
        entry = self.entries.pop(document)
        self.by_owner[entry.owner].pop(document, None)

    def open_of(self, document: str) -> Decimal:
        """What is open of a document; 0 when it is gone."""
        entry = self.entries.get(document)
        return entry.open if entry else Decimal(0)

    def owed(self, owner: Key, convert: Convert) -> Decimal:
        """Open debits less open credits, converted."""
        return sum((e.sign * convert(e.open, e.currency) for e in self._open(owner)), Decimal(0))

    def days_overdue(self, owner: Key, on: date) -> int:
        """Days the oldest open debit is past its due date."""
        dues = [e.due for e in self._open(owner) if e.sign > 0]
        return max(0, (on - min(dues)).days) if dues else 0

    def report(self, owner: Key, on: date) -> BalanceReported:
        """The control totals of a customer."""
        totals = tuple(self._total(owner, currency) for currency in sorted(self.currencies[owner]))
        version = int(on.strftime("%Y%m%d"))
        return BalanceReported(company=owner[0], customer=owner[1], version=version, as_of=on, totals=totals)

    def _total(self, owner: Key, currency: str) -> CurrencyTotal:
        mine = [e for e in self._open(owner) if e.currency == currency]
        return CurrencyTotal(
            currency=currency,
            balance=sum((e.sign * e.open for e in mine), Decimal(0)),
            open_debits=sum(e.sign > 0 for e in mine),
            open_credits=sum(e.sign < 0 for e in mine),
        )

    def _open(self, owner: Key) -> list[Entry]:
        return [e for e in self.by_owner[owner].values() if e.open]

    def _move(self, document: str, by: Decimal) -> None:
        entry = self.entries.get(document)
        if entry is not None:
            entry.open += by
