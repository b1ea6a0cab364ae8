"""Connection pools over asyncpg: the settings every connection of Holdfast has."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import asyncpg
import orjson

from holdfast.database.reaching import reaching

STATEMENT_TIMEOUT_SECONDS = 30
LOCK_TIMEOUT_SECONDS = 10
IDLE_IN_TRANSACTION_SECONDS = 10
CONNECT_TIMEOUT_SECONDS = 10
CLIENT_GRACE_SECONDS = 5
"""How much longer than the server the client waits for a statement: a stalled network never answers."""

BY_INDEX = {"jit": "off", "enable_seqscan": "off", "plan_cache_mode": "force_generic_plan"}
"""A prepared statement keeps its first plan, which may be made while tables are empty: a plan that reads whole tables
would stay while they grow. Every statement of a service goes by a key, so that planning it anew for each run costs
more than it can find."""


class Connection(asyncpg.Connection):
    """An asyncpg connection that is handed back without a round trip.

    Run-time code leaves no session state behind (no SET, no session lock, no LISTEN); what needs some
    opens a connection of its own with `connect`.
    """

    def get_reset_query(self) -> str:
        """Nothing to reset."""
        return ""


def _as_text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value).__name__} has no JSON form")


def to_json(value: Any) -> str:
    """JSON text for a jsonb column or parameter; a Decimal is written as a string, never as a float."""
    return orjson.dumps(value, default=_as_text).decode()


async def set_codecs(connection: asyncpg.Connection) -> None:
    """jsonb and json columns are Python values, both ways."""
    for name in ("jsonb", "json"):
        await connection.set_type_codec(name, encoder=to_json, decoder=orjson.loads, schema="pg_catalog")


def server_settings(
    application_name: str, statement_timeout: float | None, lock_timeout: float | None
) -> dict[str, str]:
    """Session settings; None leaves a limit off. Times are in seconds."""
    return {
        "application_name": application_name,
        "search_path": "public",
        "timezone": "UTC",
        "statement_timeout": str(int((statement_timeout or 0) * 1000)),
        "lock_timeout": str(int((lock_timeout or 0) * 1000)),
        "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_SECONDS * 1000),
        **BY_INDEX,
    }


async def create_pool(
    url: str,
    *,
    application_name: str,
    min_size: int = 1,
    max_size: int = 10,
    statement_timeout: float = STATEMENT_TIMEOUT_SECONDS,
    lock_timeout: float = LOCK_TIMEOUT_SECONDS,
    grace: float = CLIENT_GRACE_SECONDS,
) -> asyncpg.Pool:
    """A pool of connections to `url`; times in seconds. Close it with `await pool.close()`. Raises DatabaseAway."""
    with reaching(url):
        pool = await asyncpg.create_pool(
            url,
            min_size=min_size,
            max_size=max_size,
            init=set_codecs,
            connection_class=Connection,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=statement_timeout + grace,
            server_settings=server_settings(application_name, statement_timeout, lock_timeout),
        )
    assert pool is not None
    return pool


async def connect(url: str, *, application_name: str) -> asyncpg.Connection:
    """One connection outside any pool, without time limits on statements: for LISTEN and session locks.

    Raises DatabaseAway.
    """
    with reaching(url):
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_TIMEOUT_SECONDS,
            server_settings=server_settings(application_name, None, None),
        )
    await set_codecs(connection)
    return connection
