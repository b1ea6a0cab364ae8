"""Exchange rates into company currencies: of USD and EUR on every working day, else monthly."""

from __future__ import annotations

from decimal import Decimal

from holdfast.contracts.erp_reference import ExchangeRatePublished
from holdfast.erp.generator.desk import Desk
from holdfast.erp.generator.parties import COMPANIES, Company

IN_EURO = {
    "EUR": Decimal(1), "USD": Decimal("0.92"), "GBP": Decimal("1.17"), "CHF": Decimal("1.04"),
    "JPY": Decimal("0.0062"),
}  # fmt: skip
DAILY = ("USD", "EUR")
PLACES = Decimal("0.000001")


def publish_rates(desk: Desk, *, all_of_them: bool = False) -> None:
    """Publish what is due today; a pair that two companies share is published once."""
    published = set()
    for company in COMPANIES:
        for currency in company.foreign:
            pair = (currency, company.currency)
            daily = desk.plan.daily_rates and currency in DAILY and desk.today.weekday() < 5
            if pair not in published and (all_of_them or daily or desk.today.day == 1):
                published.add(pair)
                _publish(desk, company, currency)


def _publish(desk: Desk, company: Company, currency: str) -> None:
    pair = (currency, company.currency)
    before = desk.rates.get(pair, IN_EURO[currency] / IN_EURO[company.currency])
    rate = (before * (10_000 + desk.rng.randint(-45, 45)) / 10_000).quantize(PLACES)
    desk.rates[pair] = rate
    event = ExchangeRatePublished(
        from_currency=currency, to_currency=company.currency, valid_from=desk.today, rate=rate, version=1
    )
    desk.post(company, event, punctual=True)
