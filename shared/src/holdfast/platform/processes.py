"""Processes by their id, and free ports."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

from holdfast.platform.accounts import Account

KEEPER = Path(__file__).with_name("keeper.py")
_KEEPERS: list[subprocess.Popen[bytes]] = []
"""Kept until the end: a server may outlive the object that started it."""
_FOR_OTHERS: list[subprocess.Popen[bytes]] = []
"""Those that end with another process than this one, which may end before them."""


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return not Path("/proc/self").exists()
    return state != "Z"


def wait_gone(pid: int, seconds: float) -> bool:
    """Wait until the process has ended; False when it has not after `seconds`."""
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def stop_process(pid: int, number: int, seconds: float) -> None:
    """Send the signal and wait; after `seconds` kill."""
    try:
        os.kill(pid, number)
        if not wait_gone(pid, seconds):
            os.kill(pid, signal.SIGKILL)
            wait_gone(pid, seconds)
    except ProcessLookupError:
        return


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Let one process at a time into the block; the lock goes with the process that holds it."""
    with path.open("a") as handle:
        flock(handle, LOCK_EX)
        yield


def keep(
    command: Sequence[str],
    *,
    cwd: Path,
    log: Path,
    stop: int,
    account: Account | None = None,
    env: Mapping[str, str] | None = None,
    parent: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server that ends (by signal `stop`) when `parent`, by default this process, has ended.

    Output goes to `log`. Returns the keeper, whose exit status is the server's.
    """
    order = {
        "command": list(command), "cwd": str(cwd), "env": dict(env or {}), "stop": int(stop),
        "parent": parent or os.getpid(),
        "user": account.uid if account else None, "group": account.gid if account else None,
    }  # fmt: skip
    with log.open("ab") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(KEEPER), json.dumps(order)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    _KEEPERS.append(keeper)
    if order["parent"] != os.getpid():
        _FOR_OTHERS.append(keeper)
    return keeper


@atexit.register
def _leave_to_others() -> None:
    """Python warns of a child that still runs when its parent ends, unless its end was seen."""
    for keeper in _FOR_OTHERS:
        if keeper.poll() is None:
            keeper.returncode = 0
