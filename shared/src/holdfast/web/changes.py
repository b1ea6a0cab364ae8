"""The frame of every unsafe route: one transaction, one idempotency key, one answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from holdfast.database.pool import to_json
from holdfast.database.work import Work, transaction
from holdfast.web import idempotency
from holdfast.web.auth import Caller
from holdfast.web.etags import etag
from holdfast.web.idempotency import Answer, request_of

Act = Callable[[Work], Awaitable[Answer]]


async def once(request: Request, caller: Caller, key: str | None, act: Act, body: bytes | None = None) -> Response:
    """Do `act` in a transaction and keep its answer under the key; sent again, the request gets that answer.

    `body` is given where the route has read it by itself. The query is part of the request: a dry run is another one.
    Raises Problem 400 without a key, 409 while the same request runs, 422 when the key came with another body.
    """
    path = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    identity = request_of(caller, key, request.method, path, await request.body() if body is None else body)
    async with transaction(request.app.state.pool) as work:
        if (earlier := await idempotency.earlier_answer(work, identity)) is not None:
            return earlier.response()
        answer = await act(work)
        await idempotency.store(work, [(identity, answer)])
    return answer.response()


def answer(body: Any, status: int = 200, version: int | None = None) -> Answer:
    """An answer with a JSON body, and the ETag of a version."""
    return Answer(status, to_json(body), {} if version is None else {"etag": etag(version)})


def shown(body: Any, version: int | None = None) -> Response:
    """What a safe route answers."""
    return answer(body, version=version).response()
