"""Wait until the facts include what ingest answered with: `after` on a check."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import asyncpg

from holdfast.bus.port import Position
from holdfast.web.problems import Problem, field_problem

POLL_SECONDS = 0.01
MOST_SECONDS = 10.0


def parse_positions(texts: Sequence[str]) -> list[Position]:
    """Read positions as ingest writes them. Raises Problem 422."""
    found = []
    for text in texts:
        try:
            found.append(Position.parse(text))
        except ValueError as error:
            raise field_problem(
                422, "invalid", "The request is not valid", "after", text, str(error),
                "Take positions from the answers of the ingest API.",
            ) from None  # fmt: skip
    return found


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
