"""An HTTP load generator in a process of its own: prepared requests over kept-alive connections.

Reads one JSON object from standard input (`port`, `callers`, `requests`: each a whole HTTP/1.1 request),
writes one to standard output. It parses only what it must, so that it is not the bottleneck.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import uvloop


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of the generator measured."""

    seconds: float
    answered: int
    failed: int
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        return self.answered / self.seconds


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A whole HTTP/1.1 request, ready to send."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def generate(port: int, callers: int, requests: Sequence[bytes]) -> Load:
    """Send all `requests`, `callers` at a time, from a child process."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.performance.load",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    job = {"port": port, "callers": callers, "requests": [r.decode() for r in requests]}
    out, _ = await child.communicate(json.dumps(job).encode())
    return Load(**json.loads(out))


class _Caller(asyncio.Protocol):
    """One connection: sends the next request when the last is answered."""

    def __init__(
        self, waiting: list[bytes], took: list[float], failures: list[int], done: asyncio.Future[None]
    ) -> None:
        self._waiting, self._took, self._failures, self._done = waiting, took, failures, done
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head = self._got.find(b"\r\n\r\n")
        if head < 0 or len(self._got) < head + 4 + _length(self._got[:head].lower()):
            return
        self._took.append(time.perf_counter() - self._since)
        if self._got[9:10] != b"2":
            self._failures.append(1)
        self._got = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server has closed the connection"))

    def _next(self) -> None:
        if self._waiting:
            self._since = time.perf_counter()
            self._transport.write(self._waiting.pop())
        else:
            self._done.set_result(None)
            self._transport.close()


def _length(head: bytes) -> int:
    start = head.index(b"content-length:") + 15
    end = head.find(b"\r", start)
    return int(head[start : end if end > 0 else None])


async def _run(port: int, callers: int, requests: list[bytes]) -> Load:
    took: list[float] = []
    failures: list[int] = []
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in range(callers)]
    start = time.perf_counter()
    for end in ends:
        await loop.create_connection(partial(_Caller, requests, took, failures, end), "127.0.0.1", port)
    await asyncio.gather(*ends)
    seconds = time.perf_counter() - start
    took.sort()
    at = [took[int(len(took) * share)] * 1000 for share in (0.5, 0.99)]
    return Load(seconds, len(took), len(failures), at[0], at[1])


def main() -> None:
    job = json.load(sys.stdin)
    prepared = [cast(str, r).encode() for r in reversed(job["requests"])]
    load = uvloop.run(_run(job["port"], job["callers"], prepared))
    json.dump({name: getattr(load, name) for name in load.__slots__}, sys.stdout)


if __name__ == "__main__":
    main()
