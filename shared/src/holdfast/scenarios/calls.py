"""Calls the APIs as a user; a refusal is an answer like any other."""

from __future__ import annotations

import asyncio
import http.client
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import orjson

TIMEOUT_SECONDS = 30
READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What an API answered."""

    status: int
    body: Any
    etag: str | None

    @property
    def ok(self) -> bool:
        """Whether it was taken."""
        return self.status < 400

    @property
    def problem(self) -> str | None:
        """The last part of the problem type of a refusal."""
        kind = self.body.get("type") if isinstance(self.body, dict) and not self.ok else None
        return None if kind is None else str(kind).rsplit("/")[-1]


class Client:
    """One API with a token; each thread keeps its connection."""

    def __init__(self, address: str, token: str) -> None:
        self._where = urlsplit(address)
        self._token = token
        self._kept = threading.local()
        self._opened: list[http.client.HTTPConnection] = []

    def close(self) -> None:
        """Close all connections; nothing may be under way."""
        for connection in self._opened:
            connection.close()

    async def get(self, path: str) -> Reply:
        """GET a path."""
        return await asyncio.to_thread(self._call, "GET", path, None, {})

    async def send(
        self, method: str, path: str, body: Any = None, *, etag: str | None = None, key: str | None = None
    ) -> Reply:
        """An unsafe request under a key of its own, unless one is given. `etag` "new" creates."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        if etag == "new":
            headers["If-None-Match"] = "*"
        elif etag is not None:
            headers["If-Match"] = etag
        return await asyncio.to_thread(self._call, method, path, body, headers)

    async def ready(self) -> None:
        """Wait until the service answers. Raises OSError after half a minute."""
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        while True:
            try:
                if (await self.get("/readyz")).ok:
                    return
            except OSError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(0.02)

    def _call(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Reply:
        data = None if body is None else orjson.dumps(body, default=str)
        sent = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", **headers}
        connection: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        fresh = connection is None
        if connection is None:
            connection = http.client.HTTPConnection(
                self._where.hostname or "127.0.0.1", self._where.port, timeout=TIMEOUT_SECONDS
            )
            self._kept.connection = connection
            self._opened.append(connection)
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self._kept.connection = None
            if fresh:
                raise
            return self._call(method, path, body, headers)
        return Reply(answer.status, orjson.loads(text) if text else None, answer.getheader("ETag"))
