"""What is kept of groups between transactions is what would be read, whatever happens in between."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from hold_service.checks import store
from hold_service.checks.figures import facts_of
from hold_service.checks.kept import KEEPER
from hold_service.checks.known import Asked
from hold_service.checks.limits import limits_of, parts_of
from hold_service.groups.locks import lock_parties
from holdfast.database.work import Work, transaction
from holdfast.receivables.model import CheckedOrder, Party

MEMBERS = ("DE01/C-1", "DE01/C-2", "US01/C-3", "DE01/C-4")
STEPS = 60
PROBE = Asked(CheckedOrder("PROBE", 1, "EUR", Decimal(10)))


class Undone(Exception):
    """Ends a transaction without a trace."""


async def figures(work: Work, party: Party, *, kept: bool) -> list[Any]:
    """What the group of a customer uses, and who is late, as a check of this customer would see it."""
    loaded = await store.load(work, {party: {"PROBE"}}, {"EUR"}, keeper=KEEPER if kept else None)
    known = loaded.known(party, "confirmation", "PROBE", None)
    found = parts_of(PROBE, known)
    limits = limits_of(PROBE.order, known, found)
    facts, _ = facts_of(PROBE, known, found, limits)
    return [limits.tests, limits.missing_rates, facts.linked_days_overdue]


async def compare(hold: Any, party: Party) -> bool:
    """The figures with what is kept are those read anew; answers whether something was kept."""
    try:
        async with transaction(hold.pool) as work:
            await lock_parties(work, [party])
            used = bool(KEEPER.known(work))
            assert await figures(work, party, kept=True) == await figures(work, party, kept=False)
            raise Undone
    except Undone:
        return used


class Story:
    """Draws what happens next to a group of four customers in two companies."""

    def __init__(self, hold: Any, ask: Any, seed: int) -> None:
        self.hold, self.ask, self.draw = hold, ask, random.Random(seed)
        self.orders: list[tuple[str, Party]] = []
        self.count, self.day = 0, date(2026, 3, 2)
        self.steps: list[Callable[[], Awaitable[None]]] = [
            self.check, self.check, self.check, self.state, self.cancel, self.invoice, self.check_and_facts,
            self.facts_and_check, self.join_or_leave, self.rate, self.parameters, self.tomorrow, self.release,
        ]  # fmt: skip

    def number(self) -> int:
        self.count += 1
        return self.count

    def member(self) -> Party:
        company, customer = self.draw.choice(MEMBERS).split("/")
        return company, customer

    def amount(self) -> str:
        return str(self.draw.choice((5, 90, 300, 2000)))

    def request(self) -> Any:
        company, customer = party = self.member()
        order = f"O-{self.number()}"
        self.orders.append((order, party))
        return self.ask.request(order, self.amount(), company=company, customer=customer)

    def bill(self) -> Any:
        company, customer = self.member()
        due = (self.day + timedelta(days=self.draw.randrange(-20, 5))).isoformat()
        return self.ask.invoice(f"I-{self.number()}", self.amount(), due, company=company, customer=customer)

    async def check(self) -> None:
        await self.hold.check(self.request())

    async def invoice(self) -> None:
        await self.hold.facts(self.bill())

    async def check_and_facts(self) -> None:
        await self.hold.facts(self.request(), self.bill())

    async def facts_and_check(self) -> None:
        await self.hold.facts(self.bill(), self.request())

    async def state(self) -> None:
        if self.orders:
            order, (company, customer) = self.draw.choice(self.orders)
            await self.hold.facts(
                self.ask.order(order, self.amount(), company=company, customer=customer, version=self.number())
            )

    async def cancel(self) -> None:
        if self.orders:
            order, (company, customer) = self.draw.choice(self.orders)
            await self.hold.facts(self.ask.event(
                "erp.order.cancelled.v1", order=order, company=company, customer=customer, version=self.number()
            ))  # fmt: skip

    async def join_or_leave(self) -> None:
        members = tuple(sorted(self.draw.sample(MEMBERS, self.draw.choice((3, 4)))))
        left = [dict(zip(("company", "customer"), m.split("/"), strict=True)) for m in MEMBERS if m not in members]
        await self.hold.facts(self.ask.group(
            "900", 1 + self.number(), members=members, check_member_overdue=True, former_members=left
        ))  # fmt: skip

    async def rate(self) -> None:
        await self.hold.facts(self.ask.event(
            "erp.exchange-rate.published.v1", rate_type="default", from_currency="USD", to_currency="EUR",
            rate=self.draw.choice(("0.5", "0.8")), valid_from="2026-01-01", version=1 + self.number(),
        ))  # fmt: skip

    async def parameters(self) -> None:
        counted = self.draw.choice(("all", "passed_only", "passed_and_earlier"))
        for company in ("DE01", "US01"):
            self.hold.sent += 1
            await self.hold.credit_parameters(company, check_customer_credit_groups=True, open_orders_counted=counted)

    async def tomorrow(self) -> None:
        self.day += timedelta(days=1)
        await self.hold.today(self.day.isoformat())

    async def release(self) -> None:
        await self.hold.recheck()


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_kept_of_a_group_is_what_would_be_read(hold: Any, ask: Any, seed: int) -> None:
    await hold.set_up(limit="0")
    story = Story(hold, ask, seed)
    us = {"company": "US01", "currency": "USD"}
    await hold.facts(
        ask.event("erp.company.changed.v1", **us), ask.event("erp.company.went-live.v1", company="US01"),
        *(ask.profile("0", customer=name) for name in ("C-2", "C-4")), ask.profile("0", customer="C-3", **us),
        ask.group("900", members=MEMBERS, check_member_overdue=True),
    )  # fmt: skip
    await story.rate()
    await story.parameters()
    used = 0
    for _ in range(STEPS):
        await story.draw.choice(story.steps)()
        for name in MEMBERS:
            company, customer = name.split("/")
            used += await compare(hold, (company, customer))
    assert used > STEPS // 2
