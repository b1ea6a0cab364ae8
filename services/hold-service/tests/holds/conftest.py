"""A person at the hold list: calls the API as different users."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from hold_service.app import create_api
from holdfast.platform.settings import load_settings
from holdfast.testing.http import serving
from holdfast.web.auth import issue_token


@dataclass
class Person:
    """Somebody with a token."""

    client: httpx.AsyncClient

    async def get(self, path: str, **params: Any) -> Any:
        """What is there."""
        answer = await self.client.get(f"/v1{path}", params=params)
        return answer.json()

    async def holds(self, **params: Any) -> list[dict[str, Any]]:
        """The hold list."""
        items: list[dict[str, Any]] = (await self.get("/holds", **params))["items"]
        return items

    async def send(self, method: str, path: str, body: Any = None, tag: str | None = None) -> httpx.Response:
        """An unsafe request of its own key."""
        headers = {"idempotency-key": str(uuid4())} | ({"if-match": tag} if tag else {})
        return await self.client.request(method, f"/v1{path}", json=body, headers=headers)

    async def post(self, path: str, body: Any) -> httpx.Response:
        """An unsafe request that needs no version."""
        return await self.send("POST", path, body)

    async def act(self, hold: str, act: str, **body: Any) -> httpx.Response:
        """Release or reject the newest version of a hold."""
        tag = (await self.client.get(f"/v1/holds/{hold}")).headers.get("etag", '"1"')
        return await self.send("POST", f"/holds/{hold}/{act}", body, tag)


@pytest.fixture
async def person(hold: Any, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Call it for somebody: `await person("kim", ["administer"], ["DE01"])`."""
    user, host = hold.pool._connect_args[0].rsplit("@", 1)
    settings = load_settings(hold_database_url=f"{user}@{host}", data_dir=tmp_path, bus_url="postgresql://unused")
    async with AsyncExitStack() as opened:
        address = await opened.enter_async_context(serving(create_api(settings)))

        async def somebody(
            name: str = "kim", roles: Sequence[str] = ("administer",), companies: Sequence[str] = ("*",)
        ) -> Person:
            token = issue_token(settings, name, roles, companies)
            client = httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"})
            return Person(await opened.enter_async_context(client))

        yield somebody


@pytest.fixture
async def kim(person: Any) -> Person:
    """Somebody who may do everything."""
    found: Person = await person()
    return found


@pytest.fixture
async def reasons(hold: Any) -> None:
    """Reasons of DE01."""
    await hold.pool.execute(
        """INSERT INTO reason SELECT 'DE01', type, id, '', 1 FROM (VALUES ('release', 'PAID'), ('release', 'AUTO'),
           ('release', 'CANCEL'), ('release', 'MODIFIED'), ('hold', 'FRAUD')) v (type, id)"""
    )
