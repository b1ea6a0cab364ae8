"""Workers as processes of their own, started again when they die."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from structlog import get_logger

from holdfast.platform.keeper import dies_with_parent

STOP_SECONDS = 15.0
PAUSE_SECONDS = 0.2
"""Before a worker that died is started again: one that dies at once must not keep the machine busy."""

log = get_logger(__name__)


class Workers:
    """`count` worker processes of each service; they end with this process, whatever happens to it."""

    def __init__(self, environment: Mapping[str, str], log_file: Path) -> None:
        self._environment = environment
        self._log_file = log_file
        self._stopping = False
        self._keepers: list[asyncio.Task[None]] = []
        self._running: dict[Process, str] = {}

    @property
    def pids(self) -> dict[str, list[int]]:
        """Process ids by service."""
        found: dict[str, list[int]] = {}
        for process, service in self._running.items():
            found.setdefault(service, []).append(process.pid)
        return found

    async def start(self, service: str, count: int) -> None:
        """Start workers and keep them running."""
        for _ in range(count):
            first = await self._spawn(service)
            self._keepers.append(asyncio.ensure_future(self._keep(service, first)))

    async def stop(self) -> None:
        """SIGTERM to all, SIGKILL to those that do not end in time."""
        self._stopping = True
        for process in list(self._running):
            _send(process, signal.SIGTERM)
        _, late = await asyncio.wait(self._keepers, timeout=STOP_SECONDS) if self._keepers else ((), ())
        for process in list(self._running):
            _send(process, signal.SIGKILL)
        if late:
            await asyncio.wait(late)

    async def _keep(self, service: str, process: Process) -> None:
        while True:
            status = await process.wait()
            self._running.pop(process, None)
            if self._stopping:
                return
            log.warning("worker_started_again", service=service, pid=process.pid, status=status)
            await asyncio.sleep(PAUSE_SECONDS)
            process = await self._spawn(service)

    async def _spawn(self, service: str) -> Process:
        with self._log_file.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "holdfast.cli", "run", service, "worker",
                env=dict(self._environment), stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, preexec_fn=dies_with_parent(signal.SIGTERM),
            )  # fmt: skip
        self._running[process] = service
        return process


def _send(process: Process, number: signal.Signals) -> None:
    # It may have ended already while its keeper has not yet seen it.
    with suppress(ProcessLookupError):
        process.send_signal(number)
