"""A bus, the toy service's database, and workers in processes of their own that a test may kill."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import orjson
from shared.tests.bus_core.conftest import Journal
from shared.tests.bus_core.oracle import Effect, expected
from shared.tests.bus_core.toy import SERVICE

from holdfast.bus.handlers import Service
from holdfast.bus.port import Outgoing, Position, Producer, Record, Transport
from holdfast.bus.runner import Runner
from holdfast.contracts.topics import HOLDS
from holdfast.platform.settings import BusSettings
from holdfast.testing.children import Child, running
from holdfast.testing.topics import read_topic
from holdfast.testing.waiting import eventually


@dataclass
class World:
    """What a test of the whole path works with."""

    database: str
    settings: BusSettings
    transport: Transport
    producer: Producer
    pool: asyncpg.Pool

    @property
    def journal(self) -> Journal:
        return Journal(self.pool)

    async def send(self, events: Sequence[Outgoing]) -> None:
        """Put events on the bus."""
        answers = await self.producer.send(events)
        assert all(isinstance(answer, Position) for answer in answers)

    @asynccontextmanager
    async def worker(self, failpoint: str = "", database: str | None = None) -> AsyncIterator[Child]:
        """A worker process for the length of a block; SIGTERM is heeded from the start of the block on."""
        arguments = (database or self.database, self.settings.model_dump_json())
        env = {"HOLDFAST_FAILPOINT": failpoint}
        async with running("-m", "shared.tests.bus_core.worker", *arguments, env=env) as child:
            await eventually(lambda: "ready" in child.output, 30)
            yield child

    @asynccontextmanager
    async def running(self, pool: asyncpg.Pool | None = None, service: Service = SERVICE) -> AsyncIterator[Runner]:
        """A runner in this process for the length of a block."""
        stop, runner = asyncio.Event(), Runner(service, pool or self.pool, self.transport)
        task = asyncio.create_task(runner.run(stop))
        try:
            yield runner
        finally:
            stop.set()
            async with asyncio.timeout(10):
                await task

    async def effects(self) -> dict[str, list[Effect]]:
        """What has taken effect, by key."""
        found: dict[str, list[Effect]] = defaultdict(list)
        for row in await self.journal.rows():
            if row["event_id"]:
                found[row["key"]].append((row["what"], row["event_id"], row["known"]))
        return found

    async def passed(self, events: Sequence[Outgoing], seconds: float = 60) -> None:
        """Wait until every event has had its effect, and compare with the plain answer."""
        wanted = expected(events)
        await self.reached(sum(map(len, wanted.values())), seconds)
        assert await self.effects() == wanted
        await self.totals_match()

    async def count(self) -> int:
        """How many events have had their effect."""
        effects: int = await self.pool.fetchval("SELECT count(*) FROM toy_journal WHERE event_id <> ''")
        return effects

    async def reached(self, count: int, seconds: float = 60) -> None:
        """Wait until so many events have had their effect."""

        async def there() -> bool:
            return await self.count() >= count

        await eventually(there, seconds)

    async def totals_match(self) -> None:
        """What was recomputed is what the facts say."""
        different = await self.pool.fetch(
            """SELECT customer FROM toy_account AS a WHERE total <>
               (SELECT coalesce(sum(total), 0) FROM toy_order AS o WHERE o.customer = a.customer)"""
        )
        assert different == []

    async def published(self, events: Sequence[Outgoing], seconds: float = 60) -> list[Record]:
        """Wait until the outbox is empty; the answers on the bus are those that were asked for, in order per key."""

        async def empty() -> bool:
            return not await self.pool.fetchval("SELECT count(*) FROM outbox_unsent")

        await eventually(empty, seconds)
        records = await self.read(HOLDS.name)
        wanted = {key: [e for what, e, _ in done if what == "decided"] for key, done in expected(events).items()}
        assert answers_by_key(records) == {key: asked for key, asked in wanted.items() if asked}
        return records

    async def read(self, topic: str) -> list[Record]:
        """All records of a topic."""
        return await read_topic(self.transport, topic)


def answers_by_key(records: Sequence[Record]) -> dict[str, list[str]]:
    """Ids of the events that were decided, as a reader takes them: what is not above the last sequence is dropped."""
    last: dict[str, int] = defaultdict(int)
    answers: dict[str, list[str]] = defaultdict(list)
    for record in records:
        headers, key = dict(record.headers), record.key or ""
        sequence = int(headers["ce_sequence"])
        if sequence <= last[key]:
            continue
        assert sequence == last[key] + 1, f"{key} lacks what comes before {sequence}"
        last[key] = sequence
        answers[key].append(decision_of(record))
    return answers


def decision_of(record: Record) -> str:
    """The event that an answer is about."""
    decision: str = orjson.loads(record.value or b"{}")["decision"]
    return decision
