"""Fresh databases, each a copy of a template that was migrated once."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from holdfast.database.migrations import migrate
from holdfast.database.pool import connect
from holdfast.database.roles import drop_database
from holdfast.platform.processes import file_lock

Script = tuple[str, str]
BASE: Script = ("holdfast.database", "0001_base.sql")


class Databases:
    """Makes databases on one server and drops them again; `lock_dir` is shared by all who use that server."""

    def __init__(self, admin_url: str, lock_dir: Path) -> None:
        self.admin_url = admin_url
        self._lock_dir = lock_dir
        self._made: list[str] = []

    async def __call__(self, migrations: Path | str | None = None, *, scripts: Sequence[Script] = (BASE,)) -> str:
        """The address of a fresh database: with an alembic tree's tables, or with those of frozen scripts.

        A script is (package, filename under its `sql/`). An empty list of scripts gives an empty database.
        """
        template = await self._template(migrations, scripts)
        name = f"test_{uuid4().hex[:16]}"
        await self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        self._made.append(name)
        return self._url(name)

    async def drop_all(self) -> None:
        """Drop what was made here, cutting whoever is still connected."""
        while self._made:
            await drop_database(self.admin_url, self._made.pop())

    async def _template(self, migrations: Path | str | None, scripts: Sequence[Script]) -> str:
        key = repr(str(migrations) if migrations else list(scripts)).encode()
        name = f"template_{sha256(key).hexdigest()[:16]}"
        done = self._lock_dir / f"{name}.done"
        with file_lock(self._lock_dir / f"{name}.lock"):
            if not done.exists():
                await drop_database(self.admin_url, name)
                await self._admin(f'CREATE DATABASE "{name}"')
                await self._fill(self._url(name), migrations, scripts)
                done.touch()
        return name

    async def _fill(self, url: str, migrations: Path | str | None, scripts: Sequence[Script]) -> None:
        if migrations is not None:
            await migrate(url, migrations)
            return
        connection = await connect(url, application_name="holdfast-test")
        try:
            for package, filename in scripts:
                await connection.execute(files(package).joinpath("sql", filename).read_text("utf-8"))
        finally:
            await connection.close()

    async def _admin(self, statement: str) -> None:
        connection = await connect(self.admin_url, application_name="holdfast-test")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _url(self, name: str) -> str:
        return urlunsplit(urlsplit(self.admin_url)._replace(path=f"/{name}"))
