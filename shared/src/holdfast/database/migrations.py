"""Migrations: an alembic tree per service over asyncpg, with the frozen SQL files of the shared parts.

Alembic writes the SQL of what is missing (its offline mode) and asyncpg executes it, one transaction per
migration: no second driver, and a script of many statements needs no splitting. A migration therefore states
SQL and reads nothing from the database in Python.
"""

from __future__ import annotations

from contextvars import ContextVar
from hashlib import sha256
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from holdfast.database.pool import connect

LOCK = 0x486F6C6466617374
"""The advisory lock that lets one migrator in at a time ("Holdfast" in ASCII)."""
APPLIED = "CREATE TABLE IF NOT EXISTS migration_script (digest text PRIMARY KEY)"
_digests: ContextVar[list[str] | None] = ContextVar("digests", default=None)
"""What `run_sql` notes while migrations are written out."""


class SchemaDiffers(Exception):
    """A database was made by another version of the code; one sentence that says what to do."""

    def __init__(self, database: str) -> None:
        super().__init__(
            f"The tables of the database {database} were made by another version of Holdfast: begin anew with "
            f"`make demo FRESH=1` (`holdfast demo --fresh`) if they hold a demo, else run the version that made them."
        )


async def migrate(url: str, script_location: str | Path, revision: str = "head") -> None:
    """Bring the database at `url` up to `revision`; whoever does so at the same time waits and finds it done.

    A migration that fails leaves the database at the one before it and raises what PostgreSQL said. Raises
    SchemaDiffers, and changes nothing, when the migrations that have run there are not those of this code.
    """
    connection = await connect(url, application_name="holdfast-migrate")
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        current = await current_revision(connection)
        if current is not None:
            await _must_be_ours(connection, script_location, current)
        script = _upgrade_script(script_location, current, revision)
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


async def _must_be_ours(connection: asyncpg.Connection, script_location: str | Path, current: str) -> None:
    """Raises SchemaDiffers unless what has run is, script by script, what the code says up to `current`."""
    noted: list[str] = []
    token = _digests.set(noted)
    try:
        _upgrade_script(script_location, None, current)
    except CommandError:
        noted.append(f"revision {current}, which this code does not know")
    finally:
        _digests.reset(token)
    ran: set[str] = set()
    if await connection.fetchval("SELECT to_regclass('migration_script')") is not None:
        ran = {row[0] for row in await connection.fetch("SELECT digest FROM migration_script")}
    if ran != set(noted):
        raise SchemaDiffers(await connection.fetchval("SELECT current_database()"))


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
    digest = sha256(script.encode()).hexdigest()
    noted = _digests.get()
    if noted is not None:
        noted.append(digest)
    note = f"{APPLIED};\nINSERT INTO migration_script VALUES ('{digest}') ON CONFLICT DO NOTHING"
    for statement in (script, note):
        op.get_context().impl.static_output(statement if statement.rstrip().endswith(";") else f"{statement};")
