"""Runs a server as its child and ends it when the process it was started for is gone.

Run as a plain script (`python -I -S keeper.py JSON`), so that it starts in milliseconds and imports nothing
of Holdfast: as root it drops the child, not itself, to another account, which need not be able to read this
file.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.5


def dies_with_parent(number: int) -> Callable[[], None] | None:
    """What the child calls before it becomes the server, so that it outlives this process by no more than a
    signal."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, number)


def watch(parent: int, child: subprocess.Popen[bytes]) -> None:
    """Return when either has ended."""
    if hasattr(os, "pidfd_open"):
        select.select([os.pidfd_open(parent), os.pidfd_open(child.pid)], [], [])
        return
    while child.poll() is None and alive(parent):
        select.select([], [], [], POLL_SECONDS)


def alive(pid: int) -> bool:
    """Whether the process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def start(order: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Start the server that `order` describes: command, cwd, env, user, group, stop (the signal that ends
    it)."""
    account = {"user": order["user"], "group": order["group"], "extra_groups": []} if order["user"] else {}
    return subprocess.Popen(
        order["command"], cwd=order["cwd"], env=order["env"], stdin=subprocess.DEVNULL,
        preexec_fn=dies_with_parent(order["stop"]), **account,
    )  # fmt: skip


def main(order: dict[str, Any]) -> int:
    """Keep the server; the exit status is its own."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    child = start(order)
    signal.signal(signal.SIGTERM, lambda *_: child.send_signal(order["stop"]))
    with suppress(ProcessLookupError):
        watch(order["parent"], child)
    if child.poll() is None:
        child.send_signal(order["stop"])
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
