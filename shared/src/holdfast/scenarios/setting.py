"""What a file may leave out: the first company and customer, the day, and what was said of a document before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from holdfast.scenarios.facts import Facts
from holdfast.scenarios.steps import Scenario, Step

FIRST_DAY = date(2026, 3, 2)
TICK = timedelta(minutes=1)
Party = tuple[str, str]
"""Company and account."""
Thing = tuple[str, str]
"""An order, document or settlement, and its number."""
MENTIONS = {"order": "order", "document": "document", "settlement": "settlement", "debit_document": "document",
            "credit_document": "document"}  # fmt: skip
"""Fields that lead to the customer of something that came before."""


@dataclass(slots=True)
class Setting:
    """The names and defaults of one scenario, and what its events have said so far."""

    company: str
    customer: str
    now: datetime
    customers: dict[str, Party]
    """Name in the file -> company and account"""
    currencies: dict[str, str]
    orders: dict[Party, dict[str, Any]] = field(default_factory=dict)
    """Company and order -> the state that was sent last"""
    created: dict[Party, str] = field(default_factory=dict)
    seen: dict[Thing, dict[str, str]] = field(default_factory=dict)
    """What was named before -> the account by company"""
    numbers: dict[tuple[str, ...], int] = field(default_factory=dict)
    """The highest version or sequence of something"""
    invoiced_in: dict[Party, str] = field(default_factory=dict)
    """Company and account -> the customer's currency"""
    payers: dict[Party, str] = field(default_factory=dict)
    """Company and account -> the invoice account, where it is another customer"""

    @property
    def today(self) -> date:
        """The day of the clock."""
        return self.now.date()

    def currency(self, company: str) -> str:
        """Of a company."""
        return self.currencies.get(company, "EUR")

    def party(self, name: str | None, company: str | None = None) -> Party:
        """Company and account of a customer by its name in the file; of the first one when none is named."""
        if name is None:
            name = next((n for n, (of, _) in self.customers.items() if company in (None, of)), self.customer)
        found = self.customers.get(name)
        if found is not None and company in (None, found[0]):
            return found
        return company or self.company, found[1] if found else name

    def whose(self, fields: Mapping[str, Any]) -> Party:
        """Who is meant by an event: the customer it names, else that of its order or document."""
        name, company = fields.get("customer"), fields.get("company")
        if name is None:
            for thing in _mentioned(fields):
                if (found := self.place_of(thing, company)) is not None:
                    return found, self.seen[thing][found]
        return self.party(name, company)

    def payer(self, party: Party) -> Party:
        """Who is billed for a customer: what is ordered and posted comes under the invoice account."""
        return party[0], self.payers.get(party, party[1])

    def place_of(self, thing: Thing, company: str | None = None) -> str | None:
        """The company of something that was named before; the scenario's first one where several have it."""
        known = self.seen.get(thing, {})
        if company is not None:
            return company if company in known else None
        return self.company if self.company in known else next(iter(known), None)

    def remember(self, thing: Thing, company: str, account: str) -> None:
        """From now on this order or document means this customer."""
        self.seen.setdefault(thing, {})[company] = account

    def next_number(self, *key: str, given: Any = None) -> int:
        """The number after the highest one, or the one that is given, which is then remembered."""
        highest = self.numbers.get(key, 0)
        number = given if isinstance(given, int) else highest + 1
        self.numbers[key] = max(highest, number)
        return number


def _mentioned(fields: Mapping[str, Any]) -> list[Thing]:
    found = [(kind, str(fields[name])) for name, kind in MENTIONS.items() if fields.get(name) is not None]
    parts = fields.get("applications")
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, Mapping) and "document" in part:
            found.append(("document", str(part["document"])))
    return found


def setting_of(facts: Facts) -> Setting:
    """The names and defaults that a scenario begins with."""
    company = next(iter(facts.companies), "DE01")
    customers = {name: (c.company or company, c.customer or name) for name, c in facts.customers.items()}
    return Setting(
        company=company,
        customer=next(iter(customers), "C-1"),
        now=morning_of(facts.today or FIRST_DAY),
        customers=customers,
        currencies={name: c.currency for name, c in facts.companies.items()},
    )


def companies_of(scenario: Scenario) -> set[str]:
    """The companies that a scenario speaks of as its own: given ones, and those that its events make."""
    made = (step.company or {} for step in every_step(scenario))
    return {*scenario.companies, *(str(body["company"]) for body in made if "company" in body)}


def rate_types(facts: Facts) -> set[str]:
    """All types of exchange rates."""
    return {rate.rate_type for rate in facts.rates} | {c.exchange_rate_type for c in facts.companies.values()}


MADE = {"journal", "approval", "decision", "what_if"}
OF_A_THING = ("hold:", "decision:", "rule:", "policy:", "approval:")


def is_made(scenario: Scenario, name: str) -> bool:
    """Whether a name in braces is of something that steps make or keep, and not of a company, group or rate type."""
    kept = {name for step in every_step(scenario) if step.call for name in step.call.keep}
    return name in MADE | kept or name.startswith(OF_A_THING)


def every_step(scenario: Scenario) -> list[Step]:
    """All steps, also those that happen at the same time."""
    return [one for step in scenario.steps for one in (step, *(step.parallel or ()))]


def morning_of(day: date) -> datetime:
    """When the first step of a day happens, unless it says when."""
    return datetime.combine(day, time(8), UTC)


class ClockGoesBack(ValueError):
    """A step is dated before the one ahead of it."""


def moment_of(step: Step, now: datetime) -> datetime:
    """When a step happens. Raises ClockGoesBack."""
    moment = now + TICK
    if step.at is not None:
        moment = step.at.astimezone(UTC) if step.at.tzinfo else step.at.replace(tzinfo=UTC)
    elif step.on is not None or step.days:
        day = step.on or now.date() + timedelta(days=step.days or 0)
        moment = moment if day == now.date() else morning_of(day)
    if moment < now:
        raise ClockGoesBack(f"the clock stands at {now:%Y-%m-%d %H:%M} and does not go back")
    return moment
