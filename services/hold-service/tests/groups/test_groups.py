"""Shared limits: across companies and currencies, under one lock, whoever asks first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hold_service.app import SERVICE
from hold_service.checks.decide import decide_many
from hold_service.groups.locks import lock_parties
from holdfast.bus import batch
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.database.work import TryAgain, transaction
from holdfast.receivables.accounts import lock_accounts
from holdfast.testing.waiting import eventually

TWO = ("DE01/C-1", "DE01/C-2")


async def shared(hold: Any, ask: Any, limit: str, members: tuple[str, ...] = TWO, **changes: Any) -> None:
    """C-1 and C-2 without a limit of their own share one."""
    await hold.set_up(limit="0")
    await hold.facts(
        ask.event("erp.customer.changed.v1", customer="C-2"),
        ask.profile("0", customer="C-2"),
        ask.group(limit, members=members, **changes),
    )
    await hold.credit_parameters(check_customer_credit_groups=True)


async def patiently(hold: Any, request: CheckpointRequested) -> str:
    """The outcome of a check, begun again when a group changed meanwhile."""
    while True:
        try:
            (answer,) = await hold.check(request)
        except TryAgain:
            continue
        return str(answer["outcome"])


async def test_fifty_parallel_checks_of_a_group_never_pass_more_than_its_room(hold: Any, ask: Any) -> None:
    await shared(hold, ask, "1000")
    sent = [patiently(hold, ask.request(f"O-{n}", "300", customer=f"C-{1 + n % 2}")) for n in range(50)]
    outcomes = await asyncio.gather(*sent)
    assert outcomes.count("cleared") == 3


async def test_checks_beside_facts_and_changes_of_the_group_never_deadlock(hold: Any, ask: Any) -> None:
    await shared(hold, ask, "100000")

    async def change(n: int) -> None:
        await hold.facts(ask.group("100000", n + 2, members=TWO))

    async def fact(n: int) -> None:
        await hold.facts(ask.invoice(f"I-{n}", "10", customer=f"C-{1 + n % 2}"))

    checks = [patiently(hold, ask.request(f"O-{n}", "10", customer=f"C-{1 + n % 2}")) for n in range(20)]
    await asyncio.gather(*checks, *(fact(n) for n in range(20)), *(change(n) for n in range(5)))
    answer = (await hold.check(ask.request("LAST", "10")))[0]
    assert answer["figures"]["group_exposure"] == "410.00"


async def test_two_known_orders_of_two_members_do_not_hold_each_other(hold: Any, ask: Any) -> None:
    await shared(hold, ask, "1000")
    old, new = "2026-02-01T08:00:00Z", "2026-02-02T08:00:00Z"
    await hold.facts(
        ask.order("O-1", "600", created_at=old), ask.order("O-2", "600", customer="C-2", created_at=new)
    )  # fmt: skip
    second, first = await hold.check(
        ask.request("O-2", "600", customer="C-2", created_at=new), ask.request("O-1", "600", created_at=old)
    )
    assert (first["outcome"], second["outcome"]) == ("cleared", "held")


async def test_row_133_members_of_companies_in_two_currencies(hold: Any, ask: Any) -> None:
    await shared(hold, ask, "10000", members=("DE01/C-1", "US01/C-1"))
    await hold.facts(
        ask.event("erp.company.changed.v1", company="US01", currency="USD"),
        ask.event("erp.exchange-rate.published.v1", from_currency="EUR", to_currency="USD", rate="1.10"),
        ask.invoice("I-US", "5500", company="US01", currency="USD"),
    )
    (answer,) = await hold.check(ask.request("O-1", "5001"))
    assert (answer["outcome"], answer["figures"]["group_exposure"]) == ("held", "10001.00")
    (answer,) = await hold.check(ask.request("O-2", "5000", customer="C-1", created_at="2026-01-01T00:00:00Z"))
    assert (answer["outcome"], answer["figures"]["group_exposure"]) == ("cleared", "10000.00")


async def test_without_a_rate_a_group_holds(hold: Any, ask: Any) -> None:
    await shared(hold, ask, "10000", members=("DE01/C-1", "US01/C-1"))
    await hold.facts(
        ask.event("erp.company.changed.v1", company="US01", currency="USD"),
        ask.invoice("I-US", "1", company="US01", currency="USD"),
    )
    (answer,) = await hold.check(ask.request("O-1", "1"))
    assert answer["reasons"] == ["technical_error"]


async def test_row_134_a_member_that_is_late_holds_the_others(hold: Any, ask: Any) -> None:
    await shared(hold, ask, "10000", check_member_overdue=True)
    await hold.pool.execute("DELETE FROM rule")
    await hold.rule("days_overdue", "61")
    await hold.facts(ask.invoice("I-2", "10", due="2025-12-02", customer="C-2"))
    (answer,) = await hold.check(ask.request("O-1", "10"))
    assert answer["reasons"] == ["open_transactions_overdue_linked"]
    assert answer["overdue_accounts"] == ["DE01/C-2"]
    await hold.facts(ask.event("erp.payment.posted.v1", document="P", amount="10", customer="C-2",
                               applications=[{"document": "I-2", "amount": "10"}]))  # fmt: skip
    await hold.recheck()
    assert (await hold.published())[-1][0] == "hold.order.released.v1"


async def test_a_temporary_limit_of_the_group_replaces_its_limit(hold: Any, ask: Any) -> None:
    temporary = {"id": "T", "amount": "500", "from_date": "2026-03-01", "to_date": "2026-03-31"}
    await shared(hold, ask, "10000", temporary_limits=[temporary])
    (answer,) = await hold.check(ask.request("O-1", "501"))
    assert answer["figures"]["group_limit"] == "500"
    assert answer["outcome"] == "held"


async def test_a_raised_group_limit_frees_the_orders_of_all_members(hold: Any, ask: Any) -> None:
    await shared(hold, ask, "100")
    await hold.check(ask.request("O-1", "200"), ask.request("O-2", "200", customer="C-2"))
    await hold.facts(ask.group("1000", 2, members=TWO))
    await hold.recheck()
    kinds = [kind for kind, _ in await hold.published()]
    assert kinds.count("hold.order.released.v1") == 2


async def test_who_leaves_a_group_counts_for_it_no_longer(hold: Any, ask: Any) -> None:
    await shared(hold, ask, "1000")
    await hold.facts(ask.invoice("I-2", "900", customer="C-2"))
    left = [{"company": "DE01", "customer": "C-2"}]
    await hold.facts(ask.group("1000", 2, former_members=left))
    await hold.facts(ask.group("1", 1, members=TWO))
    (answer,) = await hold.check(ask.request("O-1", "1000"))
    assert (answer["outcome"], answer["figures"]["group_exposure"]) == ("cleared", "1000.00")


async def test_a_customer_that_joins_between_the_locks_is_locked_anew(hold: Any, ask: Any) -> None:
    await shared(hold, ask, "1000")
    async with transaction(hold.pool) as work:
        await lock_accounts(work, {("DE01", "C-1")})
        with pytest.raises(TryAgain, match="G-1"):
            await decide_many(work, [ask.request("O-1", "10")], None)
    async with transaction(hold.pool) as work:
        await lock_parties(work, {("DE01", "C-1")})
        assert len(await decide_many(work, [ask.request("O-1", "10")], None)) == 1


async def test_a_fact_of_a_customer_that_joins_between_the_locks_begins_again(hold: Any, ask: Any) -> None:
    """Else a check of another member that reads its figures at the same moment would neither see the fact nor be seen
    by the re-check that follows from it."""
    await shared(hold, ask, "1000", members=("DE01/C-2",))
    async with transaction(hold.pool) as work:
        await batch.apply(SERVICE, work, [hold.incoming(ask.group("1000", 2, members=TWO))], set())
        fact = asyncio.create_task(hold.facts(ask.invoice("I-1", "10")))
        await waits_for_a_lock(hold)
    with pytest.raises(TryAgain, match="G-1"):
        await fact
    await hold.facts(ask.invoice("I-1", "10"))
    (answer,) = await hold.check(ask.request("O-1", "10"))
    assert answer["figures"]["group_exposure"] == "20.00"


async def waits_for_a_lock(hold: Any) -> None:
    """Until somebody waits for a lock that another one has."""

    async def so() -> bool:
        return bool(await hold.pool.fetchval(
            """SELECT EXISTS (SELECT FROM pg_stat_activity
                              WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0)"""
        ))  # fmt: skip

    await eventually(so)
