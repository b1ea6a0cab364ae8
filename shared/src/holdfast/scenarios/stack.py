"""The services of a run: real processes' roles in this process, on databases of their own that end with the run."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from holdfast.bus.connect import connect
from holdfast.bus.port import Producer
from holdfast.database.pool import create_pool
from holdfast.erp.barrier import Barrier
from holdfast.platform.local import LocalServices
from holdfast.platform.postgres_server import PostgresServer
from holdfast.platform.services import MODULES
from holdfast.platform.settings import Settings
from holdfast.platform.stack import Stack, alone
from holdfast.scenarios.calls import Client
from holdfast.web.auth import issue_token


class ScenarioStack(Stack):
    """A local stack whose databases have names of this run; nothing is left of them."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.model_copy(update={"data_dir": settings.data_dir / "scenarios"}), "postgres")
        self._postgres = PostgresServer(self.data_dir, durable=False)
        self._run = secrets.token_hex(4)

    async def stop(self) -> None:
        await self._wipe(self._given_postgres or str(await asyncio.to_thread(self._postgres.start)))
        await super().stop()

    def _database(self, short: str) -> str:
        return f"scenario_{self._run}_{short}"


@dataclass(slots=True)
class Running:
    """A started stack: where events go in, what waits for them, and the databases that tell what was published."""

    stack: ScenarioStack
    services: LocalServices
    producer: Producer
    barrier: Barrier
    pools: dict[str, asyncpg.Pool]
    clients: dict[tuple[str, str, str], Client] = field(default_factory=dict)

    def client(self, service: str, user: str, roles: list[str], companies: list[str]) -> Client:
        """Somebody who calls an API; the same one as before when nothing differs."""
        known = (service, user, repr((roles, companies)))
        if known not in self.clients:
            token = issue_token(self.stack.settings(service), user, roles, companies)
            self.clients[known] = Client(self.stack.address(service), token)
        return self.clients[known]

    def close(self) -> None:
        """Close the connections of all callers."""
        for client in self.clients.values():
            client.close()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """Start everything; stop it and remove the databases at the end of the block. Raises StackInUse."""
    folder: Path = settings.data_dir / "scenarios"
    with alone(folder):
        stack = ScenarioStack(settings)
        services = LocalServices(stack, 0, folder / "scenarios.log")
        try:
            await stack.start()
            async with _started(stack, services) as found:
                yield found
        finally:
            await services.stop()
            await stack.stop()


@asynccontextmanager
async def _started(stack: ScenarioStack, services: LocalServices) -> AsyncIterator[Running]:
    services.start_apis()
    services.start_jobs()
    await services.start_workers()
    transport = connect(stack.settings().bus)
    producer, admin = transport.producer(), transport.admin()
    async with AsyncExitStack() as opened:
        pools = {}
        for service in MODULES:
            url = stack.settings().database_url(service)
            pools[service] = await opened.enter_async_context(
                await create_pool(url, application_name="holdfast-scenario", max_size=3)
            )
        await producer.start()
        opened.push_async_callback(producer.stop)
        opened.push_async_callback(admin.close)
        barrier = Barrier(pools, admin)
        await barrier.prepare()
        found = Running(stack, services, producer, barrier, pools)
        opened.callback(found.close)
        for service in MODULES:
            await services.while_running(found.client(service, "scenario", ["see"], ["*"]).ready())
        yield found
