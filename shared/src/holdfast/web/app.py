"""The application factory: what every Holdfast API has in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
from fastapi import APIRouter, Depends, FastAPI

from holdfast.platform.settings import Settings
from holdfast.web import auth, health, problems
from holdfast.web.correlation import Correlation

REQUIRED_HEADERS = {"Idempotency-Key", "If-Match"}
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    *,
    title: str,
    service: str,
    settings: Settings,
    routers: Sequence[APIRouter],
    state: Lifespan,
) -> FastAPI:
    """An application with problem details, tokens, correlation ids, health and metrics.

    `state` opens what the routes need (pools, producers) on `app.state` and closes it; it may add readiness
    checks to `app.state.checks`.
    """
    app = FastAPI(title=title, version="1", lifespan=state, redirect_slashes=False, separate_input_output_schemas=False)
    app.state.checks, app.state.settings, app.state.service = {}, settings, service
    auth.install(app, settings)
    problems.install(app)
    app.include_router(health.router)
    for router in routers:
        app.include_router(router, dependencies=[Depends(auth.BEARER)])
    app.add_middleware(Correlation)
    _document_headers(app)
    return app


def _document_headers(app: FastAPI) -> None:
    """The routes answer a missing header with a status of its own; for readers of the document it is required."""
    written = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            for operations in written()["paths"].values():
                for operation in operations.values():
                    for parameter in operation.get("parameters", ()):
                        if parameter["name"] in REQUIRED_HEADERS:
                            parameter |= {"required": True, "schema": {"type": "string", "minLength": 1}}
        return app.openapi_schema or {}

    app.openapi = document  # type: ignore[method-assign]


def with_pool(open_pool: Callable[[], Any], more: Lifespan | None = None) -> Lifespan:
    """A lifespan that opens a pool as `app.state.pool`, closes it, and checks it for readiness."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool: asyncpg.Pool = await open_pool()
        app.state.pool = pool
        app.state.checks["database"] = lambda: database_answers(pool)
        try:
            if more is None:
                yield
            else:
                async with more(app):
                    yield
        finally:
            await pool.close()

    return lifespan


async def database_answers(pool: asyncpg.Pool) -> str | None:
    """A readiness check."""
    await pool.fetchval("SELECT 1", timeout=2)
    return None
