"""Calls the APIs of the local stack."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener
from uuid import uuid4

TIMEOUT_SECONDS = 30
READY_SECONDS = 30.0


class CallFailed(Exception):
    """An API refused a call or did not answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an API answered; `body` is JSON or None."""

    status: int
    body: Any
    etag: str | None


class Api:
    """One API with a token. Unsafe requests get an idempotency key of their own."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self._token = token
        # The stack is on this machine: no proxy of the environment may stand between.
        self._opener: OpenerDirector = build_opener(ProxyHandler({}))

    async def get(self, path: str) -> Answer:
        """GET; 404 is an answer. Raises CallFailed for other errors."""
        return await asyncio.to_thread(self._call, "GET", path, None, {})

    async def send(self, method: str, path: str, body: Any, **headers: str) -> Answer:
        """POST or PUT with an idempotency key of its own. Raises CallFailed."""
        sent = {"Idempotency-Key": str(uuid4()), **headers}
        return await asyncio.to_thread(self._call, method, path, body, sent)

    async def put(self, path: str, body: Any) -> Answer:
        """PUT over what is there, or create it. Raises CallFailed."""
        etag = (await self.get(path)).etag
        return await self.send("PUT", path, body, **({"If-Match": etag} if etag else {"If-None-Match": "*"}))

    async def ready(self) -> None:
        """Wait until the service says it is ready. Raises CallFailed after half a minute."""
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        while True:
            try:
                await self.get("/readyz")
            except CallFailed:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.05)
            else:
                return

    def _call(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", **headers}
        request = Request(self.address + path, data, sent, method=method)
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return _answer(answer.status, answer.read(), answer.headers.get("ETag"))
        except HTTPError as error:
            if error.code == 404:
                return _answer(404, b"", None)
            detail = error.read().decode(errors="replace")[:300]
            raise CallFailed(f"{method} {self.address}{path} was answered with {error.code}: {detail}") from None
        except (URLError, OSError) as error:
            raise CallFailed(f"{method} {self.address}{path} was not answered: {error}") from None


def _answer(status: int, body: bytes, etag: str | None) -> Answer:
    return Answer(status, json.loads(body) if body else None, etag)
