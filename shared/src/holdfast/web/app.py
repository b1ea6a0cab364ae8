"""The application factory: what every Holdfast API has in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import chain
from typing import Any, Literal

import asyncpg
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from holdfast.platform.settings import Settings
from holdfast.web import auth, health, problems
from holdfast.web.correlation import Correlation
from holdfast.web.direct import Direct, DirectRoutes
from holdfast.web.parameters import known_parameters

REQUIRED_HEADERS = {"Idempotency-Key", "If-Match"}
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    *,
    title: str,
    service: str,
    settings: Settings,
    routers: Sequence[APIRouter],
    state: Lifespan,
    direct: DirectRoutes | None = None,
    bodies: Sequence[type[BaseModel]] = (),
) -> FastAPI:
    """An application with problem details, tokens, correlation ids, health and metrics.

    `state` opens what the routes need (pools, producers) on `app.state` and closes it; it may add readiness
    checks to `app.state.checks`. `direct` names the routes that are answered without routing,
    `bodies` the models that such routes read by themselves, for the document.
    """
    app = FastAPI(title=title, version="1", lifespan=state, redirect_slashes=False, separate_input_output_schemas=False)
    app.state.checks, app.state.settings, app.state.service = {}, settings, service
    auth.install(app, settings)
    problems.install(app)
    app.include_router(health.router)
    app.add_api_route("/", _signpost, methods=["GET"], include_in_schema=False)
    for router in routers:
        _document_permissions(router)
        app.include_router(router, dependencies=[Depends(auth.BEARER), Depends(known_parameters)])
    wrap_outermost(app, direct or {})
    _complete_document(app, bodies)
    return app


async def _signpost(request: Request) -> dict[str, str]:
    """Where to read on; the pages under /docs fetch their scripts from the internet, the document does not."""
    return {"title": request.app.title, "openapi": "/openapi.json", "docs": "/docs", "health": "/readyz"}


def _document_permissions(router: APIRouter) -> None:
    """Says in the document which permissions a route needs: `x-permission`, `x-permission-beside` where it takes
    further ones too, and in the answer 403."""
    for route in router.routes:
        nested = getattr(route, "original_router", None)
        if isinstance(nested, APIRouter):
            _document_permissions(nested)
        if isinstance(route, APIRoute) and (needed := _permissions(route.dependant)):
            said: dict[str, Any] = {"403": {"description": f"Needs the permission {' and '.join(needed)}"}}
            more = {"x-permission-beside": needed[1:]} if needed[1:] else {}
            route.openapi_extra = (route.openapi_extra or {}) | {"x-permission": needed[0], "responses": said} | more


def _permissions(dependant: Dependant) -> list[str]:
    own = getattr(dependant.call, "permission", None)
    found = [own, *chain.from_iterable(_permissions(below) for below in dependant.dependencies)]
    return list(dict.fromkeys(name for name in found if name is not None))


def wrap_outermost(app: FastAPI, direct: DirectRoutes) -> None:
    """Correlation ids for all, then the direct routes, then the framework with its own layers."""
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: Correlation(Direct(build(), direct))  # type: ignore[method-assign]


def _complete_document(app: FastAPI, bodies: Sequence[type[BaseModel]]) -> None:
    """Adds what the framework cannot know: the models of bodies that routes read by themselves, and that a header
    is required whose absence the routes answer with a status of its own."""
    written = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = written()
            found["components"]["schemas"] |= _schemas(bodies)
            for operations in found["paths"].values():
                for operation in operations.values():
                    for parameter in operation.get("parameters", ()):
                        if parameter["name"] in REQUIRED_HEADERS:
                            parameter |= {"required": True, "schema": {"type": "string", "minLength": 1}}
        return app.openapi_schema or {}

    app.openapi = document  # type: ignore[method-assign]


def _schemas(models: Sequence[type[BaseModel]]) -> dict[str, Any]:
    wanted: list[tuple[type[BaseModel], Literal["validation"]]] = [(model, "validation") for model in models]
    _, schema = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    found: dict[str, Any] = schema.get("$defs", {})
    return found


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
