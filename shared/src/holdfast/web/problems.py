"""Problem details (RFC 9457): every error says what was wrong with which field, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from holdfast.contracts.refusals import refusal_of, shorten
from holdfast.database.pool import to_json
from holdfast.database.work import TryAgain, is_transient
from holdfast.web.correlation import correlation_id

MEDIA_TYPE = "application/problem+json"
TYPES = "https://holdfast.example/problems/"
"""Prefix of the stable problem types; an identifier, not an address to fetch."""
RETRY_SECONDS = 2
SOURCES = ("body", "query", "path", "header")
log = structlog.get_logger(__name__)

TITLES = {
    400: ("bad-request", "The request cannot be read"),
    401: ("unauthorized", "Who are you"),
    403: ("forbidden", "You may not do this"),
    404: ("not-found", "There is no such thing"),
    405: ("method-not-allowed", "The method is not allowed here"),
    406: ("not-acceptable", "No such representation"),
    413: ("body-too-large", "The body is too large"),
    415: ("unsupported-media-type", "The content type is not taken here"),
}


class FieldProblem(BaseModel):
    """One field that is wrong."""

    field: str
    problem: str
    value: str | None = None
    remedy: str | None = None


class ProblemDetails(BaseModel):
    """The body of every error answer."""

    type: str = Field(examples=[TYPES + "not-found"])
    title: str = Field(examples=["There is no such thing"])
    status: int = Field(examples=[404])
    detail: str = ""
    correlation_id: str | None = None
    errors: list[FieldProblem] = []


class Problem(Exception):
    """Raise it anywhere below a route; it becomes the answer."""

    def __init__(
        self,
        status: int,
        type: str,
        title: str,
        detail: str = "",
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{title}: {detail}")
        self.status, self.type, self.title, self.detail = status, type, title, detail
        self.errors, self.headers = list(errors), dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The problem document."""
        kind = self.type if "://" in self.type else TYPES + self.type
        body: dict[str, Any] = {"type": kind, "title": self.title, "status": self.status, "detail": self.detail}
        if (correlation := correlation_id.get()) is not None:
            body["correlation_id"] = correlation
        if self.errors:
            body["errors"] = self.errors
        return body

    def answer(self) -> Response:
        """The problem document as a response."""
        return Response(to_json(self.body()), self.status, self.headers, MEDIA_TYPE)


def field_problem(status: int, type: str, title: str, field: str, value: Any, problem: str, remedy: str) -> Problem:
    """A problem with one field, named, with its value and the remedy."""
    error = {"field": field, "value": shorten(value), "problem": problem, "remedy": remedy}
    return Problem(status, type, title, f"{field}: {problem}. {remedy}", [error])


def not_found(what: str) -> Problem:
    """There is no such thing, or it belongs to a company the caller does not see."""
    return Problem(404, "not-found", "There is no such thing", f"There is no {what} that you may see.")


def unavailable(detail: str) -> Problem:
    """Something we stand on is away for the moment."""
    wait = {"retry-after": str(RETRY_SECONDS)}
    return Problem(503, "unavailable", "Try again in a moment", detail, headers=wait)


def install(app: FastAPI) -> None:
    """Turn every exception of `app` into a problem document."""
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    for error in (Problem, Exception, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, TryAgain):
        app.add_exception_handler(error, _on_problem)


async def _on_problem(request: Request, error: Exception) -> Response:
    return answer_to(request, error)


def answer_to(request: Request, error: Exception) -> Response:
    """The problem document of a `Problem`, of a fault that passes, or of an error of ours."""
    if isinstance(error, Problem):
        return error.answer()
    if is_transient(error):
        log.warning("request_failed_for_now", path=request.url.path, error=str(error))
        changed = isinstance(error, TryAgain)
        why = "What it is about was changed again and again" if changed else "The database did not answer in time"
        return unavailable(f"{why}. Send the same request again.").answer()
    log.error("request_failed", path=request.url.path, exc_info=error)
    detail = "This is an error of ours; nothing was changed. Name the correlation id when you report it."
    return Problem(500, "internal-error", "Something went wrong here", detail).answer()


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [_field(found) for found in error.errors()]
    detail = "; ".join(f"{e['field']}: {e['problem']}" for e in errors[:3])
    return Problem(422, "invalid", "The request is not valid", detail, errors).answer()


def _field(found: Mapping[str, Any]) -> dict[str, Any]:
    source = str(found["loc"][0]) if found["loc"] else "body"
    where = () if found["type"] == "json_invalid" else tuple(part for part in found["loc"] if part not in SOURCES)
    input = "no JSON" if found["type"] == "json_invalid" else found.get("input")
    named = (found.get("ctx") or {}).get("field")
    told = {**found, "loc": where if where or named else (source,), "input": input}
    return asdict(refusal_of(told, f"Correct it in the {source} and send it again."))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind, title = TITLES.get(error.status_code, ("error", str(error.detail)))
    detail = f"{request.method} {request.url.path}: {error.detail}."
    return Problem(error.status_code, kind, title, detail, headers=error.headers).answer()


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of error answers; those every route can give are always among them."""
    text = {400: "Bad request", 401: "No valid token", 403: "Not permitted", 404: "Not found", 409: "In progress",
            412: "Changed meanwhile", 422: "Not valid", 428: "If-Match is missing", 503: "Try again"}  # fmt: skip
    every = sorted({400, 401, 403, 422, 503, *statuses})
    return {
        status: {"description": text.get(status, "Error"), "model": ProblemDetails,
                 "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}}
        for status in every
    }  # fmt: skip
