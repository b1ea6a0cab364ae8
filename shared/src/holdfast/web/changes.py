"""The frame of every unsafe route: one transaction, one idempotency key, one answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from fastapi import Request
from fastapi.responses import Response

from holdfast.database.pool import to_json
from holdfast.database.work import TryAgain, Work, transaction
from holdfast.web import idempotency
from holdfast.web.auth import Caller
from holdfast.web.etags import etag
from holdfast.web.idempotency import Answer, request_of
from holdfast.web.idempotency import Request as Identity

Act = Callable[[Work], Awaitable[Answer]]
TRIES = 5
BEGUN_AGAIN = (TryAgain, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""What says for certain that nothing was done, and is not the request's fault."""


async def once(request: Request, caller: Caller, key: str | None, act: Act, body: bytes | None = None) -> Response:
    """Do `act` in a transaction and keep its answer under the key; sent again, the request gets that answer.

    What changed meanwhile makes it begin again, so that `act` remembers nothing outside the transaction.
    `body` is given where the route has read it by itself. The query is part of the request: a dry run is another one.
    Raises Problem 400 without a key, 409 while the same request runs, 422 when the key came with another body.
    """
    path = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    identity = request_of(caller, key, request.method, path, await request.body() if body is None else body)
    for _ in range(TRIES - 1):
        try:
            return (await _try(request, identity, act)).response()
        except BEGUN_AGAIN:
            continue
    return (await _try(request, identity, act)).response()


async def _try(request: Request, identity: Identity, act: Act) -> Answer:
    async with transaction(request.app.state.pool) as work:
        if (earlier := await idempotency.earlier_answer(work, identity)) is not None:
            return earlier
        given = await act(work)
        await idempotency.store(work, [(identity, given)])
    return given


def answer(body: Any, status: int = 200, version: int | None = None) -> Answer:
    """An answer with a JSON body, and the ETag of a version."""
    return Answer(status, to_json(body), {} if version is None else {"etag": etag(version)})


def shown(body: Any, version: int | None = None) -> Response:
    """What a safe route answers."""
    return answer(body, version=version).response()
