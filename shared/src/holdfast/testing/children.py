"""Child processes of a test: started, waited for and stopped by their id."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

STOP_SECONDS = 20.0


class Child:
    """A running child; `output` is all it has printed so far."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.output = ""
        self._reader = asyncio.ensure_future(self._read())

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._process.returncode

    def send(self, number: int) -> None:
        """Send a signal (SIGTERM, SIGSTOP, SIGCONT, …) if it still runs."""
        if self.status is None:
            os.kill(self.pid, number)

    async def kill(self) -> int:
        """`kill -9`, and wait."""
        self.send(signal.SIGKILL)
        return await self.wait()

    async def stop(self, seconds: float = STOP_SECONDS) -> int:
        """SIGTERM, and SIGKILL after `seconds`; returns the exit status."""
        self.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                return await self.wait()
        except TimeoutError:
            return await self.kill()

    async def wait(self) -> int:
        """Wait for the end; returns the exit status."""
        status = await self._process.wait()
        await self._reader
        return status

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while data := await self._process.stdout.read(65536):
            self.output += data.decode(errors="replace")


async def start_child(*arguments: str, env: Mapping[str, str] | None = None) -> Child:
    """Start `python arguments…` with this environment added to ours."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=PIPE, stderr=STDOUT, env={**os.environ, **(env or {})}
    )
    return Child(process)


@asynccontextmanager
async def running(*arguments: str, env: Mapping[str, str] | None = None) -> AsyncIterator[Child]:
    """`start_child` for the length of a block; killed at its end if it still runs."""
    child = await start_child(*arguments, env=env)
    try:
        yield child
    finally:
        child.send(signal.SIGCONT)
        await child.kill()
