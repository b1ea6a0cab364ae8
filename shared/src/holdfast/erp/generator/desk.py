"""The posting desk: the day, chance, the agenda, and the way out, on which some events come late or twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from holdfast.contracts import Payload
from holdfast.erp.generator.chance import rounded
from holdfast.erp.generator.ledger import Key, Ledger
from holdfast.erp.generator.parties import COMPANIES, Company
from holdfast.erp.generator.plan import Plan
from holdfast.erp.happenings import Day, Happening

MORNING, NOON = time(5, 0), time(11, 0)
COMES_LATE, COMES_TWICE, COMES_ANEW = 0.03, 0.02, 0.005
"""Shares of the events that arrive 1 to 5 days late, twice, and twice under another id."""

Action = Callable[[], None]


class Desk:
    """What every part of the simulated ERP works with."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rng = Random(plan.seed)
        self.today = plan.start
        self.ledgers = {company.id: Ledger() for company in COMPANIES}
        self.rates: dict[tuple[str, str], Decimal] = {}
        self._agenda: dict[date, list[Action]] = defaultdict(list)
        self._arrivals: dict[date, list[Happening]] = defaultdict(list)
        self._numbers: Counter[str] = Counter()
        self._versions: Counter[str] = Counter()
        self._clock = 0

    def at(self, days: int, action: Action) -> None:
        """Do something in `days` days, on a working day; what falls after the end never happens."""
        self._agenda[working_day(self.today + timedelta(days=max(0, days)))].append(action)

    def work_off(self) -> None:
        """Do what is due today, also what is added to today meanwhile."""
        due = self._agenda[self.today]
        for action in due:
            action()
        del self._agenda[self.today]

    def number(self, company: Company, prefix: str) -> str:
        """The next number of a sequence, unique in its company."""
        self._numbers[f"{company.id} {prefix}"] += 1
        return f"{prefix}-{self._numbers[f'{company.id} {prefix}']:06d}"

    def version(self, company: str, document: str) -> int:
        """The next version of a document."""
        self._versions[f"{company}/{document}"] += 1
        return self._versions[f"{company}/{document}"]

    def ledger(self, owner: Key) -> Ledger:
        """The ledger of a customer's company."""
        return self.ledgers[owner[0]]

    def convert(self, amount: Decimal, currency: str, into: str) -> Decimal:
        """An amount in another currency at today's rate."""
        return amount if currency == into else rounded(amount * self.rates[currency, into], into)

    def moment(self, at: time = MORNING) -> datetime:
        """The next instant of today: no two are the same."""
        self._clock += 1
        return datetime.combine(self.today, at, UTC) + timedelta(seconds=self._clock % 3000)

    def post(self, company: Company, payload: Payload, *, punctual: bool = False) -> None:
        """Send a fact; unless it is `punctual`, chance may delay or double it on its way."""
        happening = self._happening(company, payload, MORNING)
        if punctual:
            self._arrivals[self.today].append(happening)
            return
        late = self.rng.randint(1, 5) if self.rng.random() < COMES_LATE else 0
        self._arrive(late, happening)
        chance = self.rng.random()
        if chance < COMES_TWICE:
            self._arrive(late + self.rng.randint(0, 4), happening)
        elif chance < COMES_TWICE + COMES_ANEW:
            self._arrive(late + self.rng.randint(0, 4), self._happening(company, payload, MORNING))

    def ask(self, company: Company, payload: Payload) -> None:
        """Request something; requests are never late."""
        self._arrivals[self.today].append(self._happening(company, payload, NOON))

    def close_day(self) -> Day:
        """What arrives today, in order."""
        day = Day(self.today)
        for happening in self._arrivals.pop(self.today, ()):
            day.add(happening)
        return day

    def _happening(self, company: Company, payload: Payload, at: time) -> Happening:
        self._numbers[f"{company.id} event"] += 1
        identity = f"{company.id.lower()}-{self._numbers[f'{company.id} event']:07d}"
        return Happening(identity, company.source, self.moment(at), payload)

    def _arrive(self, days: int, happening: Happening) -> None:
        # The last day gets what is still under way, so that the control totals of that day tie out.
        on = min(working_day(self.today + timedelta(days=days)), self.plan.end)
        self._arrivals[on].append(happening)


def working_day(day: date) -> date:
    """The day itself, or the Monday after it."""
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


def working_day_before(day: date) -> date:
    """The day itself, or the Friday before it."""
    return day - timedelta(days=max(0, day.weekday() - 4))


def nearest_working_day(day: date, after: date) -> date:
    """The day itself, or the nearest working day that is still after another day."""
    before = working_day_before(day)
    return before if day.weekday() == 5 and before > after else working_day(day)
