"""A day of 32 callers, three workers and a group of ten companies leaves what a plain replay of it leaves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import orjson
import pytest
from tests.faults.load import has_no_crash
from tests.faults.system import Api, System, headers
from tests.oracle.committed import Replay, watch
from tests.oracle.comparing import same_decisions
from tests.oracle.market import Market, rate

from holdfast.testing.children import Child

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

CALLERS, WORKERS, SEED = 32, 3, 20260302
ACTS_OF_ONE = 10
COMPANIES = {
    "DE01": "EUR", "FR01": "EUR", "US01": "USD", "US02": "USD", "GB01": "GBP", "CH01": "CHF", "PL01": "PLN",
    "SE01": "SEK", "JP01": "JPY", "NZ01": "NZD",
}  # fmt: skip
RATES = {"USD": "0.9123", "GBP": "1.17", "CHF": "1.0512", "PLN": "0.2317", "SEK": "0.0877", "JPY": "0.0061",
         "NZD": "0.5533"}  # fmt: skip
ZONES = {"NZ01": "Pacific/Auckland", "US01": "America/New_York", "JP01": "Asia/Tokyo"}
ACTS = {
    "ask": 8, "ask_on_bus": 4, "ask_abroad": 2, "ask_again": 2, "state": 3, "changed": 2, "cancelled": 1,
    "delivered": 1, "bill": 3, "bill_order": 2, "pay": 4, "void": 1, "profile": 1, "shared": 1, "release": 3,
    "reject": 1,
}  # fmt: skip
"""What callers do, and how often."""


@dataclass
class Day:
    """Who takes part."""

    system: System
    market: Market
    replay: Replay
    apis: list[Api]
    chance: Random
    goals: list[Any] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    async def caller(self, number: int) -> None:
        """One caller after another thing he has to do."""
        for _ in range(ACTS_OF_ONE):
            (act,) = self.chance.choices(list(ACTS), list(ACTS.values()))
            await getattr(self, f"_{act}")(self.apis[number % len(self.apis)])

    async def evening(self) -> None:
        """Everybody pays what he owes, the limits are raised, and nobody is blocked any more: orders go on."""
        for at in range(len(self.market.billed)):
            await self.say(self.market.pay(at))
        await self.say(self.market.shared("200000"))
        for party in self.market.customers:
            await self.say(self.market.profile(party, "100000"))

    async def say(self, payload: Any) -> None:
        """An ERP, or credit-service, sends an event."""
        if payload is not None:
            self.goals += await self.system.say([payload], to_oracle=False)

    async def check(self, api: Api, asked: Any) -> None:
        """A check over HTTP."""
        self.replay.expect(asked)
        answer = await api.check(asked)
        assert answer.status_code == 200, answer.text

    @property
    def party(self) -> Any:
        """Some customer; those of the group more often."""
        return self.chance.choice([*self.market.members, *self.market.customers])

    @property
    def order(self) -> Any:
        """Some order of late."""
        return self.chance.choice(self.market.sold[-40:]) if self.market.sold else None

    def amount(self) -> Decimal:
        """So much that halves and quarters are whole numbers, also of yen."""
        return Decimal(self.chance.randrange(1, 12) * 400)

    async def _ask(self, api: Api) -> None:
        await self.check(api, self.market.ask(self.party, self.amount()))

    async def _ask_on_bus(self, api: Api) -> None:
        asked = self.market.ask(self.party, self.amount())
        self.replay.expect(asked)
        await self.say(asked)

    async def _ask_abroad(self, api: Api) -> None:
        party = self.party
        other = "USD" if self.market.companies[party[0]] == "EUR" else "EUR"
        await self.check(api, self.market.ask(party, self.amount(), currency=other))

    async def _ask_again(self, api: Api) -> None:
        if found := self.order:
            await self.check(api, self.market.ask_again(found))

    async def _state(self, api: Api) -> None:
        if found := self.order:
            await self.say(self.market.state(found))

    async def _changed(self, api: Api) -> None:
        if found := self.order:
            await self.say(self.market.changed(found, Decimal(self.chance.choice(("0.5", "1.5", "2")))))

    async def _cancelled(self, api: Api) -> None:
        if found := self.order:
            await self.say(self.market.cancelled(found))

    async def _delivered(self, api: Api) -> None:
        if found := self.order:
            await self.say(self.market.delivered(found))

    async def _bill(self, api: Api) -> None:
        await self.say(self.market.bill(self.party, self.amount(), late=self.chance.random() < 0.1))

    async def _bill_order(self, api: Api) -> None:
        if found := self.order:
            await self.say(self.market.bill(found.party, found.total, found))

    async def _pay(self, api: Api) -> None:
        await self.say(self.market.pay(self.chance.randrange(1000), Decimal(self.chance.choice(("1", "0.5")))))

    async def _void(self, api: Api) -> None:
        await self.say(self.market.void(self.chance.randrange(1000)))

    async def _profile(self, api: Api) -> None:
        effect = "all" if self.chance.random() < 0.1 else "no"
        await self.say(self.market.profile(self.party, str(self.amount() * 10), effect))

    async def _shared(self, api: Api) -> None:
        await self.say(self.market.shared(str(self.amount() * 15)))

    async def _release(self, api: Api) -> None:
        await self._act(api, "release")

    async def _reject(self, api: Api) -> None:
        await self._act(api, "reject")

    async def _act(self, api: Api, act: str) -> None:
        """Somebody acts on one of the holds that he sees, in the version that he sees."""
        items = (await api.client.get("/v1/holds", params={"limit": 20})).json()["items"]
        if items:
            hold = self.chance.choice(items)
            tag = {"if-match": f'"{hold["version"]}"'}
            body = orjson.dumps({"reason": "agreed"})
            answer = await api.client.post(f"/v1/holds/{hold['hold']}/{act}", content=body, headers=headers(**tag))
            assert answer.status_code in {200, 409, 412}, answer.text
            self.statuses[answer.status_code] += 1


@asynccontextmanager
async def crew(system: System) -> AsyncIterator[tuple[list[Child], list[Api]]]:
    """Three workers and two APIs; held orders are decided again at once."""
    async with AsyncExitStack() as stack:
        at_once = {"recheck_delay_seconds": 0}
        workers = [await stack.enter_async_context(system.worker(**at_once)) for _ in range(WORKERS)]
        apis = [await stack.enter_async_context(system.api(**at_once)) for _ in range(2)]
        yield workers, apis


async def opened(system: System, chance: Random) -> Day:
    """Ten companies with a customer in the group and one beside it, and the rates of the year."""
    customers = [(company, name) for company in COMPANIES for name in ("SHARED", "ALONE")]
    members = [party for party in customers if party[1] == "SHARED"]
    market = Market(COMPANIES, customers, "WORLD", members, time_zones=ZONES)
    await system.set_clock(12)
    await watch(system.pool)
    for company in COMPANIES:
        await system.equip(company)
    replay = Replay(system.pool, system.oracle, COMPANIES, slack=Decimal("0.10"))
    replay.sent = system.places
    day = Day(system, market, replay, [], chance)
    system.oracle.reference += [rate(code, "EUR", value) for code, value in RATES.items()]
    day.goals += await system.say(system.oracle.reference, to_oracle=False)
    day.goals += await system.say(market.opening("20000", "60000"), to_oracle=False)
    return day


async def test_a_day_leaves_what_a_plain_replay_of_the_committed_order_leaves(system: System) -> None:
    """Decisions, holds, reservations, exposures and events are compared exactly, transaction by transaction."""
    day = await opened(system, Random(SEED))
    async with crew(system) as (workers, day.apis):
        await system.passed(day.goals)
        await asyncio.gather(*(day.caller(number) for number in range(CALLERS)))
        await system.passed(day.goals)
        await day.replay.is_the_same()
        day.replay.nothing_waits_for_nothing()
        held = sum(map(len, system.oracle.holds.values()))
        await day.evening()
        await system.passed(day.goals)
        await day.replay.is_the_same()
        day.replay.nothing_waits_for_nothing()
        await same_decisions(system.transport, system.oracle)
        for child in (*workers, *(api.child for api in day.apis)):
            has_no_crash(child)
    became = Counter(decision.what for of_one in system.oracle.history.values() for decision in of_one)
    assert min(became["cleared"], became["held"]) >= 30, became
    assert min(became["released"], day.statuses[200]) >= 10, (became, day.statuses)
    assert sum(map(len, system.oracle.holds.values())) <= held - 10
