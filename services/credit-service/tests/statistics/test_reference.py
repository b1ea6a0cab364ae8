"""The statements of statistics and a plain reference agree on random histories (spec 2.13)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shared.tests.receivables.feeding import feed_batch, parties_of
from shared.tests.receivables.histories import CUSTOMERS, FIRST, ORDERS, Histories

from credit_service.parameters.model import Parameters
from credit_service.parameters.store import Kept as KeptParameters
from credit_service.parameters.store import write_parameters as write_credit_parameters
from credit_service.statistics import model
from credit_service.statistics.model import SALES, Day, Paid, StatisticsParameters, window_start
from credit_service.statistics.store import Kept, write_parameters
from credit_service.statistics.update import update_statistics
from holdfast.contracts.erp_receivables import InvoicePosted
from holdfast.database.work import set_business_clock, transaction
from holdfast.receivables.exposure import NEXT_ORDER
from holdfast.receivables.model import Counted, Reservation
from holdfast.receivables.reference import Ledger, rounded_half_up
from holdfast.receivables.reference_exposure import figures
from holdfast.receivables.reservations import set_credit_status

TABLES = """company, exchange_rate, customer, account, document, document_order, settlement, settlement_reversal,
balance, sales_order, delivery, reservation, credit_profile, credit_parameters, statistics_parameters, balance_stat,
customer_statistics"""
ZERO = Decimal(0)


@dataclass
class Book:
    """The reference: every figure worked out from the facts, one invoice after the other."""

    ledger: Ledger
    parameters: StatisticsParameters
    horizon_days: int | None
    limits: dict[str, Decimal | None] = field(default_factory=dict)
    since: dict[str, date | None] = field(default_factory=dict)
    days: dict[str, list[Day]] = field(default_factory=lambda: {customer: [] for customer in CUSTOMERS})

    def company(self) -> Any:
        return self.ledger.facts["company"][("X",)]

    def balance(self, customer: str, on: date, as_of: date | None) -> Decimal | None:
        """In company currency, each currency's sum rounded on its own; None without a rate."""
        total = ZERO
        for code, amount in self.ledger.balances("X", customer, as_of).items():
            rate = self.ledger.rate(self.company(), code, on)
            if rate is None:
                return None
            total += rounded_half_up(amount * rate[0] / rate[1], "EUR")
        return total

    def use(self, customer: str, on: date) -> Decimal | None:
        """Balance, delivered, ordered and reserved of today; None without a rate."""
        horizon = None if self.horizon_days is None else on + timedelta(days=self.horizon_days)
        f = figures(self.ledger, ("X", customer), on, NEXT_ORDER, Counted.PASSED_AND_EARLIER, horizon=horizon)
        return None if f.missing_rates else f.balance + f.delivered_not_invoiced + f.open_orders + f.reserved

    def keep(self, customer: str, on: date, *, today: bool) -> Decimal | None:
        """The row of a day, if there is one; answers the balance."""
        balance = self.balance(customer, on, None if today else on)
        use = self.use(customer, on) if today else None
        self.days[customer] = [day for day in self.days[customer] if day.on != on]
        wanted = self.parameters.statistics_for_zero_balance_customers or balance or use
        if balance is not None and wanted:
            self.days[customer].append(Day(on, balance, self.limits.get(customer, ZERO), use))
        return balance

    def invoices(self, customer: str, as_of: date) -> Iterator[InvoicePosted]:
        """Sales that were posted up to a day and counted then."""
        for found in self.ledger.facts["document"].values():
            gone = self.ledger.gone_on("X", found.document)
            is_sale = isinstance(found, InvoicePosted) and found.customer == customer and found.kind in SALES
            if is_sale and found.document_date <= as_of and (gone is None or gone > as_of):
                yield found

    def dso(self, customer: str, months: int, balance: Decimal | None, on: date) -> Decimal | None:
        start = max(window_start(on, months), self.since.get(customer) or date.min)
        sales = ZERO
        for invoice in self.invoices(customer, on):
            if invoice.document_date >= start:
                rate = self.ledger.rate(self.company(), invoice.currency, on)
                if rate is None:
                    return None
                sales += invoice.amount * rate[0] / rate[1]
        return None if balance is None else model.dso(balance, sales, start, on)

    def paid(self, customer: str, as_of: date) -> list[tuple[InvoicePosted, date]]:
        """Sales that were settled in full, with the day of the last settlement."""
        found = []
        for invoice in self.invoices(customer, as_of):
            legs = self.ledger.counting_legs("X", invoice.document, as_of)
            if legs and -sum((leg.amount for leg in legs), ZERO) >= invoice.amount:
                found.append((invoice, max(leg.on for leg in legs)))
        return found

    def figures(self, customer: str, balance: Decimal | None, on: date) -> dict[str, Any]:
        """All figures of a customer on a day."""
        p, days = self.parameters, [day for day in self.days[customer] if day.on <= on]
        paid = [Paid(i.document_date, i.due_date, last) for i, last in self.paid(customer, on)]
        best = model.highest(days)
        return {
            "dso_1": self.dso(customer, p.dso_1, balance, on), "dso_2": self.dso(customer, p.dso_2, balance, on),
            "dso_12": self.dso(customer, 12, balance, on),
            "average_payment_days": model.average_payment_days(paid),
            "average_days_late": model.average_days_late(paid),
            "average_balance_1": model.average_balance(days, window_start(on, p.average_balance_1), "EUR"),
            "average_balance_2": model.average_balance(days, window_start(on, p.average_balance_2), "EUR"),
            "average_balance_12": model.average_balance(days, window_start(on, 12), "EUR"),
            "average_credit_limit_pct": model.average_limit_percent(days, window_start(on, p.average_credit_limit_pct)),
            "average_exposure_pct": model.average_exposure_percent(days, window_start(on, p.average_exposure_pct)),
            "highest_balance": best[0] if best else None, "highest_balance_date": best[1] if best else None,
        }  # fmt: skip


def drawn(random: Random) -> StatisticsParameters:
    months = {
        name: random.choice((1, 2, 3, 6, 12))
        for name in ("dso_1", "dso_2", "average_balance_1", "average_balance_2", "average_credit_limit_pct",
                     "average_exposure_pct")
    }  # fmt: skip
    return StatisticsParameters(**months, statistics_for_zero_balance_customers=random.random() < 0.5)


async def set_up(pool: asyncpg.Pool, random: Random) -> Book:
    """A random history into the database and into the reference."""
    await pool.execute(f"TRUNCATE {TABLES}")
    items, book = Histories(random).build(), Book(Ledger(), drawn(random), random.choice((None, 0, 10, 60)))
    for item in items:
        book.ledger.reserve(item) if isinstance(item, Reservation) else book.ledger.apply(item)
    await feed_batch(pool, items, parties_of(items))
    book.ledger.status = {("X", order): random.choice(("passed", "held", "released")) for order in ORDERS}
    async with transaction(pool) as work:
        await set_credit_status(work, [(*key, status) for key, status in book.ledger.status.items()])
        await write_parameters(work, "X", Kept(book.parameters, 1))
        horizon = Parameters(open_order_horizon_days=book.horizon_days)
        await write_credit_parameters(work, "X", KeptParameters(horizon, 1))
    for customer in CUSTOMERS:
        limit = random.choice((None, ZERO, Decimal(100), Decimal(333), Decimal(random.randrange(1, 900))))
        since = random.choice((None, FIRST + timedelta(days=random.randrange(-300, 150))))
        book.limits[customer], book.since[customer] = limit, since
        await pool.execute(
            """INSERT INTO credit_profile (company, customer, version, currency, credit_limit, unlimited_credit,
                   customer_since_date, changed_at, changed_by) VALUES ('X', $1, 1, 'EUR', $2, $3, $4, now(), 'kim')""",
            customer, limit or ZERO, limit is None, since,
        )  # fmt: skip
    return book


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(random=st.randoms(use_true_random=True))
async def test_statements_and_reference_agree(credit: Any, random: Random) -> None:
    pool: asyncpg.Pool = credit.pool
    book = await set_up(pool, random)
    dates = sorted(FIRST + timedelta(days=n) for n in random.sample(range(5, 250), 4))
    for on in dates:
        today = on == dates[-1]
        async with pool.acquire() as connection:
            await set_business_clock(connection, datetime.combine(on, time(12), UTC))
        async with transaction(pool) as work:
            await update_statistics(work, "X", list(CUSTOMERS), on, today=today)
        for customer in CUSTOMERS:
            wanted = book.figures(customer, book.keep(customer, on, today=today), on)
            row = await pool.fetchrow("SELECT * FROM customer_statistics WHERE customer = $1", customer)
            assert {name: row[name] for name in wanted} == wanted, (customer, on)
    for customer in CUSTOMERS:
        rows = await pool.fetch(
            "SELECT stat_date, balance, credit_limit, exposure FROM balance_stat WHERE customer = $1 ORDER BY 1",
            customer,
        )
        assert [Day(*row) for row in rows] == book.days[customer], customer


async def test_a_run_for_an_earlier_day_leaves_the_newer_figures(credit: Any) -> None:
    days = [date(2026, 3, 2), date(2026, 3, 1)]
    for on in days:
        async with transaction(credit.pool) as work:
            await update_statistics(work, "DE01", ["C-1001"], on, today=on == days[0])
    assert await credit.pool.fetchval("SELECT as_of FROM customer_statistics") == days[0]
