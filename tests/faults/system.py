"""hold-service as it runs: real processes on a bus and a database, driven by a test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import httpx
import orjson
from tests.oracle.committed import Sent
from tests.oracle.comparing import same_decisions, same_facts
from tests.oracle.decisions import LIMIT_USED_PERCENT, MOST_DAYS_OVERDUE, Oracle
from tests.oracle.trade import COMPANY, FIRST_DAY, Round, master_data, sent

from holdfast.bus.connect import connect
from holdfast.bus.port import BusUnavailable, Outgoing, Position, Producer, Transport
from holdfast.contracts.topics import TOPIC_BY_NAME, TOPICS
from holdfast.database.pool import create_pool
from holdfast.database.work import is_transient, set_business_clock
from holdfast.erp.barrier import Barrier
from holdfast.platform.processes import free_port
from holdfast.platform.settings import BusSettings, Settings, load_settings
from holdfast.testing.children import Child, running
from holdfast.testing.waiting import eventually
from holdfast.web.auth import issue_token

HOLD = "hold-service"
ROLES = ["see", "work", "approve", "administer", "ingest"]


@dataclass
class Api:
    """An API in a process of its own."""

    child: Child
    client: httpx.AsyncClient

    async def check(self, asked: Any, key: str | None = None, **changes: Any) -> httpx.Response:
        """POST a credit check."""
        body = orjson.dumps(asked.model_dump(mode="json", exclude_none=True) | changes)
        return await self.client.post("/v1/credit-checks", content=body, headers=headers(key))

    async def ready(self) -> int:
        """The status of /readyz; 0 when nobody answers."""
        try:
            return (await self.client.get("/readyz")).status_code
        except httpx.TransportError:
            return 0


def headers(key: str | None = None, **more: str) -> dict[str, str]:
    """Of an unsafe request."""
    return {"idempotency-key": key or str(uuid4()), "content-type": "application/json", **more}


@dataclass
class System:
    """What a fault test works with."""

    database: str
    bus: BusSettings
    folder: Path
    pool: asyncpg.Pool
    transport: Transport
    producer: Producer
    oracle: Oracle = field(default_factory=Oracle)
    day: int = FIRST_DAY
    number: int = 0
    sent: list[Outgoing] = field(default_factory=list)
    places: dict[str, Sent] = field(default_factory=dict)
    goals: list[Position] = field(default_factory=list)
    credit_database: str | None = None

    # processes

    def environment(self, **overrides: Any) -> dict[str, str]:
        """Variables for a child, overrides by field name."""
        known = {
            "hold_database_url": self.database, "credit_database_url": self.credit_database, "data_dir": self.folder,
            "bus": self.bus.transport, "bus_url": self.bus.url, "kafka_bootstrap": self.bus.kafka_bootstrap,
            "recheck_delay_seconds": 60, "kafka_session_timeout_seconds": 6, "kafka_request_timeout_seconds": 5,
            "failpoint": "", "log_level": "INFO",
        }  # fmt: skip
        return {f"HOLDFAST_{k.upper()}": str(v) for k, v in (known | overrides).items() if v is not None}

    @property
    def settings(self) -> Settings:
        """For commands in this process."""
        return load_settings(data_dir=self.folder, hold_database_url=self.database, bus_transport=self.bus.transport)

    @asynccontextmanager
    async def worker(self, failpoint: str = "", role: str = "worker", **overrides: Any) -> AsyncIterator[Child]:
        """A worker process that heeds SIGTERM from the start of the block on; killed at its end."""
        env = self.environment(failpoint=failpoint, **overrides)
        async with running("-m", "holdfast.cli", "run", HOLD, role, env=env) as child:
            await eventually(lambda: "roles_started" in child.output or child.status is not None, 30)
            yield child

    @asynccontextmanager
    async def api(self, service: str = HOLD, **overrides: Any) -> AsyncIterator[Api]:
        """An API process that is ready."""
        port = free_port()
        env = self.environment(port=port, **overrides)
        token = issue_token(self.settings, "kim", ROLES)
        client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {token}"}, timeout=30,
            trust_env=False, limits=httpx.Limits(max_connections=100),
        )  # fmt: skip
        async with running("-m", "holdfast.cli", "run", service, "api", env=env) as child, client:
            api = Api(child, client)

            async def is_ready() -> bool:
                assert child.status is None, child.output
                return await api.ready() == 200

            await eventually(is_ready, 30)
            yield api

    async def command(self, *arguments: str, **overrides: Any) -> tuple[int, str]:
        """Run the command line; exit status and output."""
        async with running("-m", "holdfast.cli", *arguments, env=self.environment(**overrides)) as child:
            async with asyncio.timeout(60):
                return await child.wait(), child.output

    # the ERP

    async def put(self, records: Sequence[Outgoing]) -> list[Position]:
        """Put records on the bus, however often it takes."""
        while True:
            try:
                answers = await self.producer.send(records)
                break
            except BusUnavailable:
                await asyncio.sleep(0.05)
        self.sent += records
        return [answer for answer in answers if isinstance(answer, Position)]

    async def say(self, payloads: Iterable[Any], *, to_oracle: bool = True) -> list[Position]:
        """The ERP sends events; the oracle hears of them too, unless told otherwise."""
        named = {}
        for payload in payloads:
            self.number += 1
            named[f"e-{self.number}"] = payload
            if to_oracle:
                self.oracle.take(payload)
        positions = await self.put([sent(payload, name) for name, payload in named.items()]) if named else []
        for (name, payload), at in zip(named.items(), positions, strict=True):
            self.places[name] = Sent(payload, (at.topic, at.partition, at.offset))
        return positions

    async def set_up(self, customers: Sequence[str], limit: str = "1000") -> None:
        """Rules and checkpoints; then company, customers and limits come over the bus."""
        await self.set_clock(8)
        await self.equip(COMPANY)
        self.goals = await self.say(master_data(customers, limit))

    async def equip(self, company: str) -> None:
        """The set-up that the oracle knows: all checkpoints, the limit, and days overdue."""
        await self.pool.execute(
            "INSERT INTO reason VALUES ($1, 'release', 'agreed', 'Agreed with the customer', 1)", company
        )
        await self.pool.execute(
            """INSERT INTO checkpoint SELECT $1, d, true, true, 1
               FROM unnest('{confirmation,picking_list,packing_slip,invoice,warehouse_shipment}'::text[]) d""",
            company,
        )
        for kind, value in {"credit_limit_used": LIMIT_USED_PERCENT, "days_overdue": MOST_DAYS_OVERDUE}.items():
            await self.pool.execute(
                """INSERT INTO rule (id, company, kind, rule_type, valid_for, value, enabled, version, changed_at)
                   VALUES ($1, $2, $3, 'blocking', 'all', $4, true, 1, now())""",
                uuid4(), company, kind, value,
            )  # fmt: skip

    async def set_clock(self, hour: int) -> None:
        """Set the simulated clock, here and in the oracle."""
        self.oracle.set_clock(self.day, hour)
        await self.set_service_clock(self.oracle.now)

    async def set_service_clock(self, moment: datetime) -> None:
        """Set the simulated clock of the service alone, however often it takes."""

        async def attempt() -> bool:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                async with self.pool.acquire() as connection:
                    await set_business_clock(connection, moment)
                return True
            return False

        await eventually(attempt, 30)

    async def passed(self, goals: Iterable[Position] = ()) -> None:
        """Wait until the service has done all of it, whatever is away in between."""
        wanted = list(goals)
        while True:
            admin = self.transport.admin()
            barrier = Barrier({HOLD: self.pool}, admin)
            try:
                await barrier.prepare()
                return await barrier.passed(wanted)
            except Exception as error:
                if not (isinstance(error, BusUnavailable) or is_transient(error)):
                    raise
                await asyncio.sleep(0.05)
            finally:
                await admin.close()

    async def caught_up(self) -> None:
        """Wait until everything on the topics has been handled and published."""
        read = [name for name, topic in TOPIC_BY_NAME.items() if HOLD in topic.readers]
        admin = self.transport.admin()
        ends = await admin.end_offsets(read)
        await admin.close()
        await self.passed([Position(tp.topic, tp.partition, end - 1) for tp, end in ends.items() if end])

    async def play(self, rounds: Iterable[Round], *, repeat: bool = True) -> None:
        """Play days closed-loop, so that every decision is the oracle's; every tenth event comes twice."""
        await self.passed(self.goals)
        for found in rounds:
            await self.set_clock(8)
            goals = await self.say(found.facts)
            await self.passed(goals + (await self.put(self.sent[-len(found.facts) :: 10]) if found.facts else []))
            await self.noon()
            goals = await self.say(found.orders)
            doubled = await self.put(self.sent[-len(found.orders) :: 10]) if repeat and found.orders else []
            await self.passed(goals + doubled)
            await self.evening()
            self.day += 1

    async def noon(self) -> None:
        """Re-checks after the facts of the morning."""
        await self._recheck(12)

    async def evening(self) -> None:
        """Re-checks after the orders of the day."""
        await self._recheck(18)

    async def _recheck(self, hour: int) -> None:
        await self.set_clock(hour)
        self.oracle.recheck()
        await self.passed()

    # afterwards

    async def is_as_it_should_be(self) -> None:
        """Facts, decisions and what was published are the oracle's; every event is in the inbox once."""
        await self.caught_up()
        await same_decisions(self.transport, self.oracle)
        await same_facts(self.pool, self.oracle)
        ids = {row[0] for row in await self.pool.fetch("SELECT id FROM inbox")}
        assert ids == {dict(record.headers)["ce_id"].decode() for record in self.sent}


@asynccontextmanager
async def opened(database: str, bus: BusSettings, folder: Path) -> AsyncIterator[System]:
    """A system on a database with the tables of hold-service and a bus; topics are created."""
    transport = connect(bus)
    admin, producer = transport.admin(), transport.producer()
    assert await admin.create_topics(TOPICS) == []
    await admin.close()
    await producer.start()
    pool = await create_pool(database, application_name="test", max_size=6)
    try:
        yield System(database, bus, folder, pool, transport, producer)
    finally:
        await producer.stop()
        pool.terminate()


def on_port(url: str, port: int) -> str:
    """The same address behind a proxy."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}"))


def waiting(count: int) -> str:
    """Asks whether so many sessions wait for a lock that another one has, in this database."""
    blocked = "datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
    return f"SELECT count(*) >= {count} FROM pg_stat_activity WHERE {blocked}"


async def happens_in_database(system: System, query: str, seconds: float = 30) -> None:
    """Wait until a query answers true."""

    async def asked() -> bool:
        return bool(await system.pool.fetchval(query))

    await eventually(asked, seconds, what=query)
