"""Wires the ingest process: the event routes and a producer. It has no database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from holdfast.bus.connect import connect
from holdfast.ingest.api import router
from holdfast.platform.settings import Settings
from holdfast.web.app import create_app


def create_api(settings: Settings) -> FastAPI:
    """The application of the ingest process. Raises SettingsError when the bus has no address."""
    transport = connect(settings.bus)

    @asynccontextmanager
    async def producing(app: FastAPI) -> AsyncIterator[None]:
        app.state.producer = transport.producer()
        await app.state.producer.start()
        try:
            yield
        finally:
            await app.state.producer.stop()

    return create_app(title="Holdfast ingest", service="ingest", settings=settings, routers=[router], state=producing)
