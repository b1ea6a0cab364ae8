"""A PostgreSQL of our own: `initdb`, then `postgres` as a child on 127.0.0.1, until it is stopped.

As root the server runs under an unprivileged account. A second start on the same data finds the running
server and uses it; after `kill -9` the next start recovers. Everything acknowledged is on disk unless
`durable=False` (tests).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg

from holdfast.platform.accounts import Account, closed_parent, server_account
from holdfast.platform.postgres_binaries import PostgresUnavailable, find_binaries, major_version, reachable
from holdfast.platform.processes import file_lock, free_port, is_alive, is_free, keep, stop_process

START_SECONDS = 60.0
STOP_SECONDS = 30.0
LOG_LIMIT_BYTES = 10_000_000

OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}
"""Survives `kill -9` of the server, but not of the machine."""


class PostgresServer:
    """One server on one data folder.

    `data_dir` holds the cluster (`postgres/`), the superuser's password, the port and the log. `parent` is
    the process whose end ends the server, by default this one. Raises PostgresUnavailable from `start`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        durable: bool = True,
        parent: int | None = None,
        binaries: Path | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.cluster = self.data_dir / "postgres"
        self.log = self.data_dir / "postgres.log"
        self._durable = durable
        self._parent = parent
        self._binaries = binaries
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The superuser's address, with its password."""
        return f"postgresql://postgres:{self._password()}@127.0.0.1:{self.port}/postgres"

    @property
    def port(self) -> int:
        """The port of the last start; it stays the same as long as nobody else takes it."""
        return int(self._port_file.read_text())

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, or None when it does not run."""
        try:
            pid = int((self.cluster / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if is_alive(pid) and _is_ours(pid, self.cluster) else None

    @property
    def _port_file(self) -> Path:
        return self.data_dir / "postgres.port"

    def start(self) -> str:
        """Make the cluster if there is none, start the server or find it running; returns `url`."""
        _make_folder(self.data_dir)
        with file_lock(self.data_dir / "postgres.lock"):
            account = server_account()
            self._check_reachable(account)
            folder = reachable(self._binaries or find_binaries(), account, self.data_dir)
            self._initialise(folder, account)
            self._start_or_attach(folder, account)
        return self.url

    def stop(self) -> None:
        """Shut the server down at once but cleanly, whoever started it; no error when it does not run."""
        pid = self.pid
        if pid is not None:
            stop_process(pid, signal.SIGINT, STOP_SECONDS)
        self._reap()

    def kill(self) -> None:
        """`kill -9` the postmaster, for tests."""
        pid = self.pid
        if pid is not None:
            stop_process(pid, signal.SIGKILL, STOP_SECONDS)
        self._reap()

    def _reap(self) -> None:
        if self._keeper is not None:
            self._keeper.wait(STOP_SECONDS)
            self._keeper = None

    def _password(self) -> str:
        return (self.data_dir / "postgres.password").read_text().strip()

    def _check_reachable(self, account: Account | None) -> None:
        closed = closed_parent(self.cluster, account) if account else None
        if account and closed:
            raise PostgresUnavailable(
                f"Started by root, PostgreSQL runs as {account.name}, who cannot enter {closed}: "
                f"set HOLDFAST_DATA_DIR to a folder that this account can reach, such as /var/lib/holdfast."
            )

    def _initialise(self, folder: Path, account: Account | None) -> None:
        if self.cluster.exists():
            self._check_version(folder)
            return
        draft = self.data_dir / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        _make_folder(draft, account)
        password = secrets.token_urlsafe(24)
        _initdb(folder, draft, password, account)
        _write_secret(self.data_dir / "postgres.password", password)
        draft.rename(self.cluster)

    def _check_version(self, folder: Path) -> None:
        made_by = (self.cluster / "PG_VERSION").read_text().strip()
        if made_by != str(major_version(folder)):
            raise PostgresUnavailable(
                f"{self.cluster} was made by PostgreSQL {made_by}, and {folder} is {major_version(folder)}: "
                f"install {made_by}, or move the data away to begin anew."
            )

    def _start_or_attach(self, folder: Path, account: Account | None) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.pid is None:
                self._reap()
                self._clear_stale_pid_file()
                self._launch(folder, account)
            if self._answers(deadline):
                return
        raise PostgresUnavailable(f"PostgreSQL did not start within {START_SECONDS:.0f} s: see {self.log}.")

    def _clear_stale_pid_file(self) -> None:
        # A zombie, or a stranger with the same process id, would make PostgreSQL believe that it runs
        # already.
        if not any(_is_ours(pid, self.cluster) for pid in _all_pids() if is_alive(pid)):
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def _launch(self, folder: Path, account: Account | None) -> None:
        self._choose_port()
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.write_bytes(b"")
        options = {**OPTIONS, "port": str(self.port), **({} if self._durable else NOT_DURABLE)}
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self._keeper = keep(
            [str(folder / "postgres"), "-D", str(self.cluster), *settings],
            cwd=self.cluster, log=self.log, stop=signal.SIGINT, account=account, parent=self._parent,
            env={"LC_ALL": "C", "PATH": os.defpath},
        )  # fmt: skip

    def _choose_port(self) -> None:
        remembered = self.port if self._port_file.exists() else 0
        if not remembered or not is_free(remembered):
            self._port_file.write_text(str(free_port()))

    def _answers(self, deadline: float) -> bool:
        while time.monotonic() < deadline:
            if self._is_up():
                return True
            if self.pid is None and (self._keeper is None or self._keeper.poll() is not None):
                time.sleep(0.1)
                return False
            time.sleep(0.02)
        return False

    def _is_up(self) -> bool:
        try:
            found = _ask(self.url, "SHOW data_directory")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return Path(found).resolve() == self.cluster.resolve()


def _ask(url: str, question: str) -> str:
    async def ask() -> str:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            answer: str = await connection.fetchval(question)
            return answer
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as other_loop:
        return other_loop.submit(asyncio.run, ask()).result()


def _initdb(folder: Path, cluster: Path, password: str, account: Account | None) -> None:
    with tempfile.NamedTemporaryFile("w", dir=cluster.parent, prefix="initdb-") as secret:
        secret.write(password)
        secret.flush()
        if account:
            os.fchown(secret.fileno(), account.uid, account.gid)
        command: list[str | Path] = [
            folder / "initdb", "-D", cluster, "--username=postgres", f"--pwfile={secret.name}",
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions",
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=cluster, env={"PATH": os.defpath},
            user=account.uid if account else None, group=account.gid if account else None,
            extra_groups=[] if account else None,
        )  # fmt: skip
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PostgresUnavailable(f"PostgreSQL's initdb failed in {cluster}: {reason}")


def _make_folder(path: Path, account: Account | None = None) -> None:
    """Folders made for root can be entered by everybody (0711), the cluster's own by nobody else (0700)."""
    for missing in [*reversed([p for p in path.parents if not p.exists()]), path]:
        if not missing.exists():
            missing.mkdir(mode=0o711 if os.geteuid() == 0 and account is None else 0o700)
    if account:
        os.chown(path, account.uid, account.gid)


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def _is_ours(pid: int, cluster: Path) -> bool:
    """Whether the process works in the cluster's folder, as all of a PostgreSQL's do (unknown counts as
    yes)."""
    link = Path(f"/proc/{pid}/cwd")
    try:
        return link.resolve(strict=True) == cluster.resolve()
    except PermissionError:
        return False
    except OSError:
        return not Path("/proc/self").exists()
