"""The embedded PostgreSQL: starts, is found again, survives `kill -9`, ends with whoever needed it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from holdfast.platform import accounts, postgres_binaries
from holdfast.platform.postgres_binaries import PostgresUnavailable, find_binaries, major_version, reachable
from holdfast.platform.postgres_server import PostgresServer
from holdfast.platform.processes import is_alive
from holdfast.testing.children import running
from holdfast.testing.waiting import eventually

STARTS_ONE = """
import sys, time
from pathlib import Path
from holdfast.platform.postgres_server import PostgresServer
server = PostgresServer(Path(sys.argv[1]))
server.start()
print("pid", server.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def server(server_folder: Path) -> Iterator[PostgresServer]:
    """A server that is not started yet."""
    made = PostgresServer(server_folder)
    yield made
    made.stop()


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_it_is_durable_and_listens_on_this_machine_only(server: PostgresServer) -> None:
    url = server.start()
    assert await ask(url, "SHOW fsync") == "on"
    assert await ask(url, "SHOW synchronous_commit") == "on"
    assert await ask(url, "SHOW listen_addresses") == "127.0.0.1"
    assert await ask(url, "SHOW unix_socket_directories") == ""
    assert await ask(url, "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'postgres'")
    assert (server.data_dir / "postgres.password").stat().st_mode & 0o777 == 0o600
    assert server.cluster.stat().st_mode & 0o777 == 0o700


async def test_it_wants_the_password(server: PostgresServer) -> None:
    url = server.start()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(url.replace(":", ":x", 2).replace(":x//", "://", 1), "SELECT 1")


async def test_a_second_start_finds_the_running_server(server: PostgresServer) -> None:
    url, pid = server.start(), server.pid
    other = PostgresServer(server.data_dir)
    assert other.start() == url
    assert other.pid == pid
    other.stop()
    assert server.pid is None


@pytest.mark.fault
async def test_after_kill_9_every_acknowledged_row_is_there(server: PostgresServer) -> None:
    url = server.start()
    await ask(url, "CREATE TABLE t (n int)")
    for n in range(3):
        await ask(url, f"INSERT INTO t VALUES ({n})")
        server.kill()
        assert server.start() == url
        assert await ask(url, "SELECT count(*) FROM t") == n + 1


async def test_a_pid_file_of_a_stranger_does_not_keep_it_from_starting(server: PostgresServer) -> None:
    server.start()
    server.kill()
    path = server.cluster / "postmaster.pid"
    lines = path.read_text().split("\n")
    path.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    assert server.pid is None
    assert await ask(server.start(), "SELECT 1") == 1


async def test_it_takes_another_port_when_its_own_is_taken(server: PostgresServer) -> None:
    server.start()
    port = server.port
    server.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        assert await ask(server.start(), "SELECT 1") == 1
        assert server.port != port


@pytest.mark.fault
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_it_ends_with_the_process_that_started_it(server_folder: Path, number: int) -> None:
    async with running("-c", STARTS_ONE, str(server_folder)) as child:
        line = await eventually(lambda: child.output.strip() if "pid" in child.output else "", 30)
        pid = int(line.split()[-1])
        assert is_alive(pid)
        child.send(number)
        await child.wait()
        await eventually(lambda: not is_alive(pid))


async def test_data_of_another_version_is_refused_in_one_sentence(server: PostgresServer) -> None:
    server.start()
    server.stop()
    (server.cluster / "PG_VERSION").write_text("14\n")
    with pytest.raises(PostgresUnavailable, match=r"made by PostgreSQL 14, .*install 14, or move the data away"):
        server.start()
    (server.cluster / "PG_VERSION").write_text(f"{major_version(find_binaries())}\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")
def test_root_is_told_when_the_account_cannot_enter_the_folder(server_folder: Path) -> None:
    closed = server_folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(PostgresUnavailable, match=f"cannot enter {closed}: set HOLDFAST_DATA_DIR"):
        PostgresServer(closed / "data").start()
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")
def test_as_root_it_runs_under_another_account(server: PostgresServer) -> None:
    server.start()
    account = accounts.server_account()
    assert account is not None
    owner = os.stat(f"/proc/{server.pid}").st_uid
    assert owner == account.uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")
def test_binaries_that_the_account_cannot_reach_are_copied(server_folder: Path) -> None:
    installation = find_binaries().parent
    package = installation.parent
    closed = server_folder / "home"
    closed.mkdir(mode=0o700)
    shutil.copytree(installation, closed / package.name / installation.name)
    shutil.copytree(package.with_name(f"{package.name}.libs"), closed / f"{package.name}.libs")
    server = PostgresServer(server_folder, binaries=closed / package.name / installation.name / "bin")
    try:
        server.start()
        assert str(closed) not in Path(f"/proc/{server.pid}/cmdline").read_text()
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()


def test_binaries_that_can_be_reached_are_used_where_they_are(server_folder: Path) -> None:
    assert reachable(find_binaries(), None, server_folder) == find_binaries()


def test_without_any_postgresql_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_binaries, "OLDEST", 99)
    with pytest.raises(PostgresUnavailable, match="No PostgreSQL 99 or newer was found: install it"):
        find_binaries()


@pytest.mark.parametrize("folder", postgres_binaries._of_the_machine()[:1], ids=str)
async def test_a_postgresql_of_the_machine_does_too(server_folder: Path, folder: Path) -> None:
    server = PostgresServer(server_folder, binaries=folder)
    try:
        assert await ask(server.start(), "SELECT 1") == 1
    finally:
        server.stop()
