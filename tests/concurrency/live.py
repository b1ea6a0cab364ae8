"""hold-service in this process: the real worker and two APIs on a real bus and database, without starting processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import orjson
from tests.faults.system import ROLES, System, headers

from hold_service.app import create_api, run_worker
from hold_service.parameters import PARAMETERS
from holdfast.platform.settings import load_settings
from holdfast.testing.http import serving
from holdfast.testing.waiting import eventually
from holdfast.web.auth import issue_token

WORKERS, APIS = 2, 2
T = TypeVar("T")


@dataclass
class Live:
    """Callers of the APIs, and the loop in which all of it runs."""

    system: System
    clients: list[httpx.AsyncClient]
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it in the loop, from another thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)

    async def send(self, turn: int, method: str, path: str, body: Any, **more: str) -> httpx.Response:
        """An unsafe request to one of the APIs, sent again with its key while the answer is to try again."""
        client, sent = self.clients[turn % len(self.clients)], headers(**more)
        while True:
            answer = await client.request(method, path, content=orjson.dumps(body), headers=sent)
            if answer.status_code != 503:
                return answer

    async def get(self, path: str, **params: Any) -> Any:
        """What is there."""
        return (await self.clients[0].get(path, params=params)).json()

    async def check(self, turn: int, asked: Any) -> None:
        """A credit check, which is always answered."""
        answer = await self.send(turn, "POST", "/v1/credit-checks", asked.model_dump(mode="json", exclude_none=True))
        assert answer.status_code == 200, answer.text

    async def act(self, turn: int, hold: int, version: int, act: str) -> None:
        """Release or reject a hold in the version that was read; somebody else may have been first."""
        tag = {"if-match": f'"{version}"'}
        answer = await self.send(turn, "POST", f"/v1/holds/H-{hold:06d}/{act}", {"reason": "agreed"}, **tag)
        assert answer.status_code in {200, 409, 412}, answer.text


@asynccontextmanager
async def living(system: System, **overrides: Any) -> AsyncIterator[Live]:
    """Everything runs for the length of the block; held orders are decided again at once."""
    settings = load_settings(
        hold_database_url=system.database, data_dir=system.folder, bus_transport="postgres", bus_url=system.bus.url,
        **overrides,
    )  # fmt: skip
    before = PARAMETERS.most_facts_age, PARAMETERS.recheck_delay
    token, stop = issue_token(system.settings, "kim", ROLES), asyncio.Event()
    authorized = {"authorization": f"Bearer {token}"}
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(APIS):
            address = await stack.enter_async_context(serving(create_api(settings)))
            client = httpx.AsyncClient(base_url=address, headers=authorized, timeout=30, trust_env=False)
            clients.append(await stack.enter_async_context(client))
        workers = [asyncio.create_task(run_worker(settings, stop)) for _ in range(WORKERS)]
        try:
            await eventually(lambda: _all_owned(system), 30)
            yield Live(system, clients, asyncio.get_running_loop())
        finally:
            stop.set()
            await asyncio.gather(*workers)
            PARAMETERS.most_facts_age, PARAMETERS.recheck_delay = before


async def _all_owned(system: System) -> bool:
    """Whether both workers have their share of the partitions."""
    found = await system.pool.fetchval("SELECT count(DISTINCT owner) FROM consumer_offset")
    return bool(found == WORKERS)
