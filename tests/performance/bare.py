"""The bare loops that ours are compared with: `python -m tests.performance.bare api|ingest|echo`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from fastapi import FastAPI

from holdfast.bus.connect import connect
from holdfast.bus.envelope import decode
from holdfast.bus.partition import BATCH
from holdfast.bus.port import Consumer, Outgoing, Producer, Record, TopicPartition
from holdfast.cli.running import run
from holdfast.contracts.topics import ERP_RECEIVABLES, Topic
from holdfast.database.bulk import columns
from holdfast.database.pool import create_pool
from holdfast.platform.collector import collect_by_the_batch
from holdfast.platform.serving import serve, stop_on_signals
from holdfast.platform.settings import Settings, load_settings

REQUESTS, ANSWERS = Topic("bench.requests.v1", "the benchmark"), Topic("bench.answers.v1", "the benchmark")
TABLES = """
CREATE TABLE bare_offset (topic text, partition int, next_offset bigint, PRIMARY KEY (topic, partition));
CREATE TABLE bare_document (company text, document text, version bigint, customer text, type text, amount numeric,
                            PRIMARY KEY (document, company));
CREATE TABLE bare_echo (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text, body text);
"""
OFFSET = """
INSERT INTO bare_offset VALUES ($1, $2, $3)
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset
"""
UPSERT = """
INSERT INTO bare_document AS t
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::numeric[])
ON CONFLICT (document, company) DO UPDATE
SET version = excluded.version, customer = excluded.customer, type = excluded.type, amount = excluded.amount
WHERE t.version < excluded.version
"""


async def open_pool(settings: Settings) -> asyncpg.Pool:
    """The same client with the same settings as hold-service has."""
    return await create_pool(settings.database_url("hold-service"), application_name="bare")


def create_api(settings: Settings) -> FastAPI:
    """One route that does one indexed SELECT."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.pool = await open_pool(settings)
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/customers/{customer}")
    async def read(customer: str) -> dict[str, Any]:
        row = await app.state.pool.fetchrow(
            "SELECT company, customer, currency, credit_limit::text FROM profile WHERE company = $1 AND customer = $2",
            "DE01",
            customer,
        )
        return dict(row)

    return app


class Positions:
    """Reads on where the bare loop's own table says; an `AssignmentListener`."""

    def __init__(self, consumer: Consumer, pool: asyncpg.Pool) -> None:
        self._consumer, self._pool = consumer, pool

    async def assigned(self, partitions: set[TopicPartition]) -> None:
        rows = await self._pool.fetch("SELECT topic, partition, next_offset FROM bare_offset")
        known = {TopicPartition(topic, partition): at for topic, partition, at in rows}
        for tp in partitions:
            self._consumer.seek(tp, known.get(tp, 0))

    async def revoked(self, partitions: set[TopicPartition]) -> None:
        """Nothing to let go."""


async def upsert(pool: asyncpg.Pool, tp: TopicPartition, records: Sequence[Record]) -> None:
    """Decode a batch, upsert it, move on, commit."""
    rows = [(p.company, _number(p), p.version, p.customer, p.event_type, _amount(p)) for p in map(_payload, records)]
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(UPSERT, *columns(rows))
        await connection.execute(OFFSET, tp.topic, tp.partition, records[-1].offset + 1)


def _payload(record: Record) -> Any:
    return decode(record).payload


def _number(payload: Any) -> str:
    return str(getattr(payload, "document", None) or payload.settlement)


def _amount(payload: Any) -> Any:
    return getattr(payload, "amount", None) or payload.debit_amount


async def ingest(settings: Settings, stop: asyncio.Event) -> None:
    """Consume, decode, upsert; partitions side by side, as ours."""
    pool = await open_pool(settings)
    consumer = connect(settings.bus).consumer("bare")
    await consumer.start([ERP_RECEIVABLES.name], Positions(consumer, pool))
    while not stop.is_set():
        found = await consumer.poll(0.2, BATCH)
        await asyncio.gather(*(upsert(pool, tp, records) for tp, records in found.items()))
    await consumer.stop()
    await pool.close()


async def answer(pool: asyncpg.Pool, producer: Producer, found: dict[TopicPartition, list[Record]]) -> None:
    """One row committed for each record, then the answers."""
    records = [record for records in found.values() for record in records]
    rows = [(record.key, (record.value or b"").decode()) for record in records]
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO bare_echo (key, body) SELECT * FROM unnest($1::text[], $2::text[])", *columns(rows)
        )
    await producer.send([Outgoing(ANSWERS.name, r.key or "", r.value, r.headers) for r in records])


async def echo(settings: Settings, stop: asyncio.Event) -> None:
    """Consume, commit a row, produce."""
    pool, transport = await open_pool(settings), connect(settings.bus)
    consumer, producer = transport.consumer("bare-echo"), transport.producer()
    await producer.start()
    await consumer.start([REQUESTS.name], Positions(consumer, pool))
    while not stop.is_set():
        if found := await consumer.poll(0.2, BATCH):
            await answer(pool, producer, found)
    await consumer.stop()
    await producer.stop()
    await pool.close()


async def main(kind: str) -> None:
    settings, stop = load_settings(), stop_on_signals()
    collect_by_the_batch()
    if kind == "api":
        await serve(create_api(settings), settings.host, settings.port, stop)
    elif kind == "ingest":
        await ingest(settings, stop)
    else:
        await echo(settings, stop)


if __name__ == "__main__":
    run(main(sys.argv[1]))
