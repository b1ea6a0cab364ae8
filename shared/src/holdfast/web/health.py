"""Health and metrics: the only routes that ask for no token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from holdfast.platform import metrics

Check = Callable[[], Awaitable[str | None]]
"""What is wrong, in one sentence, or None."""
router = APIRouter(tags=["health"])


@router.get("/livez", operation_id="isAlive")
async def live() -> dict[str, str]:
    """The process runs. Never asks the database."""
    return {"status": "alive"}


@router.get("/readyz", operation_id="isReady", responses={503: {"description": "Not ready, and why"}})
async def ready(request: Request) -> JSONResponse:
    """Whether this process can do its work now, and if not, why."""
    checks: dict[str, Check] = request.app.state.checks
    found = {name: await _safely(check) for name, check in checks.items()}
    wrong = {name: text for name, text in found.items() if text}
    return JSONResponse({"status": "not ready" if wrong else "ready", "problems": wrong}, 503 if wrong else 200)


async def _safely(check: Check) -> str | None:
    try:
        return await check()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@router.get("/metrics", operation_id="metrics", response_class=Response)
async def exposition() -> Response:
    """All metrics of this process in Prometheus' text format."""
    return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)
