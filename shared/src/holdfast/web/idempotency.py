"""`Idempotency-Key`: an unsafe request that is sent again gets the answer of the first, and takes effect once.

Key, fingerprint and answer are stored in the transaction of the effect itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any

import asyncpg
from fastapi import Header
from fastapi.responses import Response

from holdfast.bus.pruning import delete_in_batches
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.platform.clock import utc_now
from holdfast.values import quick
from holdfast.web.auth import Caller
from holdfast.web.problems import Problem

KEEP_DAYS = 7
LOCK_CLASS = 0x69646D70
"""First half of the advisory lock of a key ("idmp" in ASCII)."""
TAKE_KEYS = """
SELECT coalesce(array_agg(n), '{}') FROM unnest($2::text[]) WITH ORDINALITY AS name (text, n)
WHERE pg_try_advisory_xact_lock($1, hashtext(name.text))
"""
KNOWN = """
SELECT json_agg(json_build_array(i.caller, i.key, i.fingerprint, i.status, i.headers, i.body))
FROM unnest($1::text[], $2::text[]) AS wanted (caller, key)
CROSS JOIN LATERAL (
    SELECT * FROM idempotency_key WHERE caller = wanted.caller AND key = wanted.key OFFSET 0) i
"""
"""What is known of keys, once `TAKE_KEYS` has taken them: in a later statement, which sees what the holder before has
committed."""
STORE = """
INSERT INTO idempotency_key (caller, key, fingerprint, status, headers, body, created_at)
SELECT given.*, $7 FROM unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::jsonb[], $6::text[]) AS given
"""
MOST_CHARACTERS = 200
MEANING = "any string that is new for a new request"
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", max_length=MOST_CHARACTERS, description=MEANING)]
KEY_DOCUMENTED = {"name": "Idempotency-Key", "in": "header", "description": MEANING, "schema": {"type": "string"}}
"""The header as an OpenAPI parameter, for a route that reads it by itself."""

Name = tuple[str, str]
"""Caller and key."""


@quick
@dataclass(frozen=True, slots=True)
class Request:
    """One request as idempotency sees it."""

    caller: str
    key: str
    fingerprint: str

    @property
    def name(self) -> Name:
        """Caller and key."""
        return self.caller, self.key


@quick
@dataclass(frozen=True, slots=True)
class Answer:
    """The stored answer of a request."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """As it was given the first time."""
        return Response(self.body, self.status, dict(self.headers), "application/json")


def request_of(caller: Caller, key: str | None, method: str, path: str, body: bytes) -> Request:
    """Raises Problem 400 when the key is missing, empty or too long."""
    if not key or not key.strip() or len(key) > MOST_CHARACTERS:
        raise Problem(
            400, "idempotency-key-required", "Name this request",
            "Send the header Idempotency-Key with at most 200 characters of your own, new for each new request.",
        )  # fmt: skip
    return Request(caller.subject, key, fingerprint(method, path, body))


def fingerprint(method: str, path: str, body: bytes) -> str:
    """What must be the same when a key comes again."""
    return sha256(f"{method} {path}\n".encode() + body).hexdigest()


async def earlier_answer(work: Work, request: Request) -> Answer | None:
    """Take the key for this transaction; the answer if it was answered before.

    Raises Problem 409 while another request with the key is running, 422 when the key came with another body.
    """
    taken = await work.conn.fetchval(TAKE_KEYS, LOCK_CLASS, lock_names([request]))
    known = await work.conn.fetchval(KNOWN, *names([request]))
    outcome = outcomes([request], taken, known)[request.name]
    if isinstance(outcome, Problem):
        raise outcome
    return outcome


def lock_names(requests: Sequence[Request]) -> list[str]:
    """The second parameter of `TAKE_KEYS`; the first is `LOCK_CLASS`."""
    return [f"{request.caller}\n{request.key}" for request in requests]


def names(requests: Sequence[Request]) -> list[list[str]]:
    """The parameters of `KNOWN`."""
    return columns([request.name for request in requests], 2)


def outcomes(
    requests: Sequence[Request], taken: Sequence[int], known: Sequence[Sequence[Any]] | None
) -> dict[Name, Answer | Problem | None]:
    """What `earlier_answer` says of many requests, problems as values: `taken` is what `TAKE_KEYS` has answered, places
    from 1, and `known` what `KNOWN` has."""
    free = {place - 1 for place in taken}
    rows = {(row[0], row[1]): row for row in known or ()}
    return {
        request.name: _outcome(request, rows.get(request.name), place in free) for place, request in enumerate(requests)
    }


def _outcome(request: Request, row: Sequence[Any] | None, free: bool) -> Answer | Problem | None:
    if row is None:
        return None if free else in_progress()
    _, _, fingerprint, status, headers, body = row
    return Answer(status, body, headers) if fingerprint == request.fingerprint else reused(request)


def reused(request: Request) -> Problem:
    """The key came before with another body."""
    return Problem(
        422, "idempotency-key-reused", "The key belongs to another request",
        f"Idempotency-Key {request.key!r} came before with another body; use a new key for a new request.",
    )  # fmt: skip


def in_progress() -> Problem:
    """A request with this key is running."""
    return Problem(
        409, "in-progress", "A request with this key is running", "Wait a moment and send it again to get its answer.",
        headers={"retry-after": "1"},
    )  # fmt: skip


async def store(work: Work, answers: Sequence[tuple[Request, Answer]]) -> None:
    """Keep the answers in the transaction of their effects."""
    await work.conn.execute(STORE, *store_values(work, answers))


def store_values(work: Work, answers: Sequence[tuple[Request, Answer]]) -> list[Any]:
    """The parameters of `STORE`."""
    rows = [(r.caller, r.key, r.fingerprint, answer.status, dict(answer.headers), answer.body) for r, answer in answers]
    return [*columns(rows, 6), work.now]


async def prune(pool: asyncpg.Pool, now: datetime | None = None) -> int:
    """Remove answers older than a week; answers how many."""
    statement = (
        "DELETE FROM idempotency_key WHERE (caller, key) IN "
        "(SELECT caller, key FROM idempotency_key WHERE created_at < $1 LIMIT $2)"
    )
    return await delete_in_batches(pool, statement, (now or utc_now()) - timedelta(days=KEEP_DAYS))
