"""`holdfast demo` as a person runs it: a process of its own on a data folder of its own."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from holdfast.platform.postgres_server import PostgresServer
from holdfast.platform.processes import is_alive
from holdfast.platform.settings import read_stack
from holdfast.testing.children import Child, running
from holdfast.testing.waiting import eventually

SMALL = ("--events", "4000", "--days", "60")
PATIENCE_SECONDS = 200.0
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@asynccontextmanager
async def demo(folder: Path, *options: str) -> AsyncIterator[Child]:
    """A demo with its data in `folder`."""
    env = {"HOLDFAST_DATA_DIR": str(folder), "HOLDFAST_POSTGRES_URL": "", "HOLDFAST_BUS": ""}
    async with running("-m", "holdfast.cli", "demo", *SMALL, *options, env=env) as child:
        yield child


async def played(folder: Path, *options: str) -> str:
    """What a demo prints that ends by itself."""
    async with demo(folder, "--exit", *options) as child:
        assert await child.wait() == 0, child.output
    return child.output


async def says(child: Child, text: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until the demo has printed a text."""

    def printed() -> bool:
        assert child.status is None or text in child.output, child.output
        return text in child.output

    await eventually(lambda: printed() or None, seconds, what=f"{text!r} is printed")


def result(output: str) -> str:
    """What came of the replay, without what is drawn anew in each run."""
    return UUID.sub("an id", output[output.index("Checked: ") :])


async def decided(folder: Path, count: int) -> None:
    """Wait until hold-service has made so many decisions."""
    url = read_stack(folder)["hold_database_url"]

    async def many() -> bool:
        connection = await asyncpg.connect(url)
        try:
            return bool(await connection.fetchval("SELECT count(*) >= $1 FROM decision", count))
        except asyncpg.UndefinedTableError:
            return False
        finally:
            await connection.close()

    await eventually(many, PATIENCE_SECONDS)


def workers(child: Child, service: str) -> list[int]:
    """The worker processes of a service that the demo runs now."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == child.pid and service.encode() in words and b"worker" in words:
            found.append(int(entry.name))
    return sorted(found)


async def nothing_is_left(folder: Path, pids: list[int]) -> None:
    """Wait until PostgreSQL and these processes have ended."""
    await eventually(lambda: PostgresServer(folder).pid is None and not any(map(is_alive, pids)), 30)
