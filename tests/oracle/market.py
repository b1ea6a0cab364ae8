"""Companies in several currencies whose customers share a limit: what they have sent and what may happen next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.oracle.books import Party
from tests.oracle.trade import created, event, invoice, order, payment, request


@dataclass
class Sold:
    """An order as its ERP knows it."""

    party: Party
    number: str
    currency: str
    total: Decimal
    first_total: Decimal
    version: int = 1
    attempts: int = 0
    is_delivered: bool = False


@dataclass
class Billed:
    """A document as its ERP knows it."""

    party: Party
    number: str
    currency: str
    open_amount: Decimal


@dataclass
class Market:
    """Companies with their currencies, customers, and the credit group of some of them."""

    companies: Mapping[str, str]
    customers: Sequence[Party]
    group: str
    members: list[Party]
    first_number: int = 0
    time_zones: Mapping[str, str] = field(default_factory=dict)
    sold: list[Sold] = field(default_factory=list)
    billed: list[Billed] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._number = self.first_number

    def next(self, kind: str) -> str:
        """A number of its own; orders are created in the order of their numbers."""
        self._number += 1
        return f"{kind}-{self._number:06d}"

    def version(self, what: str) -> int:
        """The next version of something."""
        self.versions[what] = self.versions.get(what, 0) + 1
        return self.versions[what]

    # master data

    def opening(self, limit: str, shared: str) -> list[Any]:
        """Companies that are live, with groups switched on, customers with a limit, and their group."""
        found: list[Any] = []
        for company, currency in self.companies.items():
            found += [
                event(
                    "erp.company.changed.v1",
                    company=company,
                    currency=currency,
                    time_zone=self.time_zones.get(company, "Europe/Berlin"),
                ),
                event("erp.company.went-live.v1", company=company),
                event("credit.parameters.changed.v1", company=company, version=1, check_customer_credit_groups=True),
            ]
        for party in self.customers:
            found += [event("erp.customer.changed.v1", party[1], company=party[0]), self.profile(party, limit)]
        return [*found, self.shared(shared)]

    def profile(self, party: Party, limit: str, effect: str = "no") -> Any:
        """A limit, and whether the customer is blocked."""
        number = self.version("/".join(party))
        return event(
            "credit.profile.changed.v1", party[1], company=party[0], currency=self.companies[party[0]],
            credit_limit=limit, version=number, sequence=number, invoicing_delivery_on_hold=effect,
        )  # fmt: skip

    def shared(self, limit: str, members: Sequence[Party] | None = None) -> Any:
        """The credit group with its members from now on."""
        number, former = self.version(self.group), self.members
        self.members = list(members) if members is not None else former
        gone = [party for party in former if party not in self.members]
        return event(
            "credit.group.changed.v1", group=self.group, version=number, sequence=number, currency="EUR",
            credit_limit=limit, check_member_overdue=True, members=_named(self.members), former_members=_named(gone),
        )  # fmt: skip

    # orders

    def ask(self, party: Party, amount: Decimal, checkpoint: str = "confirmation", currency: str | None = None) -> Any:
        """A check of a new order, in the currency of its company unless another is named."""
        found = Sold(party, self.next("SO"), currency or self.companies[party[0]], amount, amount)
        self.sold.append(found)
        return self.ask_again(found, checkpoint)

    def ask_again(self, found: Sold, checkpoint: str = "confirmation") -> Any:
        """Another attempt to post an order."""
        found.attempts += 1
        return request(
            found.party[1], found.number, str(found.total), found.version, company=found.party[0],
            currency=found.currency, attempt=f"{found.number}-{found.attempts}", checkpoint=checkpoint,
        )  # fmt: skip

    def state(self, found: Sold) -> Any:
        """The state of an order, as it is now."""
        return order(
            found.party[1], found.number, str(found.total), found.version, company=found.party[0],
            currency=found.currency, created_at=created(found.number),
        )  # fmt: skip

    def changed(self, found: Sold, share: Decimal) -> Any:
        """The order is worth another share of what it was at first."""
        found.version += 1
        found.total = (found.first_total * share).quantize(Decimal("0.01"))
        return self.state(found)

    def cancelled(self, found: Sold) -> Any:
        """The order was cancelled."""
        found.version += 1
        return event(
            "erp.order.cancelled.v1", found.party[1], company=found.party[0], order=found.number,
            version=found.version, cancelled_at="2026-03-03T10:00:00Z",
        )  # fmt: skip

    def delivered(self, found: Sold) -> Any | None:
        """A quarter of the order left the house, once: never more than the order is worth."""
        if found.is_delivered:
            return None
        found.is_delivered = True
        amount = (found.first_total / 4).quantize(Decimal("0.01"))
        return event(
            "erp.delivery.posted.v1", found.party[1], company=found.party[0], delivery=self.next("PS"),
            order=found.number, currency=found.currency, amount=str(amount), lines=[],
        )  # fmt: skip

    # documents

    def bill(self, party: Party, amount: Decimal, of: Sold | None = None, *, late: bool = False) -> Any:
        """An invoice, perhaps of an order, perhaps overdue."""
        currency = of.currency if of else self.companies[party[0]]
        found = Billed(party, self.next("INV"), currency, amount)
        self.billed.append(found)
        return invoice(
            party[1], found.number, str(amount), "2026-01-15" if late else "2026-04-01", company=party[0],
            currency=currency, order=of.number if of else None,
        )  # fmt: skip

    def pay(self, at: int, share: Decimal = Decimal(1)) -> Any | None:
        """A payment of an open invoice, or of a part of it."""
        if not self.billed:
            return None
        found = self.billed[at % len(self.billed)]
        amount = (found.open_amount * share).quantize(Decimal("0.01"))
        if not amount:
            return None
        found.open_amount -= amount
        return payment(
            found.party[1], self.next("PAY"), str(amount), (found.number, str(amount)), company=found.party[0],
            currency=found.currency, document_date="2026-03-02",
        )  # fmt: skip

    def void(self, at: int) -> Any | None:
        """An invoice was cancelled."""
        if not self.billed:
            return None
        found = self.billed.pop(at % len(self.billed))
        return event(
            "erp.document.cancelled.v1", found.party[1], company=found.party[0], document=found.number, version=9,
            cancellation_date="2026-03-02",
        )  # fmt: skip


def rate(source: str, target: str, value: str, version: int = 1) -> Any:
    """An exchange rate of the year."""
    return event(
        "erp.exchange-rate.published.v1", from_currency=source, to_currency=target, rate=value, version=version,
        valid_from="2026-01-01",
    )  # fmt: skip


def _named(parties: Sequence[Party]) -> list[dict[str, str]]:
    return [{"company": company, "customer": customer} for company, customer in parties]
