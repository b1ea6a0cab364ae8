"""One connection that comes back by itself, for one statement or transaction at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import asyncpg

from holdfast.bus.port import BusUnavailable
from holdfast.database.pool import server_settings
from holdfast.database.reaching import DatabaseAway, reaching

T = TypeVar("T")
Hook = Callable[[asyncpg.Connection], Awaitable[None]]

CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 30.0
LOCK_SECONDS = 10.0
ANSWER_SECONDS = 35.0
"""How long the client waits for an answer: longer than the server works on it, so only a dead link does."""
BROKEN = (OSError, TimeoutError, asyncpg.InternalClientError)
"""After these the state of the connection is not known. An `InternalClientError` is what asyncpg makes of a connection
that the server has ended while nothing was asked."""
LOST = (*BROKEN, asyncpg.PostgresError, asyncpg.InterfaceError)
BY_INDEX = {"jit": "off", "enable_seqscan": "off", "enable_bitmapscan": "off"}
"""A young log has no statistics yet; all reading and appending goes by the primary keys."""


class Link:
    """A connection to the log, made when first used and again after it was lost.

    `on_connect` runs on each new connection before anything else.
    """

    def __init__(
        self, url: str, name: str, on_connect: Hook | None = None, planning: Mapping[str, str] = BY_INDEX
    ) -> None:
        self._url, self._on_connect = url, on_connect
        self._settings = {**server_settings(name, STATEMENT_SECONDS, LOCK_SECONDS), **planning}
        self._connection: asyncpg.Connection | None = None
        self._lock = asyncio.Lock()

    async def run(self, action: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Run `action` on the connection. Raises BusUnavailable when PostgreSQL or the network refuses."""
        async with self._lock:
            try:
                return await action(await self._ready())
            except LOST as error:
                raise await self._unavailable(error) from error

    async def fetch(self, statement: str, *values: Any) -> list[Any]:
        """Run one statement and answer its rows. Raises BusUnavailable."""
        return await self.run(lambda connection: connection.fetch(statement, *values))

    async def close(self) -> None:
        """Let go of the connection; the next use makes another."""
        async with self._lock:
            connection, self._connection = self._connection, None
            if connection is None or connection.is_closed():
                return
            try:
                await connection.close(timeout=1)
            except LOST:
                connection.terminate()

    async def _ready(self) -> asyncpg.Connection:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        with reaching(self._url):
            connection = await asyncpg.connect(
                self._url,
                timeout=CONNECT_SECONDS,
                command_timeout=ANSWER_SECONDS,
                server_settings=self._settings,
            )
        try:
            if self._on_connect is not None:
                await self._on_connect(connection)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection
        return connection

    async def _unavailable(self, error: BaseException) -> BusUnavailable:
        """A connection whose state is not known is thrown away."""
        if isinstance(error, asyncpg.UndefinedTableError | asyncpg.UndefinedFunctionError):
            return BusUnavailable("This database has no tables for the bus: create them with `holdfast topics`.")
        if isinstance(error, BROKEN) and self._connection is not None:
            self._connection.terminate()
            self._connection = None
        if isinstance(error, DatabaseAway):
            return BusUnavailable(str(error))
        return BusUnavailable(f"The log in PostgreSQL does not answer: {error or type(error).__name__}")
