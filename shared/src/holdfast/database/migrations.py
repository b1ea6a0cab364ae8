"""Migrations: an alembic tree per service over asyncpg, with the frozen SQL files of the shared parts.

Alembic writes the SQL of what is missing (its offline mode) and asyncpg executes it, one transaction per
migration: no second driver, and a script of many statements needs no splitting. A migration therefore states
SQL and reads nothing from the database in Python.
"""

from __future__ import annotations

from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory

from holdfast.database.pool import connect

LOCK = 0x486F6C6466617374
"""The advisory lock that lets one migrator in at a time ("Holdfast" in ASCII)."""


async def migrate(url: str, script_location: str | Path, revision: str = "head") -> None:
    """Bring the database at `url` up to `revision`; whoever does so at the same time waits and finds it done.

    A migration that fails leaves the database at the one before it and raises what PostgreSQL said.
    """
    connection = await connect(url, application_name="holdfast-migrate")
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        script = _upgrade_script(script_location, await current_revision(connection), revision)
        if script:
            await _execute(connection, script)
    finally:
        await connection.close()


async def current_revision(connection: asyncpg.Connection) -> str | None:
    """The newest migration that has run in this database, or None."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


def _upgrade_script(script_location: str | Path, current: str | None, revision: str) -> str:
    written = StringIO()
    config = Config(output_buffer=written)
    config.set_main_option("script_location", str(script_location).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    target = ScriptDirectory.from_config(config).as_revision_number(revision)
    if target in (None, current):
        return ""
    command.upgrade(config, f"{current}:{revision}" if current else revision, sql=True)
    return written.getvalue()


async def _execute(connection: asyncpg.Connection, script: str) -> None:
    try:
        await connection.execute(script)
    except asyncpg.PostgresError:
        await connection.execute("ROLLBACK")
        raise


def run_env() -> None:
    """The whole body of a service's `migrations/env.py`."""
    context.configure(dialect_name="postgresql", as_sql=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def run_script(op: Any, package: str, filename: str) -> None:
    """Execute `sql/filename` of `package` (any number of statements) inside the migration's transaction."""
    run_sql(op, files(package).joinpath("sql", filename).read_text("utf-8"))


def run_sql(op: Any, script: str) -> None:
    """Execute a script as it is (no bind parameters, no escapes) inside the migration's transaction."""
    op.get_context().impl.static_output(script if script.rstrip().endswith(";") else f"{script};")
