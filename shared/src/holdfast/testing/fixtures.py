"""Pytest fixtures; the root `conftest.py` exposes them to every test of the repository.

One PostgreSQL serves all workers of a run. It and everything else started here ends with the run.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from holdfast.database.pool import create_pool
from holdfast.platform.kafka_node import KafkaNode
from holdfast.platform.logging import route_to_standard_library
from holdfast.platform.postgres_server import PostgresServer
from holdfast.platform.processes import file_lock
from holdfast.testing.databases import Databases


def controller_pid() -> int:
    """The process whose end is the end of the test run: pytest itself, not one of its workers."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


def run_folder() -> Path:
    """A folder of this run that the account of the database server can enter."""
    folder = Path(tempfile.gettempdir()) / f"holdfast-tests-{os.geteuid()}-{controller_pid()}"
    folder.mkdir(mode=0o711, exist_ok=True)
    return folder


def pytest_configure() -> None:
    """Logs go to pytest, which shows them with a failure."""
    route_to_standard_library()


@contextmanager
def restored_logging() -> Iterator[None]:
    """What the block lets a command set up for its logs ends with it: the output that it writes to is gone then."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    added = [handler for handler in root.handlers if handler not in before]
    for handler in added:
        root.removeHandler(handler)
        handler.close()
    if added:
        root.setLevel(level)
        route_to_standard_library()


@pytest.fixture(autouse=True)
def logging_of_the_run() -> Iterator[None]:
    """Logs go to pytest again after a test that sent them elsewhere."""
    with restored_logging():
        yield


@cache
def _server(folder: Path) -> PostgresServer:
    return PostgresServer(folder, durable=False, parent=controller_pid())


def pytest_unconfigure() -> None:
    """At the end of the run: stop the server and remove its folder."""
    folder = Path(tempfile.gettempdir()) / f"holdfast-tests-{os.geteuid()}-{os.getpid()}"
    if folder.exists():
        _server(folder).stop()
        for home in folder.glob("kafka-*"):
            asyncio.run(KafkaNode(home).kill())
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The superuser's address of this run's PostgreSQL (fsync off), or of `HOLDFAST_POSTGRES_URL`."""
    given = os.environ.get("HOLDFAST_POSTGRES_URL")
    return given or _server(run_folder()).start()


@pytest.fixture(scope="session")
def postgres_port(postgres_url: str) -> int:
    """The port of this run's PostgreSQL, for a proxy in front of it."""
    return urlsplit(postgres_url).port or 5432


@pytest.fixture
async def fresh_database(postgres_url: str) -> AsyncIterator[Databases]:
    """Call it for a fresh database: `url = await fresh_database(MIGRATIONS)`; see `Databases.__call__`."""
    databases = Databases(postgres_url, run_folder())
    yield databases
    await databases.drop_all()


@pytest.fixture
async def database_url(fresh_database: Databases) -> str:
    """A fresh database with the shared base tables (clock, jobs)."""
    return await fresh_database()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on `database_url`."""
    async with await create_pool(database_url, application_name="test") as opened:
        yield opened


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """An empty folder that the account of a server can enter, also when the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-server-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka() -> KafkaNode:
    """A real Apache Kafka for this run, each test worker its own: `kafka.settings`, `kafka.bootstrap`.

    The topics have fixed names, so tests that use one Kafka at the same time would read each other's records.
    """
    folder = run_folder()
    home = folder / f"kafka-{os.environ.get('PYTEST_XDIST_WORKER', 'only')}"
    node = KafkaNode(home, parent=controller_pid())
    with file_lock(folder / "kafka.lock"), ThreadPoolExecutor(1) as other_loop:
        other_loop.submit(asyncio.run, node.start()).result()
    return node
