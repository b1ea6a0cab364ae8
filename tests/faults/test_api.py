"""The APIs of the real service: raced by many callers, asked twice, stopped under load, ahead of the facts."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import httpx
import orjson
import pytest
from tests.faults.load import has_no_crash
from tests.faults.system import Api, System, happens_in_database, headers, waiting
from tests.oracle.comparing import in_history
from tests.oracle.trade import invoice, payment, request

from holdfast.testing.waiting import eventually

pytestmark = pytest.mark.fault

LOCK = "SELECT FROM account WHERE company = 'DE01' AND customer = $1 FOR UPDATE"


@asynccontextmanager
async def locked(system: System, customer: str) -> AsyncIterator[None]:
    """Somebody else holds the customer for the length of the block."""
    connection = await asyncpg.connect(system.database)
    try:
        async with connection.transaction():
            await connection.fetch(LOCK, customer)
            yield
    finally:
        await connection.close()


async def release(api: Api, hold: str, tag: str, key: str | None = None) -> httpx.Response:
    """POST a release."""
    body = orjson.dumps({"reason": "agreed"})
    return await api.client.post(f"/v1/holds/{hold}/release", content=body, headers=headers(key, **{"if-match": tag}))


async def test_row_4_4_33_one_key_in_parallel_has_one_effect(embedded: System) -> None:
    system = embedded
    await system.set_up(["C-1"])
    asked = request("C-1", "SO-000001", "300")
    async with system.worker(), system.api() as one, system.api() as two:
        await system.passed(system.goals)
        answers = await asyncio.gather(*((one, two)[n % 2].check(asked, "the same") for n in range(40)))
        assert {answer.status_code for answer in answers} <= {200, 409}
        bodies = {answer.content for answer in answers if answer.status_code == 200}
        assert len(bodies) == 1
        again = await two.check(asked, "the same")
        assert again.content in bodies
        other = await two.check(request("C-1", "SO-000002", "300"), "the same")
        assert other.status_code == 422
        system.oracle.check(asked)
        await system.is_as_it_should_be()


async def test_row_4_4_33_row_4_5_15_a_key_whose_request_is_running(embedded: System) -> None:
    system = embedded
    await system.set_up(["C-1"])
    async with system.worker(), system.api() as one, system.api() as two:
        await system.passed(system.goals)
        hold = (await one.check(request("C-1", "SO-000001", "3000"))).json()["hold"]
        async with locked(system, "C-1"):
            first = asyncio.create_task(release(one, hold, '"1"', "the same"))
            await happens_in_database(system, waiting(1))
            second = await release(two, hold, '"1"', "the same")
            assert (second.status_code, second.headers["retry-after"]) == (409, "1")
            assert not first.done()
        assert (await first).status_code == 200
        assert (await release(two, hold, '"1"', "the same")).content == (await first).content


async def test_row_4_4_34_sigterm_answers_every_accepted_request(embedded: System) -> None:
    system = embedded
    await system.set_up([f"C-{n}" for n in range(10)])
    asked = [request(f"C-{n % 10}", f"SO-{n:06d}", "30") for n in range(50)]
    async with system.worker(), system.api() as api:
        await system.passed(system.goals)
        async with locked(system, "C-3"):
            answers = [asyncio.create_task(api.check(r)) for r in asked]
            await eventually(lambda: sum(answer.done() for answer in answers) == 45)
            await happens_in_database(system, waiting(1))
            api.child.send(signal.SIGTERM)
            await eventually(lambda: nobody_listens(api), 5)
        assert {answer.status_code for answer in await asyncio.gather(*answers)} == {200}
        async with asyncio.timeout(10):
            assert await api.child.wait() == 0, api.child.output
        has_no_crash(api.child)
        await system.caught_up()
        await in_history(system.transport, system.oracle, asked)


async def nobody_listens(api: Api) -> bool:
    """Whether new connections are refused."""
    try:
        _, writer = await asyncio.open_connection(api.client.base_url.host, api.client.base_url.port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


@pytest.mark.parametrize("callers", [1, 5])
async def test_row_4_5_11_a_contended_customer_stalls_nobody_else(callers: int, embedded: System) -> None:
    system = embedded
    customers = ["C-1", *(f"C-{n}" for n in range(2, 12))]
    await system.set_up(customers)
    async with system.worker(), system.api() as api:
        await system.passed(system.goals)
        stuck: list[asyncio.Task[httpx.Response]] = []
        try:
            async with locked(system, "C-1"):
                for n in range(callers):
                    stuck.append(asyncio.create_task(api.check(request("C-1", f"SO-1{n:05d}", "30"))))
                    await others_pass(api, customers[1:], n)
                assert not any(task.done() for task in stuck)
        finally:
            answers = await asyncio.gather(*stuck, return_exceptions=True)
        assert [getattr(answer, "status_code", answer) for answer in answers] == [200] * callers


async def others_pass(api: Api, customers: Sequence[str], turn: int) -> None:
    """Checks of other customers are answered while those that wait for the lock are not."""
    asked = [request(customer, f"SO-2{turn}{n:04d}", "30") for n, customer in enumerate(customers)]
    answers = await asyncio.gather(*(api.check(r) for r in asked))
    assert {answer.status_code for answer in answers} == {200}


async def test_row_4_5_13_a_check_waits_for_the_facts_it_names(system: System) -> None:
    await system.set_up(["C-1"])
    async with system.worker() as worker, system.api() as api:
        await system.passed(system.goals)
        await system.passed(await system.say([invoice("C-1", "INV-1", "900")]))
        worker.send(signal.SIGSTOP)
        paid = payment("C-1", "PAY-1", "900", ("INV-1", "900"), document_date="2026-03-02")
        positions = [str(position) for position in await system.say([paid])]
        before = await api.check(request("C-1", "SO-000001", "200"))
        check = asyncio.create_task(api.check(request("C-1", "SO-000002", "200"), after=positions))
        worker.send(signal.SIGCONT)
        after = await check
    assert [before.json()["outcome"], after.json()["outcome"]] == ["held", "cleared"]


async def test_row_4_5_13_facts_that_are_too_old_hold(system: System) -> None:
    """Each decision says how old its facts were; beyond the limit it holds, and goes on when the worker is back."""
    await system.set_up(["C-1"])
    async with system.worker() as worker, system.api(max_fact_age_seconds=4) as api, system.api() as lenient:
        await system.passed(system.goals)

        async def cleared() -> bool:
            return bool((await fresh_check(api)).json()["outcome"] == "cleared")

        await eventually(cleared, 20)
        worker.send(signal.SIGSTOP)

        async def too_old() -> bool:
            return bool((await fresh_check(api)).json().get("reasons") == ["facts_too_old"])

        await eventually(too_old, 20)
        answer = (await fresh_check(lenient)).json()
        assert answer["outcome"] == "cleared"
        assert answer["facts_age_seconds"] > 4
        worker.send(signal.SIGCONT)
        await eventually(cleared, 20)


async def fresh_check(api: Api) -> httpx.Response:
    """A check of a new order."""
    fresh_check.number += 1  # type: ignore[attr-defined]
    return await api.check(request("C-1", f"SO-{fresh_check.number:06d}", "0.01"))  # type: ignore[attr-defined]


fresh_check.number = 0  # type: ignore[attr-defined]
