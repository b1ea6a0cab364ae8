"""Companies and customers, and how each customer behaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from random import Random

from holdfast.contracts.erp_customers import Address, Contact, CustomerChanged
from holdfast.contracts.erp_orders import Checkpoint
from holdfast.contracts.erp_reference import CompanyChanged, PaymentTermsChanged
from holdfast.erp.generator.chance import pick, rounded
from holdfast.erp.generator.plan import Plan


@dataclass(frozen=True, slots=True)
class Company:
    """A legal entity. `size` is a usual order in its currency, `share` its part of the customers.

    `asks` are the checkpoints that its orders have to pass.
    """

    id: str
    name: str
    currency: str
    zone: str
    country: str
    language: str
    tax_percent: int
    size: int
    share: float
    foreign: tuple[str, ...]
    cities: tuple[str, ...]
    asks: tuple[Checkpoint, ...]

    @property
    def source(self) -> str:
        """The CloudEvents source of its events."""
        return f"/erp/{self.id.lower()}"


COMPANIES = (
    Company("DE01", "Holdfast Demo GmbH", "EUR", "Europe/Berlin", "DE", "de", 19, 2400, 0.45,
            ("USD", "CHF", "GBP"), ("Berlin", "Hamburg", "Köln", "Dresden"),
            (Checkpoint.CONFIRMATION, Checkpoint.PACKING_SLIP)),
    Company("US01", "Holdfast Demo Inc.", "USD", "America/New_York", "US", "en", 0, 2900, 0.25,
            ("EUR", "GBP"), ("Boston", "Chicago", "Austin", "Denver"),
            (Checkpoint.CONFIRMATION, Checkpoint.PACKING_SLIP, Checkpoint.INVOICE)),
    Company("GB01", "Holdfast Demo Ltd", "GBP", "Europe/London", "GB", "en", 20, 1900, 0.2,
            ("EUR", "USD"), ("Leeds", "Bristol", "York", "Glasgow"),
            (Checkpoint.CONFIRMATION, Checkpoint.PACKING_SLIP)),
    Company("JP01", "Holdfast Demo KK", "JPY", "Asia/Tokyo", "JP", "ja", 10, 320_000, 0.1,
            ("USD",), ("Osaka", "Kyoto", "Kobe", "Nagoya"), (Checkpoint.CONFIRMATION,)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of payment: net days, and perhaps a discount for paying early."""

    code: str
    net_days: int
    discount_percent: int = 0
    discount_days: int = 0


TERMS = (
    Terms("N30", 30), Terms("N14", 14), Terms("N45", 45), Terms("N60", 60), Terms("2D10N30", 30, 2, 10),
)  # fmt: skip
TERMS_WEIGHTS = (50, 18, 10, 7, 15)

WORDS = (
    "Alder", "Birch", "Cedar", "Delta", "Ember", "Fjord", "Granite", "Harbour", "Iris", "Juniper", "Keel",
    "Linden", "Meadow", "North", "Orchard", "Pine", "Quarry", "River", "Stone", "Tide", "Umber", "Vale",
    "Willow", "Zephyr",
)  # fmt: skip
TRADES = (
    "Tools",
    "Foods",
    "Textiles",
    "Logistics",
    "Machines",
    "Paper",
    "Marine",
    "Glass",
    "Pharma",
    "Optics",
)

EXCLUDED_GROUP = "PUBLIC"
"""Customers of this group are left out of credit management (public bodies do not go bankrupt)."""


@dataclass(slots=True)
class Customer:
    """A customer with its habits. `late` is the share of invoices that it pays late; amounts in `currency`.

    `limit` is in company currency; None is unlimited.
    """

    company: Company
    id: str
    name: str
    currency: str
    terms: Terms
    late: float
    orders_a_day: float
    size: Decimal
    group: str
    city: str
    joins: date
    limit: Decimal | None = None
    version: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Company and account."""
        return self.company.id, self.id

    def master(self) -> CustomerChanged:
        """The next version of the customer's master data."""
        self.version += 1
        slug = self.name.lower().replace(" ", "-")
        return CustomerChanged(
            company=self.company.id, customer=self.id, version=self.version, name=self.name,
            currency=self.currency, language=self.company.language, payment_terms=self.terms.code,
            customer_group=self.group, customer_since=date(2015 + len(self.name) % 9, 3, 1),
            credit_limit=self.limit,
            contacts=(
                Contact(name=f"Accounts of {self.name}", purposes=("invoice", "reminder", "statement"),
                        email=f"ap@{slug}.example"),
                Contact(name=f"Buyer of {self.name}", purposes=("order",), email=f"orders@{slug}.example"),
            ),
            addresses=(
                Address(purpose="invoice", lines=(f"{len(slug)} Market Street",), city=self.city,
                        country=self.company.country, primary=True),
            ),
        )  # fmt: skip


def lateness(position: int, count: int, rng: Random) -> float:
    """The share of invoices the customer at `position` of `count` pays late.

    17 % of all customers never pay late and 19 % do so in more than four of five cases; all in all 35.6 % of
    the invoices are late (IBM's sample of late payment histories).
    """
    place = (position + 0.5) / count
    if place < 0.17:
        return 0.0
    if place > 0.81:
        return 0.82 + 0.15 * rng.random()
    return 0.05 + 0.48 * (place - 0.17) / 0.64


def draw_customers(plan: Plan, rng: Random) -> list[Customer]:
    """All customers, company by company."""
    places = list(range(plan.customers))
    rng.shuffle(places)
    customers = [_draw(n, place, plan, rng) for n, place in enumerate(places)]
    unlimited = set(rng.sample(range(len(customers)), max(1, len(customers) // 30)))
    return [c if n in unlimited else replace(c, limit=_limit(c, rng)) for n, c in enumerate(customers)]


def _draw(number: int, place: int, plan: Plan, rng: Random) -> Customer:
    company = _company_of(number / plan.customers)
    at_home = rng.random() > 0.18
    return Customer(
        company=company,
        id=f"C-{1001 + number}",
        name=f"{WORDS[number % len(WORDS)]} {TRADES[(number // len(WORDS) + number) % len(TRADES)]}",
        currency=company.currency if at_home else pick(rng, company.foreign),
        terms=rng.choices(TERMS, TERMS_WEIGHTS)[0],
        late=lateness(place, plan.customers, rng),
        orders_a_day=0.04 + 0.09 * rng.random(),
        size=Decimal(company.size) * Decimal(rng.randint(40, 220)) / 100,
        group=EXCLUDED_GROUP if rng.random() < 0.03 else pick(rng, ("DOM", "DOM", "KEY", "EXPORT")),
        city=pick(rng, company.cities),
        joins=plan.start,
    )


def _company_of(place: float) -> Company:
    for company in COMPANIES:
        place -= company.share
        if place < 0:
            return company
    return COMPANIES[-1]


def _limit(customer: Customer, rng: Random) -> Decimal:
    """What the customer usually owes, times a margin that is narrow for some."""
    owed_days = customer.terms.net_days + 9 + 8 * customer.late
    usual = customer.size * Decimal(round(customer.orders_a_day * owed_days * 100)) / 100
    margin = Decimal(rng.choice((13, 18, 24, 28, 32, 38))) / 10
    step = Decimal(customer.company.size) / 4
    return rounded(step * (1 + (usual * margin + customer.size) // step), customer.company.currency)


def company_masters() -> list[CompanyChanged]:
    """The companies' master data."""
    return [
        CompanyChanged(
            company=c.id, version=1, name=c.name, currency=c.currency, time_zone=c.zone, country=c.country,
            language=c.language,
        )
        for c in COMPANIES
    ]  # fmt: skip


def terms_masters() -> list[PaymentTermsChanged]:
    """The terms of payment of every company."""
    return [
        PaymentTermsChanged(
            company=c.id, code=t.code, version=1, description=f"{t.net_days} days net", net_days=t.net_days,
            discount_percent=Decimal(t.discount_percent) if t.discount_percent else None,
            discount_days=t.discount_days or None,
        )
        for c in COMPANIES
        for t in TERMS
    ]  # fmt: skip
