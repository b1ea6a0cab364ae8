"""The correlation id of a request: taken from the caller or made here, logged, and given back."""

from __future__ import annotations

import re
from contextvars import ContextVar
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = b"x-correlation-id"
USABLE = re.compile(rb"[\w.:-]{1,100}")
correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)


class Correlation:
    """Pure ASGI middleware: sets the context variable and the answer's header."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == HEADER), b"")
        used = given if USABLE.fullmatch(given) else uuid4().hex.encode()
        correlation_id.set(used.decode())

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (HEADER, used)]
            await send(message)

        await self._app(scope, receive, sending)
