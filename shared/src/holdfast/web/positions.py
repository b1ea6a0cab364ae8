"""Wait until the facts include what ingest answered with: `after` on a check."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import asyncpg

from holdfast.bus.port import Position
from holdfast.contracts.topics import TOPIC_BY_NAME
from holdfast.web.problems import Problem, field_problem

POLL_SECONDS = 0.01
MOST_SECONDS = 10.0


def parse_positions(texts: Sequence[str], service: str) -> list[Position]:
    """Read positions as ingest writes them, on topics that `service` reads. Raises Problem 422."""
    return [_parse(text, service) for text in texts]


def _parse(text: str, service: str) -> Position:
    try:
        found = Position.parse(text)
    except ValueError as error:
        raise _refused(text, str(error)) from None
    topic = TOPIC_BY_NAME.get(found.topic)
    if topic is None or service not in topic.readers:
        raise _refused(text, f"{service} does not read this topic")
    return found


def _refused(text: str, problem: str) -> Problem:
    remedy = "Take positions from the answers of the ingest API."
    return field_problem(422, "invalid", "The request is not valid", "after", text, problem, remedy)


async def wait_for_positions(pool: asyncpg.Pool, positions: Sequence[Position], seconds: float = MOST_SECONDS) -> None:
    """Return once the service has handled all of them. Raises Problem 503 when that takes too long."""
    deadline = time.monotonic() + seconds
    while (missing := await _missing(pool, positions)) is not None:
        if time.monotonic() >= deadline:
            raise Problem(
                503, "facts-not-there-yet", "The facts named by `after` are not there yet",
                f"{missing} is not handled yet after {seconds:g} seconds. Send the same request again.",
                headers={"retry-after": "2"},
            )  # fmt: skip
        await asyncio.sleep(POLL_SECONDS)


async def _missing(pool: asyncpg.Pool, positions: Sequence[Position]) -> str | None:
    found: str | None = await pool.fetchval(
        """SELECT wanted.topic || ':' || wanted.partition || ':' || wanted.at
           FROM unnest($1::text[], $2::int[], $3::bigint[]) AS wanted (topic, partition, at)
           LEFT JOIN consumer_offset c ON c.topic = wanted.topic AND c.partition = wanted.partition
           WHERE coalesce(c.next_offset, 0) <= wanted.at LIMIT 1""",
        [p.topic for p in positions],
        [p.partition for p in positions],
        [p.offset for p in positions],
    )
    return found
