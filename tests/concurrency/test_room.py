"""With limit type balance and all, what passes never exceeds the room that there was, whatever happens at once.

Hypothesis draws what happens, some of it at the same moment; the operating system draws the order. What was committed
is then replayed one transaction after another: each decision must be the plain answer's for what came before it, and
what has passed must fit the limits of the customer and of the group at the moment at which it passed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from decimal import Decimal
from itertools import count
from time import monotonic
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from tests.concurrency.live import Live, living
from tests.faults.system import System
from tests.oracle.committed import Replay, watch
from tests.oracle.decisions import Oracle
from tests.oracle.market import Market, rate
from tests.soak.test_soak import say

EXAMPLES, STEPS = 10, 8
SEED = 20260302
ACTS = [
    "ask", "ask", "ask", "ask", "ask_on_bus", "ask_on_bus", "ask_again", "ask_less", "state", "change", "cancel",
    "deliver", "bill", "bill_order", "pay", "pay_half", "void", "limit", "block", "shared", "members",
    "release", "release", "reject",
]  # fmt: skip
"""Those that matter most are drawn more often."""
ACT = st.tuples(st.sampled_from(ACTS), st.integers(0, 3), st.integers(0, 7), st.integers(1, 8))
"""What, which customer, which of its things, and how much."""
Act = tuple[str, int, int, int]
NUMBERS = count(1)


class Room(RuleBasedStateMachine):
    """A company in euros and one in dollars; three of the four customers share a limit."""

    def __init__(self, live: Live) -> None:
        super().__init__()
        number, self.live = next(NUMBERS), live
        one, two = f"E{number}", f"U{number}"
        customers = [(one, "C-1"), (one, "C-2"), (two, "C-1"), (one, "C-3")]
        self.market = Market({one: "EUR", two: "USD"}, customers, f"G{number}", customers[:3], number * 10_000)
        self.replay = Replay(live.system.pool, Oracle(now=live.system.oracle.now), self.market.companies)
        self.replay.sent = live.system.places

    @initialize(limit=st.integers(0, 12), shared=st.integers(4, 30), effects=st.booleans())
    def open(self, limit: int, shared: int, effects: bool) -> None:
        """Companies, customers and limits come; without a limit of its own a customer has the shared one alone."""
        self.live.run(self._open(str(limit * 100), str(shared * 100)))

    @rule(act=ACT)
    def one(self, act: Act) -> None:
        """Something happens."""
        self.live.run(self._happens([act]))

    @rule(acts=st.lists(ACT, min_size=6, max_size=24))
    def at_once(self, acts: list[Act]) -> None:
        """Much happens at the same moment."""
        self.live.run(self._happens(acts))

    async def _open(self, limit: str, shared: str) -> None:
        await self.replay.begin()
        for company in self.market.companies:
            await self.live.system.equip(company)
        for payload in (rate("USD", "EUR", "0.8"), rate("GBP", "EUR", "1.2")):
            self.replay.oracle.take(payload)
        goals = await self.live.system.say(self.market.opening(limit, shared), to_oracle=False)
        await self._is_right(goals)

    async def _happens(self, acts: list[Act]) -> None:
        said: list[Any] = []
        calls: list[Awaitable[Any]] = []
        for turn, (act, who, which, much) in enumerate(acts):
            made = await getattr(self, f"_{act}")(turn, self.market.customers[who], which, Decimal(much * 50))
            if isinstance(made, Awaitable):
                calls.append(made)
            elif made is not None:
                said.append(made)
        told = [self.live.system.say([payload], to_oracle=False) for payload in said]
        done = asyncio.gather(*told, *calls, return_exceptions=True)
        goals = [position for answer in await done if isinstance(answer, list) for position in answer]
        await self._is_right(goals, [answer for answer in done.result() if isinstance(answer, BaseException)])

    async def _is_right(self, goals: list[Any], errors: Sequence[BaseException] = ()) -> None:
        await self.live.system.passed(goals)
        await self.replay.is_the_same()
        for error in errors:
            raise error
        self.replay.nothing_waits_for_nothing()

    # what happens: an event, a call, or nothing

    def _asks(self, request: Any) -> Any:
        self.replay.expect(request)
        return request

    async def _ask(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        return self.live.check(turn, self._asks(self.market.ask(party, much)))

    async def _ask_on_bus(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        return self._asks(self.market.ask(party, much))

    async def _ask_again(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        found = self._order(which)
        return self.live.check(turn, self._asks(self.market.ask_again(found))) if found else None

    async def _ask_less(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        """The order has been made smaller, and is asked for again before its new state is told."""
        found = self._order(which)
        if found is None:
            return None
        self.market.changed(found, Decimal("0.5"))
        return self.live.check(turn, self._asks(self.market.ask_again(found)))

    async def _state(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        found = self._order(which)
        return self.market.state(found) if found else None

    async def _change(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        found = self._order(which)
        return self.market.changed(found, much / 200) if found and much >= 100 else None

    async def _cancel(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        found = self._order(which)
        return self.market.cancelled(found) if found else None

    async def _deliver(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        found = self._order(which)
        return self.market.delivered(found) if found else None

    async def _bill(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        return self.market.bill(party, much, late=which == 0)

    async def _bill_order(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        found = self._order(which)
        return self.market.bill(found.party, found.total, found) if found else None

    async def _pay(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        return self.market.pay(which)

    async def _pay_half(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        return self.market.pay(which, Decimal("0.5"))

    async def _void(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        return self.market.void(which)

    async def _limit(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        return self.market.profile(party, str(much * 3))

    async def _block(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        return self.market.profile(party, "500", "all" if which == 0 else "no")

    async def _shared(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        return self.market.shared(str(much * 4))

    async def _members(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        """The customer joins the group, or leaves it."""
        others = [member for member in self.market.members if member != party]
        joins = len(others) == len(self.market.members)
        return self.market.shared(str(much * 4), sorted([*others, party]) if joins else others)

    async def _release(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        return await self._act_on(turn, which, "release")

    async def _reject(self, turn: int, party: Any, which: int, much: Decimal) -> Any:
        return await self._act_on(turn, which, "reject")

    async def _act_on(self, turn: int, which: int, act: str) -> Any:
        rows = await self.live.system.pool.fetch(
            "SELECT id, version FROM hold WHERE active AND company = ANY($1) ORDER BY id", [*self.market.companies]
        )
        return self.live.act(turn, *rows[which % len(rows)], act) if rows else None

    def _order(self, which: int) -> Any:
        return self.market.sold[-1 - which % len(self.market.sold)] if self.market.sold else None


@pytest.fixture
async def live(embedded: System) -> Any:
    """The service, with the rates of the year."""
    await embedded.set_clock(12)
    async with living(embedded) as made:
        await embedded.passed(await embedded.say([rate("USD", "EUR", "0.8"), rate("GBP", "EUR", "1.2")]))
        await watch(embedded.pool)
        yield made


def play(live: Live, seed: int, examples: int, steps: int) -> None:
    """Play drawn histories; the same seed draws the same."""
    given = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, database=None, print_blob=True,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate], report_multiple_bugs=False,
    )  # fmt: skip
    run_state_machine_as_test(hypothesis.seed(seed)(lambda: Room(live)), settings=given)


async def test_what_passes_never_exceeds_the_room_that_there_was(live: Live) -> None:
    await asyncio.to_thread(play, live, SEED, EXAMPLES, STEPS)


def seeds(first: int, until: float) -> Iterator[int]:
    """One seed after another until the time is over."""
    while monotonic() < until:
        yield first
        first += 1


@pytest.mark.soak
async def test_what_passes_never_exceeds_the_room_for_long(live: Live, seed: int, minutes: float) -> None:
    """`make soak SEED=7 MINUTES=10 ARGS=tests/concurrency`; a failure names the seed that fails again."""
    for drawn in seeds(seed, monotonic() + minutes * 60):
        say(f"room: SEED={drawn}")
        await asyncio.to_thread(play, live, drawn, 20, 30)
