"""What became of each event of a request, and the delivery of those that were accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from pydantic import BaseModel, Field

from holdfast.bus.port import BusUnavailable, Outgoing, Position, Producer, RecordRefused
from holdfast.bus.undigestible import Undigestible
from holdfast.ingest.intake import Accepted

TAKEN = 202


class FieldError(BaseModel):
    """One field that is wrong, and how to mend it."""

    field: str
    value: str
    problem: str
    remedy: str


class Outcome(BaseModel):
    """The answer for one event: its position on the bus, or the problem."""

    id: str | None = Field(None, description="the event's id, when it could be read")
    status: int = Field(description="202 taken, 400 wrong, 403 not yours, 413 too large, 503 try again")
    position: str | None = Field(
        None, description="topic:partition:offset; a credit check may name it in `after` and waits for it"
    )
    type: str | None = Field(None, description="slug of the problem type")
    title: str | None = None
    detail: str | None = None
    errors: list[FieldError] = []


def taken(event: Accepted, position: Position) -> Outcome:
    """The bus has the event."""
    return Outcome(id=event.id, status=TAKEN, position=str(position))


def invalid(problem: Undigestible) -> Outcome:
    """The event is wrong; sending it again unchanged will not help."""
    outcome = _problem(400, "invalid-event", "Not a valid event", str(problem))
    outcome.errors = [FieldError(**asdict(refusal)) for refusal in problem.refusals]
    return outcome


def too_large(detail: str, event: Accepted | None = None) -> Outcome:
    """The event has more bytes than a record may have."""
    number = event.id if event else None
    return Outcome(id=number, status=413, type="event-too-large", title="The event is too large", detail=detail)


def forbidden(event: Accepted) -> Outcome:
    """The event speaks of a company that the caller may not write for."""
    companies = ", ".join(sorted(event.companies)) or "all companies"
    detail = f"The event concerns {companies}; use a token whose companies include that."
    return _problem(403, "other-company", "Not your company", detail, event.id)


def unavailable(event: Accepted) -> Outcome:
    """The bus did not confirm the event; it may be there or not."""
    detail = "The bus did not confirm the event. Send it again with the same source and id; that is harmless."
    return _problem(503, "bus-unavailable", "The bus is away", detail, event.id)


def _problem(
    status: int,
    slug: str,
    title: str,
    detail: str,
    number: str | None = None,
    errors: Sequence[FieldError] = (),
) -> Outcome:
    return Outcome(id=number, status=status, type=slug, title=title, detail=detail, errors=list(errors))


async def deliver(producer: Producer, verdicts: Sequence[Accepted | Outcome]) -> list[Outcome]:
    """Send what was accepted, in the order given, and answer for each verdict once the bus has it."""
    events = [verdict for verdict in verdicts if isinstance(verdict, Accepted)]
    answers = iter(await _send(producer, events))
    return [next(answers) if isinstance(verdict, Accepted) else verdict for verdict in verdicts]


async def _send(producer: Producer, events: Sequence[Accepted]) -> list[Outcome]:
    records: list[Outgoing] = [event.outgoing for event in events]
    try:
        answers = await producer.send(records) if records else []
    except BusUnavailable:
        return [unavailable(event) for event in events]
    return [_outcome(event, answer) for event, answer in zip(events, answers, strict=True)]


def _outcome(event: Accepted, answer: Position | RecordRefused) -> Outcome:
    return taken(event, answer) if isinstance(answer, Position) else too_large(str(answer), event)
