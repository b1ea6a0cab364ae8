"""The local stack: PostgreSQL, databases and their roles, the bus, migrations, topics."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any, Literal, TypeVar

import orjson

from holdfast.bus.connect import connect
from holdfast.bus.postgres import install
from holdfast.contracts.topics import TOPICS
from holdfast.database.migrations import migrate
from holdfast.database.roles import drop_database, ensure_database
from holdfast.platform.kafka_node import KafkaNode
from holdfast.platform.postgres_binaries import PostgresUnavailable
from holdfast.platform.postgres_server import PostgresServer
from holdfast.platform.processes import is_free
from holdfast.platform.services import INGEST, MODULES, load
from holdfast.platform.settings import PREFIX, STACK_FILE, Settings, load_settings, read_stack

Bus = Literal["postgres", "kafka"]
T = TypeVar("T")
WATCH_SECONDS = 0.5
LEAST_FREE_BYTES = 20_000_000
"""PostgreSQL dies when it cannot write another segment of its log (16 MB)."""
QUIET_PORTS = (18_000, 32_000)


class StackInUse(Exception):
    """Another process runs the local stack in this folder."""


class Stack:
    """Servers and databases in `data_dir`, one set of databases for each bus.

    After `start`, `settings` are what services in this process need, `environment` what children need.
    """

    def __init__(self, settings: Settings, bus: Bus) -> None:
        self.data_dir = settings.data_dir
        self.bus: Bus = bus
        self._given_postgres = settings.postgres_url
        self._postgres = PostgresServer(self.data_dir)
        self._kafka = KafkaNode(self.data_dir)
        self._known: dict[str, Any] = {}

    async def start(self, *, fresh: bool = False) -> None:
        """Start the servers, make or mend databases and topics; `fresh` throws the data of this bus away."""
        admin = self._given_postgres
        if admin is None:
            admin = await _to_its_end(self._postgres.start)
        self._known = read_stack(self.data_dir)
        if fresh:
            await self._wipe(admin)
        await self._make_databases(admin)
        if self.bus == "kafka":
            self._known["kafka_bootstrap"] = await self._kafka.start()
        else:
            await install(self._known["bus_url"])
        self._choose_ports()
        self._save()
        await self._migrate()
        await create_topics(self.settings())

    async def stop(self) -> None:
        """Stop the servers that were started here."""
        if self.bus == "kafka":
            await self._kafka.stop()
        if self._given_postgres is None:
            await asyncio.to_thread(self._postgres.stop)

    def check(self) -> None:
        """Raises PostgresUnavailable when the server that was started here has ended, or is about to."""
        if shutil.disk_usage(self.data_dir).free < LEAST_FREE_BYTES:
            raise PostgresUnavailable(
                f"There is no space left on the disk of {self.data_dir}: make some, then start again."
            )
        if self._given_postgres is None and self._postgres.pid is None:
            raise PostgresUnavailable(f"PostgreSQL has ended though nobody stopped it: see {self._postgres.log}.")

    async def watched(self) -> None:
        """`check` for as long as nothing is wrong."""
        while True:
            self.check()
            await asyncio.sleep(WATCH_SECONDS)

    def settings(self, service: str = INGEST, **overrides: Any) -> Settings:
        """The settings of one service of this stack; `overrides` by field name."""
        return load_settings(**{**self._fields(), "port": self.port(service), **overrides})

    def environment(self, **overrides: Any) -> dict[str, str]:
        """Variables for a child process of this stack; `overrides` by field name."""
        fields = {**self._fields(), **overrides}
        named = {PREFIX + name.upper(): str(value) for name, value in fields.items() if value is not None}
        named[f"{PREFIX}BUS"] = named.pop(f"{PREFIX}BUS_TRANSPORT")
        return {**os.environ, **named}

    def port(self, service: str) -> int:
        """Where the API of a service listens on 127.0.0.1."""
        return int(self._known["ports"][service])

    def address(self, service: str) -> str:
        """The address of a service's API."""
        return f"http://127.0.0.1:{self.port(service)}"

    def _fields(self) -> dict[str, Any]:
        names = ("credit_database_url", "hold_database_url", "bus_url", "kafka_bootstrap")
        known = {name: self._known.get(name) for name in names}
        return {"data_dir": self.data_dir, "bus_transport": self.bus, **known}

    async def _wipe(self, admin: str) -> None:
        for short in self._databases():
            await drop_database(admin, self._database(short))
        if self.bus == "kafka":
            await self._kafka.wipe()

    async def _make_databases(self, admin: str) -> None:
        passwords = self._known.setdefault("passwords", {})
        for short in self._databases():
            name = self._database(short)
            password = passwords.setdefault(name, secrets.token_urlsafe(24))
            url = await ensure_database(admin, name, password)
            self._known["bus_url" if short == "bus" else f"{short}_database_url"] = url

    def _databases(self) -> list[str]:
        services = [name.removesuffix("-service") for name in MODULES]
        return services if self.bus == "kafka" else [*services, "bus"]

    def _database(self, short: str) -> str:
        return f"holdfast_{short}" + ("_on_kafka" if self.bus == "kafka" else "")

    def _choose_ports(self) -> None:
        ports = self._known.setdefault("ports", {})
        for service in (*MODULES, INGEST):
            if ports.get(service) not in range(*QUIET_PORTS) or not is_free(ports[service]):
                ports[service] = _quiet_port({*ports.values()})

    def _save(self) -> None:
        draft = self.data_dir / f"{STACK_FILE}.new"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
            handle.write(orjson.dumps(self._known, option=orjson.OPT_INDENT_2))
        draft.rename(self.data_dir / STACK_FILE)

    async def _migrate(self) -> None:
        for service in MODULES:
            await migrate_service(service, self.settings())


async def _to_its_end(act: Callable[[], T]) -> T:
    """Run `act` in a thread to its end, also when cancelled: what it started can then be stopped."""
    running = asyncio.ensure_future(asyncio.to_thread(act))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _quiet_port(taken: set[int]) -> int:
    """A free port below those that outgoing connections are given: it stays free until it is used."""
    chance = secrets.SystemRandom()
    while True:
        port = chance.randrange(*QUIET_PORTS)
        if port not in taken and is_free(port):
            return port


async def migrate_service(service: str, settings: Settings) -> None:
    """Bring a service's database up to date."""
    await migrate(settings.database_url(service), load(service).MIGRATIONS)


async def create_topics(settings: Settings) -> list[str]:
    """Create the topics that are missing; answers a sentence for each that differs from the catalogue."""
    if settings.bus.transport == "postgres" and settings.bus.url is not None:
        await install(settings.bus.url)
    admin = connect(settings.bus).admin()
    try:
        return await admin.create_topics(TOPICS)
    finally:
        await admin.close()


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Let one process at a time run the stack in `data_dir`. Raises StackInUse."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
    with (data_dir / "stack.lock").open("a") as handle:
        try:
            flock(handle, LOCK_EX | LOCK_NB)
        except OSError:
            raise StackInUse(
                f"Holdfast already runs on the data in {data_dir}: stop it first, or set HOLDFAST_DATA_DIR."
            ) from None
        yield
