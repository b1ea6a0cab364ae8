"""Routes that are called thousands of times a second are answered before routing and parameter parsing begin.

Such a route is an ordinary one too: the same function is registered for the OpenAPI document, takes nothing but
the request and answers with a response.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.web.problems import answer_to

Endpoint = Callable[[Request], Awaitable[Response]]
DirectRoutes = Mapping[tuple[str, str], Endpoint]
"""By method and path."""


class Direct:
    """ASGI middleware: answers the direct routes, with the same problem documents, and passes on all else."""

    def __init__(self, app: ASGIApp, routes: DirectRoutes) -> None:
        self._app, self._routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await endpoint(request)
        except Exception as error:
            response = answer_to(request, error)
        await response(scope, receive, send)
