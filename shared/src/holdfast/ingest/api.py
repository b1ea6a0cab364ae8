"""Events of an ERP that has no connection to the bus, over HTTP: one at a time or in batches.

An answer is given once the bus has the event, and names its position. Nothing is stored here, so there is no
`Idempotency-Key`: sending an event again with the same `source` and `id` is harmless, since every service
lets it take effect once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, NoReturn

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from holdfast.bus.port import Producer
from holdfast.bus.undigestible import Undigestible
from holdfast.ingest.documents import BATCH_BODY, BATCH_RESPONSES, SINGLE_BODY, SINGLE_RESPONSES
from holdfast.ingest.intake import MAX_EVENT_BYTES, Accepted, TooLarge, from_binary, from_structured, parse
from holdfast.ingest.outcomes import TAKEN, Outcome, deliver, forbidden, invalid, too_large
from holdfast.web.auth import ALL, Caller, require
from holdfast.web.bodies import read_body
from holdfast.web.problems import Problem

MAX_BODY_BYTES = 1_000_000
MAX_BATCH_BYTES = 8_000_000
MAX_BATCH_EVENTS = 1000
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

router = APIRouter(prefix="/v1/events", tags=["events"])
Writer = Annotated[Caller, Depends(require("events:write"))]


@router.post(
    "",
    operation_id="sendEvent",
    status_code=TAKEN,
    response_model=Outcome,
    responses=SINGLE_RESPONSES,
    openapi_extra=SINGLE_BODY,
)
async def send_event(request: Request, caller: Writer) -> JSONResponse:
    """Put one event on the bus: structured mode, or binary mode with `ce-…` headers."""
    if _content(request).startswith(BATCH):
        _unsupported("Post batches to /v1/events/batch.")
    body = await read_body(request, MAX_BODY_BYTES)
    verdict = _judge(caller, partial(_single, request, body))
    outcome = (await deliver(producer_of(request), [verdict]))[0]
    if outcome.status != TAKEN:
        raise _problem(outcome)
    return JSONResponse(_shown(outcome), TAKEN)


@router.post(
    "/batch",
    operation_id="sendEvents",
    response_model=list[Outcome],
    responses=BATCH_RESPONSES,
    openapi_extra=BATCH_BODY,
)
async def send_events(request: Request, caller: Writer) -> JSONResponse:
    """Put up to 1000 events on the bus, in their order per key; each of them is answered on its own."""
    if not _content(request).startswith(BATCH):
        _unsupported(f"Send the header content-type with the value {BATCH}.")
    events = _events(await read_body(request, MAX_BATCH_BYTES))
    verdicts = [_judge(caller, partial(from_structured, event)) for event in events]
    outcomes = await deliver(producer_of(request), verdicts)
    status = 200 if all(outcome.status == TAKEN for outcome in outcomes) else 207
    return JSONResponse([_shown(outcome) for outcome in outcomes], status)


def producer_of(request: Request) -> Producer:
    """The producer that the application started."""
    producer: Producer = request.app.state.producer
    return producer


def _single(request: Request, body: bytes) -> Accepted:
    if _content(request).startswith(STRUCTURED):
        return from_structured(parse(body))
    return from_binary(request.headers, body)


def _events(body: bytes) -> list[Any]:
    try:
        events = parse(body)
    except Undigestible as problem:
        raise _problem(invalid(problem)) from None
    if not isinstance(events, list) or not 1 <= len(events) <= MAX_BATCH_EVENTS:
        raise Problem(400, "invalid-batch", "Not a batch", f"Send an array of 1 to {MAX_BATCH_EVENTS} events.")
    return events


def _judge(caller: Caller, read: Callable[[], Accepted]) -> Accepted | Outcome:
    """The event when the caller may send it, else the answer that says why not."""
    try:
        event = read()
    except Undigestible as problem:
        return invalid(problem)
    except TooLarge:
        return too_large(f"An event may have {MAX_EVENT_BYTES} bytes; leave out lines or texts.")
    return event if _may_send(caller, event) else forbidden(event)


def _may_send(caller: Caller, event: Accepted) -> bool:
    if not event.companies:
        return caller.companies is ALL
    return all(caller.sees(company) for company in event.companies)


def _content(request: Request) -> str:
    return request.headers.get("content-type", "").lower()


def _unsupported(detail: str) -> NoReturn:
    raise Problem(415, "unsupported-media-type", "The content type is not taken here", detail)


def _problem(outcome: Outcome) -> Problem:
    errors = [error.model_dump() for error in outcome.errors]
    return Problem(outcome.status, outcome.type or "", outcome.title or "", outcome.detail or "", errors)


def _shown(outcome: Outcome) -> dict[str, Any]:
    return outcome.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
