"""A database and a role per service."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from holdfast.database.pool import connect
from holdfast.platform.settings import with_password


def url_for(admin_url: str, database: str, user: str, password: str) -> str:
    """The address of another database on the same server."""
    parts = urlsplit(admin_url)
    where = parts.netloc.rpartition("@")[2]
    url = urlunsplit(parts._replace(netloc=f"{quote(user)}@{where}", path=f"/{database}"))
    return with_password(url, password)


async def ensure_database(admin_url: str, name: str, password: str) -> str:
    """Make role and database `name` if they are missing, set the role's password, and return the address.

    Nobody but that role and administrators may connect to the database.
    """
    connection = await connect(admin_url, application_name="holdfast-admin")
    try:
        await _ensure_role(connection, name, password)
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await connection.execute(f"CREATE DATABASE {_quoted(name)} OWNER {_quoted(name)}")
        await connection.execute(f"REVOKE CONNECT ON DATABASE {_quoted(name)} FROM PUBLIC")
    finally:
        await connection.close()
    return url_for(admin_url, name, name, password)


async def _ensure_role(connection: asyncpg.Connection, name: str, password: str) -> None:
    known = await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", name)
    verb = "ALTER" if known else "CREATE"
    literal = await connection.fetchval("SELECT quote_literal($1::text)", password)
    await connection.execute(f"{verb} ROLE {_quoted(name)} LOGIN PASSWORD {literal}")


async def drop_database(admin_url: str, name: str) -> None:
    """Drop a database, cutting whoever is still connected; no error when it does not exist."""
    connection = await connect(admin_url, application_name="holdfast-admin")
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")
    finally:
        await connection.close()


def _quoted(identifier: str) -> str:
    doubled = identifier.replace('"', '""')
    return f'"{doubled}"'
