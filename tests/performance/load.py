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


async def _answer(reader: asyncio.StreamReader) -> bool:
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    start = lower.index(b"content-length:") + 15
    await reader.readexactly(int(lower[start : lower.index(b"\r", start)]))
    return head[9:10] == b"2"


async def _caller(port: int, waiting: list[bytes], took: list[float], failures: list[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while waiting:
        start = time.perf_counter()
        writer.write(waiting.pop())
        if not await _answer(reader):
            failures.append(1)
        took.append(time.perf_counter() - start)
    writer.close()


async def _run(port: int, callers: int, requests: list[bytes]) -> Load:
    took: list[float] = []
    failures: list[int] = []
    start = time.perf_counter()
    await asyncio.gather(*(_caller(port, requests, took, failures) for _ in range(callers)))
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
