"""A PostgreSQL for one benchmark: durable, so that a commit costs what it costs."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from holdfast.platform.postgres_server import PostgresServer


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="holdfast-bench-"))
    folder.chmod(0o711)
    return folder


@asynccontextmanager
async def embedded_postgres() -> AsyncIterator[str]:
    """The superuser's address of a fresh server, gone at the end."""
    folder = _folder()
    server = PostgresServer(folder)
    try:
        yield await asyncio.to_thread(server.start)
    finally:
        await asyncio.to_thread(server.stop)
        shutil.rmtree(folder, ignore_errors=True)
