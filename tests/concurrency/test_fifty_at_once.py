"""Fifty checks, facts and releases at the same moment on one customer, or on the members of one group."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.concurrency.live import Live, living
from tests.faults.system import System
from tests.oracle.committed import Replay, watch
from tests.oracle.comparing import same_decisions
from tests.oracle.market import Market

pytestmark = pytest.mark.fault

COMPANIES = {"DE01": "EUR", "FR01": "EUR"}
WHOSE = {
    "one customer": [("DE01", "C-1")],
    "one group": [("DE01", "C-1"), ("DE01", "C-2"), ("FR01", "C-1")],
}
CHECKS, FACTS, PEOPLE = 50, 50, 5


def market_of(whose: str) -> tuple[Market, str]:
    """Whose room is fought for, and the limit that each of them has of its own."""
    customers = WHOSE[whose]
    members = customers if whose == "one group" else [("DE01", "C-9")]
    return Market(COMPANIES, customers, "G-1", members), "0" if whose == "one group" else "1000"


async def act(live: Live, turn: int, hold: str, tag: str, number: int) -> httpx.Response:
    """Holds with an even number are released, notes are written on the others: in the version that was read."""
    if number % 2:
        return await live.send(turn, "PATCH", f"/v1/holds/{hold}", {"notes": f"by {turn}"}, **{"if-match": tag})
    return await live.send(turn, "POST", f"/v1/holds/{hold}/release", {"reason": "agreed"}, **{"if-match": tag})


def facts(market: Market) -> list[Any]:
    """Invoices, payments of every other one, and the states of orders, some of them cancelled."""
    found: list[Any] = []
    for number in range(FACTS // 5):
        party, of = market.customers[number % len(market.customers)], market.sold[-1 - number]
        found += [market.bill(party, Decimal(20)), market.state(market.sold[number])]
        found += [market.pay(number) if number % 2 else market.bill(of.party, Decimal(10), of)]
        found += [market.cancelled(market.sold[10 + number]), market.delivered(market.sold[number])]
    return found


@pytest.mark.parametrize("whose", list(WHOSE))
async def test_row_4_4_32_fifty_checks_facts_and_releases_at_once(whose: str, embedded: System) -> None:
    """Over two APIs and the bus. Of five people who act on one version of a hold one succeeds, and what he did stands;
    each decision is the plain answer's for what was committed before it."""
    system, (market, limit) = embedded, market_of(whose)
    await system.set_clock(8)
    for company in COMPANIES:
        await system.equip(company)
    goals = await system.say(market.opening(limit, "1000"), to_oracle=False)
    await watch(system.pool)
    replay = Replay(system.pool, system.oracle, COMPANIES)
    replay.sent = system.places
    async with living(system, recheck_delay_seconds=60) as live:
        await system.passed(goals)
        for number in range(20):
            await live.check(number, asked(market, replay, number))
        tags = {h["hold"]: f'"{h["version"]}"' for h in (await live.get("/v1/holds", limit=100))["items"]}
        assert len(tags) == 20 - 11
        people = [(n, hold) for n, hold in enumerate(tags) for _ in range(PEOPLE)]
        checks = [asked(market, replay, number) for number in range(CHECKS)]
        said, _, answers = await asyncio.gather(
            asyncio.gather(*(system.say([p], to_oracle=False) for p in [*facts(market), *checks[30:]])),
            asyncio.gather(*(live.check(turn, check) for turn, check in enumerate(checks[:30]))),
            asyncio.gather(*(act(live, turn, hold, tags[hold], n) for turn, (n, hold) in enumerate(people))),
        )
        await system.passed([position for positions in said for position in positions])
        await won_once(live, people, answers)
        await system.set_clock(12)
        await system.passed()
        await replay.is_the_same()
        replay.nothing_waits_for_nothing()
        await same_decisions(system.transport, system.oracle)


def asked(market: Market, replay: Replay, number: int) -> Any:
    """A check of a new order of 90."""
    request = market.ask(market.customers[number % len(market.customers)], Decimal(90))
    replay.expect(request)
    return request


async def won_once(live: Live, people: list[tuple[int, str]], answers: list[httpx.Response]) -> None:
    """One of those who acted on a hold has had his way; the others were told that it has changed meanwhile."""
    by_hold: dict[str, list[tuple[int, httpx.Response]]] = defaultdict(list)
    for turn, ((_, hold), answer) in enumerate(zip(people, answers, strict=True)):
        by_hold[hold].append((turn, answer))
    for hold, given in by_hold.items():
        assert sorted(answer.status_code for _, answer in given) == [200, *([412] * (PEOPLE - 1))]
        turn, winner = next((turn, answer) for turn, answer in given if answer.status_code == 200)
        now = await live.get(f"/v1/holds/{hold}")
        if winner.request.method == "PATCH":
            assert now["notes"] == f"by {turn}"
        else:
            assert (now["closed_as"], now["closed_by"]) == ("released", "kim")
