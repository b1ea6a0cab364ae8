"""The order in which facts arrive changes no exposure in the end, and every decision is the plain answer's for the
facts that came before it: in hold-service and in credit-service.

Each company hears the same story in an order of its own, over the bus and through the real workers of both services.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count, permutations
from typing import Any

import asyncpg
import httpx
import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.concurrency.live import Live, living
from tests.faults.system import ROLES, System, headers
from tests.oracle.committed import Replay, watch
from tests.oracle.decisions import Oracle
from tests.oracle.market import Market
from tests.oracle.trade import event

from credit_service.app import MIGRATIONS
from credit_service.app import SERVICE as CREDIT
from credit_service.app import create_api as create_credit_api
from holdfast.bus.connect import connect
from holdfast.bus.runner import Runner
from holdfast.database.pool import create_pool
from holdfast.database.work import set_business_clock, transaction
from holdfast.erp.barrier import Barrier
from holdfast.platform.settings import load_settings
from holdfast.receivables.exposure import read_exposures
from holdfast.testing.http import serving
from holdfast.web.auth import issue_token

SEED, DRAWN = 20260302, 12
LIMIT, SHARED, HUGE = "5000", "4000", "1000000"
NUMBERS = count(1)


@dataclass
class Story:
    """What one company hears, in its order. The limits, statuses and rates that stand in the end are the same for all.

    `C-1` and `C-2` share a limit; orders are in dollars, whose rate the company hears of as well.
    """

    company: str
    market: Market

    @property
    def one(self) -> Any:
        """The customer that most of it is about."""
        return self.market.customers[0]

    def known(self) -> list[Any]:
        """What every company has heard before: that it is live, the other member, and that groups are looked at."""
        company, other = self.company, self.market.customers[1]
        return [
            event("erp.company.changed.v1", company=company, currency="EUR", exchange_rate_type=company),
            event("erp.company.went-live.v1", company=company),
            event("credit.parameters.changed.v1", company=company, version=1, check_customer_credit_groups=True),
            event("erp.customer.changed.v1", other[1], company=company),
        ]

    def limits(self) -> list[Any]:
        """Customer, limit, rate, and an order that is asked for."""
        market = self.market
        asked = market.ask(self.one, Decimal(400), currency="USD")
        return [self._master(), market.profile(self.one, LIMIT), self._rate(), asked]

    def orders(self) -> list[Any]:
        """A group with room for it, an order with its own check, and its invoice; the customer is blocked and freed."""
        market = self.market
        asked, sold = market.ask(self.one, Decimal(300)), market.sold[-1]
        blocked, freed = market.profile(self.one, LIMIT, "all"), market.profile(self.one, LIMIT)
        return [market.shared(SHARED), market.state(sold), asked, market.bill(self.one, Decimal(300), sold), blocked,
                freed]  # fmt: skip

    def all(self) -> list[Any]:
        """Both, and what is changed, paid, cancelled and taken back."""
        market, other = self.market, self.market.customers[1]
        found = [*self.limits(), market.shared("500"), *self.orders(), market.profile(other, LIMIT)]
        changed = market.changed(market.sold[0], Decimal("1.5"))
        found += [changed, market.delivered(market.sold[0])]
        found += [market.bill(self.one, Decimal(700), late=True), market.pay(1, Decimal("0.5"))]
        found += [
            market.ask(other, Decimal(900)),
            market.ask(self.one, Decimal(200)),
            market.cancelled(market.sold[-1]),
        ]
        return [*found, market.bill(other, Decimal(250), late=True), market.void(2)]

    def _master(self) -> Any:
        return event("erp.customer.changed.v1", self.one[1], company=self.company)

    def _rate(self) -> Any:
        return event(
            "erp.exchange-rate.published.v1", rate_type=self.company, from_currency="USD", to_currency="EUR",
            rate="0.8", valid_from="2026-01-01",
        )  # fmt: skip


@dataclass
class Both:
    """Both services, and the plain answer for what hold-service decides."""

    live: Live
    credit: asyncpg.Pool
    client: httpx.AsyncClient
    replay: Replay
    companies: list[str] = field(default_factory=list)
    """Those that have heard a story, of which the plain answer knows."""

    @property
    def system(self) -> System:
        """Bus and database of hold-service."""
        return self.live.system

    def story(self) -> Story:
        """A company that has heard nothing yet."""
        number = next(NUMBERS)
        customers = [(f"P{number}", "C-1"), (f"P{number}", "C-2")]
        market = Market({f"P{number}": "EUR"}, customers, f"G-P{number}", customers, number * 1_000)
        return Story(f"P{number}", market)

    async def told(self, rounds: Sequence[Sequence[Any]]) -> None:
        """One round after another; within it all companies hear their next facts at the same time."""
        for payloads in rounds:
            for payload in payloads:
                if payload.event_type == "erp.order.checkpoint-requested.v1":
                    self.replay.expect(payload)
            goals = await self.system.say(payloads, to_oracle=False)
            await self.passed(goals)
            await self.replay.catch_up()

    async def passed(self, goals: Sequence[Any]) -> None:
        """Both have done all that follows."""
        admin = self.system.transport.admin()
        barrier = Barrier({"hold-service": self.system.pool, "credit-service": self.credit}, admin)
        await barrier.prepare()
        await barrier.passed(goals)
        await admin.close()

    async def exposures(self, pool: asyncpg.Pool, parties: Sequence[Any]) -> dict[Any, Any]:
        """The parts of the exposure as one of the services has them."""
        async with transaction(pool) as work:
            found = await read_exposures(work, parties)
        return {party: (view.parts, view.days_overdue, view.overdue_amount) for party, view in found.items()}

    async def available(self, party: Any) -> tuple[Decimal, Decimal]:
        """What is available by credit-service, and what hold-service would accept on account."""
        view = (await self.client.get(f"/v1/exposures/{'/'.join(party)}")).json()
        asked = {"company": party[0], "customer": party[1], "kind": "on_account",
                 "amount": {"amount": HUGE, "currency": "EUR"}}  # fmt: skip
        answer = (await self.live.send(0, "POST", "/v1/limit-checks", asked)).json()
        room = min(Decimal(level["available"]["amount"]) for level in view["levels"])
        return max(Decimal(0), room), Decimal(answer["accepted_amount"]["amount"])

    async def set_limits(self, story: Story) -> None:
        """The limits that stand in the end, as credit-service owns them."""
        for _, customer in story.market.customers:
            await self._put(
                f"/v1/credit-profiles/{story.company}/{customer}",
                {"credit_limit": _euros(LIMIT), "confirm_unknown_customer": True},
            )
        group = {"owner_company": story.company, "credit_limit": _euros(SHARED), "expiry_date": "2026-12-31"}
        await self._put(f"/v1/credit-groups/{story.market.group}", group)
        for company, customer in story.market.customers:
            body = {"company": company, "customer": customer}
            answer = await self.client.post(
                f"/v1/credit-groups/{story.market.group}/members", json=body, headers=headers()
            )
            assert answer.status_code == 200, answer.text

    async def _put(self, path: str, body: Any) -> None:
        answer = await self.client.put(path, json=body, headers=headers(**{"if-none-match": "*"}))
        assert answer.status_code in {200, 201}, answer.text


def _euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


@asynccontextmanager
async def crediting(system: System, database: str) -> AsyncIterator[tuple[asyncpg.Pool, httpx.AsyncClient]]:
    """credit-service, which reads and answers; what it decides is not sent: the test tells it in its own order."""
    pool, stop = await create_pool(database, application_name="test", max_size=8), asyncio.Event()
    await set_business_clock(await pool.acquire(), system.oracle.now)
    reading = asyncio.create_task(Runner(CREDIT, pool, connect(system.bus)).run(stop))
    given = load_settings(credit_database_url=database, data_dir=system.folder)
    token = issue_token(system.settings, "kim", ROLES)
    async with serving(create_credit_api(given)) as address:
        client = httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}, trust_env=False)
        async with client:
            try:
                yield pool, client
            finally:
                stop.set()
                await reading
                pool.terminate()


@pytest.fixture
async def both(embedded: System, fresh_database: Any) -> AsyncIterator[Both]:
    await embedded.set_clock(12)
    await watch(embedded.pool)
    async with living(embedded) as live, crediting(embedded, await fresh_database(MIGRATIONS)) as (pool, client):
        companies: list[str] = []
        replay = Replay(embedded.pool, Oracle(now=embedded.oracle.now), companies, sent=embedded.places)
        await replay.begin()
        yield Both(live, pool, client, replay, companies)


def in_rounds(told: Sequence[Sequence[Any]]) -> Iterator[list[Any]]:
    """The n-th facts of all companies together."""
    for place in range(max(map(len, told))):
        yield [facts[place] for facts in told if place < len(facts)]


async def hear(both: Both, kind: str, orders: Sequence[Sequence[int]]) -> list[Story]:
    """A company for each order of the story; each decision is compared as it is made."""
    stories = [both.story() for _ in orders]
    both.companies.extend(story.company for story in stories)
    for story in stories:
        await both.system.equip(story.company)
    await both.told([[payload for story in stories for payload in story.known()]])
    told = [getattr(story, kind)() for story in stories]
    mixed = [[facts[at] for at in order] for facts, order in zip(told, orders, strict=True)]
    await both.told(list(in_rounds(mixed)))
    await both.replay.is_the_same()
    both.replay.nothing_waits_for_nothing()
    return stories


async def same_in_the_end(both: Both, stories: Sequence[Story]) -> None:
    """Exposures of all companies are those of the first, in both services, and the plain answer's."""
    parties = [party for story in stories for party in story.market.customers]
    by_hold = await both.exposures(both.system.pool, parties)
    assert await both.exposures(both.credit, parties) == by_hold
    assert all(by_hold[story.one][0].exposure() > 0 for story in stories)
    for story in stories:
        for party, first in zip(story.market.customers, stories[0].market.customers, strict=True):
            assert by_hold[party] == by_hold[first], party


@pytest.mark.parametrize("kind", ["limits", "orders"])
async def test_all_orders_of_a_short_story(kind: str, both: Both) -> None:
    length = len(getattr(both.story(), kind)())
    orders = list(permutations(range(min(length, 4))))
    rest = tuple(range(4, length))
    await same_in_the_end(both, await hear(both, kind, [(*order, *rest) for order in orders]))


def play(both: Both, seed: int, companies: int, examples: int) -> None:
    """Orders of the whole story, drawn; the same seed draws the same."""
    length = len(both.story().all())

    @hypothesis.seed(seed)
    @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.lists(st.permutations(range(length)), min_size=companies, max_size=companies))
    def check(orders: list[list[int]]) -> None:
        both.live.run(heard_and_available(both, orders))

    check()


async def heard_and_available(both: Both, orders: Sequence[Sequence[int]]) -> None:
    """What is available is one number everywhere, whatever the order."""
    stories = await hear(both, "all", [tuple(range(len(orders[0]))), *orders])
    await same_in_the_end(both, stories)
    companies = [story.company for story in stories]
    await both.credit.execute(
        "INSERT INTO credit_parameters SELECT c, $2, 1 FROM unnest($1::text[]) AS c", companies,
        {"allow_manual_limit_edit": True, "check_customer_credit_groups": True},
    )  # fmt: skip
    for story in stories:
        await both.set_limits(story)
        for party in story.market.customers:
            by_credit, by_hold = await both.available(party)
            assert by_credit == by_hold > 0, party
    # It is nobody's to send, and the next example waits until nothing is left to be sent.
    await both.credit.execute("DELETE FROM outbox_unsent")


async def test_drawn_orders_of_the_whole_story(both: Both) -> None:
    await asyncio.to_thread(play, both, SEED, DRAWN, 1)


@pytest.mark.soak
async def test_drawn_orders_for_long(both: Both, seed: int, minutes: float) -> None:
    """About ten examples in a minute; each has a dozen companies."""
    await asyncio.to_thread(play, both, seed, DRAWN, max(1, int(minutes * 5)))
