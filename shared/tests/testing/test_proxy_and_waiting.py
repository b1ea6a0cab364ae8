"""The test tools themselves: a proxy that misbehaves as told, waiting that gives up with a reason."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest

from holdfast.testing.children import running
from holdfast.testing.proxy import Proxy
from holdfast.testing.waiting import eventually


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """A proxy before a server that answers each line with the same line."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with Proxy(server.sockets[0].getsockname()[1]) as made:
        yield made
    server.close()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, line: str, seconds: float = 5.0) -> str:
        self.writer.write(f"{line}\n".encode())
        async with asyncio.timeout(seconds):
            return (await self.reader.readline()).decode().strip()


@pytest.fixture
async def client(proxy: Proxy) -> AsyncIterator[Client]:
    """A client that is connected through the proxy."""
    made = Client(*await asyncio.open_connection("127.0.0.1", proxy.port))
    assert await made.ask("hello") == "hello"
    yield made
    made.writer.transport.abort()


async def test_delay(proxy: Proxy, client: Client) -> None:
    proxy.delay = 0.05
    before = asyncio.get_running_loop().time()
    assert await client.ask("slow") == "slow"
    assert asyncio.get_running_loop().time() - before >= 0.1


async def test_stall_and_heal(proxy: Proxy, client: Client) -> None:
    proxy.stall()
    with pytest.raises(TimeoutError):
        await client.ask("late", 0.1)
    proxy.heal()
    assert await client.ask("next") == "late"


async def test_half_a_connection(proxy: Proxy, client: Client) -> None:
    proxy.half("down")
    with pytest.raises(TimeoutError):
        await client.ask("lost", 0.1)
    proxy.heal()
    assert await client.ask("next") == "next"


async def test_cut_and_refuse(proxy: Proxy, client: Client) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionError):
        await client.ask("gone")
    await eventually(lambda: proxy.connections == 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    with pytest.raises(ConnectionError):
        await Client(reader, writer).ask("refused")
    proxy.heal()
    again = Client(*await asyncio.open_connection("127.0.0.1", proxy.port))
    assert await again.ask("back") == "back"
    again.writer.transport.abort()


async def test_eventually_says_what_it_waited_for() -> None:
    def not_yet() -> bool:
        raise AssertionError("2 of 3")

    with pytest.raises(AssertionError, match=r"not within 0.05 s: 2 of 3"):
        await eventually(not_yet, 0.05)
    assert await eventually(lambda: 7) == 7


async def test_children_are_stopped_by_their_id() -> None:
    async with running("-c", "import time; print('up', flush=True); time.sleep(600)") as child:
        await eventually(lambda: "up" in child.output)
        assert child.status is None
        assert await child.stop() == -signal.SIGTERM
