"""The year: what happens on each day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from holdfast.contracts.erp_reference import CompanyWentLive
from holdfast.erp.generator.billing import Billing
from holdfast.erp.generator.collecting import Collecting
from holdfast.erp.generator.desk import Desk
from holdfast.erp.generator.orders import OrderBook, Part
from holdfast.erp.generator.parties import (
    COMPANIES,
    Customer,
    company_masters,
    draw_customers,
    terms_masters,
)  # fmt: skip
from holdfast.erp.generator.plan import Plan
from holdfast.erp.generator.rates import publish_rates
from holdfast.erp.happenings import Day

NEWCOMERS = 0.05
"""Share of the customers that come during the year; their first order is there before their master data."""
MASTER_DATA_DELAY_DAYS = 2
WORKING_DAYS_PER_RAISE = 575


def generate(plan: Plan) -> Iterator[Day]:
    """Every day of the year, the same for the same plan."""
    year = _Year(plan)
    for day in plan.dates():
        yield year.day(day == plan.start)
        year.desk.today += timedelta(days=1)


class _Year:
    def __init__(self, plan: Plan) -> None:
        self.desk = desk = Desk(plan)
        self.customers = draw_customers(plan, desk.rng)
        self._draw_newcomers(plan)
        collecting = Collecting(desk, self.customers)
        self.billing = Billing(desk, collecting.collect)
        self.orders = OrderBook(desk, self._bill)

    def day(self, first: bool) -> Day:
        publish_rates(self.desk, all_of_them=first)
        if first:
            self._open_the_books()
        self._welcome()
        self.desk.work_off()
        self.orders.retry_waiting()
        self._take_orders()
        self.desk.work_off()
        self._report()
        return self.desk.close_day()

    def _bill(self, part: Part) -> None:
        self.orders.close(part.order, part)
        self.billing.invoice(part)

    def _draw_newcomers(self, plan: Plan) -> None:
        rng, late = self.desk.rng, plan.days * 3 // 4
        if late < 10:
            return
        for customer in rng.sample(self.customers, max(1, round(len(self.customers) * NEWCOMERS))):
            customer.joins = plan.start + timedelta(days=rng.randint(5, late))

    def _open_the_books(self) -> None:
        desk = self.desk
        for company, master in zip(COMPANIES, company_masters(), strict=True):
            desk.post(company, master, punctual=True)
        for terms in terms_masters():
            company = next(c for c in COMPANIES if c.id == terms.company)
            desk.post(company, terms, punctual=True)
        for customer in self.customers:
            if customer.joins == desk.today:
                desk.post(customer.company, customer.master(), punctual=True)
                self.billing.opening(customer)
        for company in COMPANIES:
            live = CompanyWentLive(company=company.id, version=1, cut_over_date=desk.today)
            desk.post(company, live, punctual=True)

    def _welcome(self) -> None:
        """A newcomer orders at once, and its master data follows."""
        if self.desk.today == self.desk.plan.start:
            return
        for customer in self.customers:
            if customer.joins == self.desk.today:
                self.orders.place(customer)
                self.desk.at(MASTER_DATA_DELAY_DAYS, lambda c=customer: self._register(c))  # type: ignore[misc]

    def _register(self, customer: Customer) -> None:
        self.desk.post(customer.company, customer.master(), punctual=True)

    def _take_orders(self) -> None:
        if self.desk.today.weekday() > 4:
            return
        for customer in self.customers:
            if customer.joins < self.desk.today and self.desk.rng.random() < customer.orders_a_day:
                self.orders.place(customer)
        self._raise_limits()

    def _raise_limits(self) -> None:
        """About every other customer's limit is raised once a year; the master data says so."""
        if self.desk.rng.random() * WORKING_DAYS_PER_RAISE > len(self.customers):
            return
        customer = self.customers[self.desk.rng.randrange(len(self.customers))]
        if customer.limit is not None and customer.joins < self.desk.today - timedelta(days=5):
            customer.limit = (customer.limit * Decimal("1.25")).quantize(customer.limit)
            self._register(customer)

    def _report(self) -> None:
        """Control totals at the end of each month and of the year."""
        tomorrow = self.desk.today + timedelta(days=1)
        if tomorrow.month == self.desk.today.month and self.desk.today != self.desk.plan.end:
            return
        for customer in self.customers:
            ledger = self.desk.ledger(customer.key)
            if ledger.currencies[customer.key]:
                report = ledger.report(customer.key, self.desk.today)
                self.desk.post(customer.company, report, punctual=True)
