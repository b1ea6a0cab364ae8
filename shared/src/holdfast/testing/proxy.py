"""A TCP proxy that can delay, cut, stall and halve connections: PostgreSQL, Kafka, HTTP alike."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

CHUNK = 65536


class Proxy:
    """Forwards `127.0.0.1:port` to a server, and misbehaves on command.

    `delay`: seconds before each chunk is passed on. `stall()`: accepts and passes nothing on. `half(...)`:
    drops one direction. `cut()`: resets all connections; `refuse()`: and takes no new ones, until `heal()`.
    """

    def __init__(self, target_port: int, target_host: str = "127.0.0.1") -> None:
        self.target = (target_host, target_port)
        self.port = 0
        self.delay = 0.0
        self.connections = 0
        self._open = {"up": asyncio.Event(), "down": asyncio.Event()}
        self._dropped: set[str] = set()
        self._refusing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.heal()

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stall(self) -> None:
        """Pass nothing on, but keep connections open; what arrives is passed on after `heal()`."""
        for direction in self._open.values():
            direction.clear()

    def half(self, direction: str) -> None:
        """Drop what goes "up" (to the server) or "down" (to the client) without a word."""
        self._dropped.add(direction)

    def cut(self) -> None:
        """Reset every connection there is."""
        for task in self._tasks:
            task.cancel()

    def refuse(self) -> None:
        """Cut, and reset new connections too."""
        self._refusing = True
        self.cut()

    def heal(self) -> None:
        """Behave again."""
        self.delay, self._refusing = 0.0, False
        self._dropped.clear()
        for direction in self._open.values():
            direction.set()

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            _reset(writer)
            return
        task = asyncio.ensure_future(self._forward(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writers = [writer]
        try:
            up_reader, up_writer = await asyncio.open_connection(*self.target)
            writers.append(up_writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump("up", reader, up_writer))
                both.create_task(self._pump("down", up_reader, writer))
        except* (OSError, EOFError, asyncio.CancelledError):
            for each in writers:
                _reset(each)
        finally:
            self.connections -= 1
            for each in writers:
                each.close()

    async def _pump(self, way: str, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(CHUNK):
            await asyncio.sleep(self.delay)
            await self._open[way].wait()
            if way not in self._dropped:
                sink.write(data)
                await sink.drain()
        with suppress(OSError):
            sink.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side sees a reset, not an orderly end."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
