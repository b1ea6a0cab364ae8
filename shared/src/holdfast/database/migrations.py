"""Migrations: alembic over asyncpg, one tree per service, frozen SQL files of the shared parts."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import await_only

from holdfast.database.pool import connect

LOCK = 0x486F6C6466617374
"""The advisory lock that lets one migrator in at a time ("Holdfast" in ASCII)."""


async def migrate(url: str, script_location: str | Path, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`; whoever migrates it at the same time waits and finds it done."""
    guard = await connect(url, application_name="holdfast-migrate")
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", LOCK)
        await _upgrade(url, script_location, revision)
    finally:
        await guard.close()


async def _upgrade(url: str, script_location: str | Path, revision: str) -> None:
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run_alembic, script_location, revision)
    finally:
        await engine.dispose()


def _run_alembic(connection: Connection, script_location: str | Path, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(script_location).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def run_env() -> None:
    """The whole body of a service's `migrations/env.py`: run on the connection that `migrate` handed over."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
    if connection.in_transaction():
        connection.commit()


def run_script(op: Any, package: str, filename: str) -> None:
    """Execute `sql/filename` of `package` (any number of statements) inside the migration's transaction."""
    run_sql(op, files(package).joinpath("sql", filename).read_text("utf-8"))


def run_sql(op: Any, script: str) -> None:
    """Execute a script of any number of statements inside the migration's transaction."""
    bind: Connection = op.get_bind()
    # The adapter begins the transaction with its own first statement; else the script would run outside it.
    bind.exec_driver_sql("SELECT 1")
    driver = bind.connection.driver_connection
    assert driver is not None
    await_only(driver.execute(script))
