"""What would free an order is changed while the order is being held: whoever comes second sees the other.

Two transactions, one of which stands still before its commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from hold_service.app import SERVICE
from hold_service.checkpoints.store import write_checkpoint
from hold_service.checks.decide import decide_many
from hold_service.groups.locks import lock_parties
from hold_service.parameters.store import write_parameters
from hold_service.rankings.store import write_ranking
from hold_service.rechecks.store import mark_company
from hold_service.rules.store import delete_rule
from hold_service.setups.model import CheckpointSetup
from holdfast.bus import batch
from holdfast.database.work import Work, is_transient, transaction
from holdfast.testing.waiting import eventually

BLOCKED = """
SELECT EXISTS (SELECT FROM pg_stat_activity
               WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0)
"""


class Story:
    """An order that is held, and a change after which it would pass."""

    def __init__(self, hold: Any, ask: Any, kim: Any, change: str) -> None:
        self.hold, self.ask, self.kim, self.change = hold, ask, kim, change
        dollars = change in {"company", "rate", "missing rate"}
        self.request = ask.request("O-1", "600", payment_terms="N60", currency="USD" if dollars else "EUR")

    async def begin(self) -> None:
        """What holds the order."""
        ask, hold = self.ask, self.hold
        await hold.set_up(limit="100" if self.change in {"rule", "parameters", "checkpoint"} else "1000")
        if self.change == "credit parameters":
            await hold.facts(ask.profile("100", 2))
        elif self.change == "ranking":
            await hold.facts(ask.event("erp.customer.changed.v1", version=2, payment_terms="N30"))
            await hold.parameters(check_when_payment_terms_increase=True)
            await hold.ranks("payment_terms", N30=1, N60=2)
        elif self.change == "company went live":
            await hold.facts(ask.event("erp.company.went-live.v1", version=2, live=False))
        elif self.change == "company":
            await hold.facts(self._rate("1.7"), self._rate("1.1", rate_type="other"))
        elif self.change == "rate":
            await hold.facts(self._rate("1.7"))
        elif self.change == "policy rate":
            await hold.facts(self._rate("0.1"), ask.profile("100", 2, policies=[policy("600")]))
        elif self.change.startswith("member"):
            await self._begin_group()

    async def _begin_group(self) -> None:
        """A group in euros with a member in dollars, which owes 600 of them: 660 or 1,020 euros."""
        ask, there = self.ask, {"company": "US01", "customer": "C-2"}
        await self.hold.credit_parameters(check_customer_credit_groups=True)
        await self.hold.facts(
            self._rate("1.7"), ask.event("erp.company.changed.v1", company="US01", currency="USD"),
            ask.order("SO-1", "600", currency="USD", created_at="2026-01-01T08:00:00Z", **there),
            ask.group("1500", members=("DE01/C-1", "US01/C-2")),
        )  # fmt: skip

    async def made(self) -> None:
        """The change, as it comes over HTTP or from the bus."""
        sent = {
            "rule": ("DELETE", f"/rules/{await self._rule()}", None, '"1"'),
            "parameters": ("PUT", "/parameters/DE01", {"exclude_sales_order_below": "1000"}, '"0"'),
            "checkpoint": ("PUT", "/checkpoints/DE01/confirmation", {"check_on_posting": False}, '"1"'),
            "ranking": ("PUT", "/rankings/DE01/payment-terms", {"ranks": {"N30": 2, "N60": 2}}, '"1"'),
        }.get(self.change)
        if sent is None:
            await self.hold.facts(self._event())
        else:
            answer = await self.kim.send(*sent)
            assert answer.status_code in {200, 204}, answer.text

    async def change_in(self, work: Work) -> None:
        """The same change in a transaction that somebody else will end."""
        if self.change not in {"rule", "parameters", "checkpoint", "ranking"}:
            await batch.apply(SERVICE, work, [self.hold.incoming(self._event())], set())
            return
        if self.change == "rule":
            await delete_rule(work, await self._rule())
        elif self.change == "parameters":
            await write_parameters(work, "DE01", {"exclude_sales_order_below": "1000"})
        elif self.change == "checkpoint":
            await write_checkpoint(work, "DE01", "confirmation", CheckpointSetup(on_posting=False, on_proforma=False))
        else:
            await write_ranking(work, "DE01", "payment_terms", {"N30": 2, "N60": 2})
        await mark_company(work, "DE01")

    def _event(self) -> Any:
        event, parameters = self.ask.event, "credit.parameters.changed.v1"
        made: dict[str, Callable[[], Any]] = {
            "credit parameters": lambda: event(parameters, version=9, credit_management_enabled=False),
            "company went live": lambda: event("erp.company.went-live.v1", version=3),
            "company": lambda: event("erp.company.changed.v1", version=7, exchange_rate_type="other"),
            "member company": lambda: event(parameters, company="US01", version=9, credit_limit_type="balance"),
            "policy rate": lambda: self._rate("1.7", version=2),
        }
        return made.get(self.change, lambda: self._rate("1.1", version=2))()

    def _rate(self, rate: str, version: int = 1, **fields: Any) -> Any:
        """Euros for a dollar."""
        given = {"from_currency": "USD", "to_currency": "EUR", "valid_from": "2026-01-01"} | fields
        return self.ask.event("erp.exchange-rate.published.v1", rate=rate, version=version, **given)

    async def _rule(self) -> Any:
        return await self.hold.pool.fetchval("SELECT id FROM rule")

    async def is_released(self) -> None:
        """The order was held, and goes on."""
        await self.hold.recheck()
        kinds = [kind for kind, body in await self.hold.published() if body["order"] == "O-1"]
        assert (kinds[0], kinds[-1]) == ("hold.order.held.v1", "hold.order.released.v1"), kinds


def policy(value: str) -> dict[str, Any]:
    """A policy in dollars, all of which counts."""
    return {"id": "P-1", "kind": "insurance", "value": value, "currency": "USD", "update_credit_limit_pct": "100",
            "included_in_exposure": False, "effective_from": "2026-01-01", "expires_on": "2026-12-31"}  # fmt: skip


CHANGES = [
    "rule", "parameters", "checkpoint", "ranking", "credit parameters", "company went live", "company", "rate",
    "missing rate", "policy rate", "member company", "member rate",
]  # fmt: skip


@pytest.fixture(params=CHANGES)
async def story(request: pytest.FixtureRequest, hold: Any, ask: Any, kim: Any) -> Story:
    """One for each kind of change."""
    made = Story(hold, ask, kim, request.param)
    await made.begin()
    return made


async def waits_or_ends(hold: Any, task: asyncio.Task[Any]) -> None:
    """Until somebody waits for a lock, or the task is done without."""

    async def so() -> bool:
        return task.done() or bool(await hold.pool.fetchval(BLOCKED))

    await eventually(so)


async def decided(story: Story, work: Work) -> None:
    """The check of the order, in a transaction that somebody else will end."""
    await lock_parties(work, {("DE01", "C-1")})
    await decide_many(work, [story.request], None)


async def test_a_change_before_the_commit_of_a_check_sees_its_hold(story: Story) -> None:
    async with transaction(story.hold.pool) as work:
        await decided(story, work)
        change = asyncio.create_task(story.made())
        await waits_or_ends(story.hold, change)
    await change
    await story.is_released()


async def test_a_check_before_the_commit_of_a_change_is_decided_again(story: Story) -> None:
    async with transaction(story.hold.pool) as work:
        await story.change_in(work)
        check = asyncio.create_task(story.hold.check(story.request))
        await waits_or_ends(story.hold, check)
    await check
    await story.is_released()


async def test_a_recheck_before_the_commit_of_a_change_waits_for_it(hold: Any, ask: Any, kim: Any) -> None:
    """What made the customer due is newer than what the change has seen: the dollars that it converts."""
    story = Story(hold, ask, kim, "rate")
    await story.begin()
    story.request = ask.request("O-1", "10")
    await hold.facts(ask.invoice("I-1", "995"))
    await hold.check(story.request)
    async with transaction(hold.pool) as work:
        await story.change_in(work)
        await hold.facts(ask.invoice("I-2", "600", currency="USD"), ask.payment("P-1", "995", ("I-1", "995")))
        recheck = asyncio.create_task(hold.recheck())
        await waits_or_ends(hold, recheck)
    await recheck
    await story.is_released()


async def test_who_has_marked_customers_begins_again_and_does_not_wait(hold: Any, ask: Any, kim: Any) -> None:
    """A batch with facts and checks: a change may wait for what it has marked."""
    story = Story(hold, ask, kim, "rule")
    await story.begin()
    there = {"company": "US01", "customer": "C-2"}
    await hold.check(ask.request("O-0", "600", **there))
    marks_and_checks = [ask.invoice("I-1", "10", **there), story.request]
    async with transaction(hold.pool) as work:
        await story.change_in(work)
        with pytest.raises(asyncpg.LockNotAvailableError) as refused:
            await hold.facts(*marks_and_checks)
        assert is_transient(refused.value)
    await hold.facts(*marks_and_checks)
    assert not await hold.pool.fetchval("SELECT count(*) FROM hold WHERE active AND company = 'DE01'")


@pytest.mark.parametrize(
    ("pair", "due"),
    [
        (("USD", "EUR"), ["C-1", "C-3"]),
        (("EUR", "USD"), ["C-1", "C-3"]),
        (("GBP", "EUR"), ["C-4"]),
        (("USD", "GBP"), []),
        (("EUR", "CHF"), []),
    ],
)
async def test_a_rate_rechecks_what_it_converts_and_nothing_else(
    hold: Any, ask: Any, pair: tuple[str, str], due: list[str]
) -> None:
    """C-1 orders in dollars, C-2 has euros alone, C-3 owes dollars, C-4 has pounds in a policy."""
    await hold.set_up(limit="10")
    pounds = [policy("1") | {"currency": "GBP"}]
    for n, policies in ((2, []), (3, []), (4, pounds)):
        customer = f"C-{n}"
        await hold.facts(
            ask.event("erp.customer.changed.v1", customer=customer),
            ask.profile("10", customer=customer, policies=policies),
        )
    await hold.facts(ask.invoice("I-3", "5", customer="C-3", currency="USD"))
    for n, currency in enumerate(("USD", "EUR", "EUR", "EUR"), 1):
        await hold.check(ask.request(f"O-{n}", "600", customer=f"C-{n}", currency=currency))
    await hold.recheck()
    await hold.facts(
        ask.event("erp.exchange-rate.published.v1", from_currency=pair[0], to_currency=pair[1], valid_from="2026-01-01")
    )
    rows = await hold.pool.fetch("SELECT customer FROM recheck_due ORDER BY customer")
    assert [row["customer"] for row in rows] == due
