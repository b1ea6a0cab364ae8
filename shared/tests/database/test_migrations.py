"""Migrations: once, in order, all or nothing, whoever else migrates at the same time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from holdfast.database.migrations import SchemaDiffers, current_revision, migrate
from holdfast.database.pool import connect
from holdfast.database.roles import drop_database, ensure_database
from holdfast.testing.databases import Databases

ENV = "from holdfast.database.migrations import run_env\n\nrun_env()\n"
HEAD = "from alembic import op\nfrom holdfast.database.migrations import run_script, run_sql\n\n"
FIRST = """revision = "0001"
down_revision = None


def upgrade() -> None:
    run_script(op, "holdfast.database", "0001_base.sql")
    run_sql(op, "CREATE TABLE a (t text DEFAULT '50%, a:b'); INSERT INTO a VALUES (DEFAULT); -- done")
"""
SECOND = """revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql(op, "ALTER TABLE a ADD n int")
"""
BROKEN = """revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql(op, "CREATE TABLE b (n int); INSERT INTO b VALUES ('not a number')")
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An alembic tree with one migration."""
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(ENV)
    add(tmp_path, "0001", FIRST)
    return tmp_path


def add(tree: Path, number: str, body: str) -> None:
    (tree / "versions" / f"{number}_test.py").write_text(HEAD + body)


async def ask(url: str, question: str) -> object:
    connection = await connect(url, application_name="test")
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def revision(url: str) -> str | None:
    connection = await connect(url, application_name="test")
    try:
        return await current_revision(connection)
    finally:
        await connection.close()


async def test_scripts_run_as_they_are_and_only_once(fresh_database: Databases, tree: Path) -> None:
    url = await fresh_database(scripts=())
    assert await revision(url) is None
    await migrate(url, tree)
    await migrate(url, tree)
    assert await ask(url, "SELECT string_agg(t, '') FROM a") == "50%, a:b"
    add(tree, "0002", SECOND)
    await migrate(url, tree)
    assert await revision(url) == "0002"
    assert await ask(url, "SELECT count(n) FROM a") == 0


async def test_migrators_that_race_take_turns(fresh_database: Databases, tree: Path) -> None:
    url = await fresh_database(scripts=())
    add(tree, "0002", SECOND)
    await asyncio.gather(*(migrate(url, tree) for _ in range(4)))
    assert await revision(url) == "0002"


async def test_a_failing_migration_leaves_the_one_before(fresh_database: Databases, tree: Path) -> None:
    url = await fresh_database(scripts=())
    add(tree, "0002", SECOND)
    add(tree, "0003", BROKEN)
    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        await migrate(url, tree)
    assert await revision(url) == "0002"
    assert await ask(url, "SELECT to_regclass('b')") is None


async def test_migrations_that_ran_differently_are_refused_and_nothing_changes(
    fresh_database: Databases, tree: Path
) -> None:
    url = await fresh_database(scripts=())
    await migrate(url, tree)
    # Of another length: Python knows a file that was written twice in a second by its size.
    add(tree, "0001", FIRST.replace("DEFAULT '50%", "DEFAULT '600%"))
    add(tree, "0002", SECOND)
    with pytest.raises(SchemaDiffers, match="FRESH=1"):
        await migrate(url, tree)
    assert await revision(url) == "0001"
    add(tree, "0001", FIRST)
    await migrate(url, tree)
    (tree / "versions" / "0002_test.py").unlink()
    with pytest.raises(SchemaDiffers, match="another version"):
        await migrate(url, tree)


async def test_templates_are_migrated_once_and_copied(fresh_database: Databases, tree: Path) -> None:
    first, second = await fresh_database(tree), await fresh_database(tree)
    assert first != second
    assert await revision(second) == "0001"


async def test_a_service_reaches_its_own_database_only(postgres_url: str) -> None:
    ours = await ensure_database(postgres_url, "holdfast_ours", "p@ss/word'%")
    theirs = await ensure_database(postgres_url, "holdfast_theirs", "other")
    try:
        assert await ensure_database(postgres_url, "holdfast_ours", "p@ss/word'%") == ours
        assert await ask(ours, "SELECT current_user") == "holdfast_ours"
        crossed = ours.rsplit("/", 1)[0] + "/holdfast_theirs"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(crossed, "SELECT 1")
        assert await ask(theirs, "SELECT current_user") == "holdfast_theirs"
    finally:
        for name in ("holdfast_ours", "holdfast_theirs"):
            await drop_database(postgres_url, name)
            await ask_admin(postgres_url, f"DROP ROLE {name}")


async def ask_admin(url: str, statement: str) -> None:
    connection = await connect(url, application_name="test")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
