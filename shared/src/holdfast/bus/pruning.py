"""Nothing grows without bound: what is done and older than its retention goes, in small transactions."""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg

from holdfast.platform.clock import utc_now

BATCH = 5_000
SENT_DAYS = 30
"""As long as a topic keeps records, and two days more for what had to wait for the bus: what a broker lost can be
published again."""
INBOX_DAYS = 35
"""Longer than a topic keeps records, so that no record can come again whose mark is gone."""
SETTLED_DAYS = 365

STATEMENTS: tuple[tuple[str, int], ...] = (
    (
        """DELETE FROM inbox WHERE (source, id) IN (SELECT source, id FROM inbox
           WHERE received_at < $1 AND NOT EXISTS (SELECT FROM dead_letter AS letter
               WHERE letter.event_source = inbox.source AND letter.event_id = inbox.id
                 AND letter.state IN ('poison', 'behind'))
           LIMIT $2)""",
        INBOX_DAYS,
    ),
    (
        """DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox
           WHERE created_at < $1 AND refused_at IS NULL
             AND NOT EXISTS (SELECT FROM outbox_unsent WHERE outbox_unsent.seq = outbox.seq)
           LIMIT $2)""",
        SENT_DAYS,
    ),
    (
        """DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter
           WHERE state IN ('replayed', 'dropped', 'superseded') AND settled_at < $1 LIMIT $2)""",
        SETTLED_DAYS,
    ),
)


async def prune(pool: asyncpg.Pool, now: datetime | None = None) -> int:
    """Remove old inbox marks, published outbox rows and settled dead letters; answers how many rows.

    What is unsent, refused or waiting is never touched. `now` is real time.
    """
    removed = 0
    for statement, days in STATEMENTS:
        removed += await delete_in_batches(pool, statement, (now or utc_now()) - timedelta(days=days))
    return removed


async def delete_in_batches(pool: asyncpg.Pool, statement: str, before: datetime) -> int:
    """Run a DELETE with `$1` before and `$2` batch size until nothing is left; answers how many rows."""
    removed = 0
    while True:
        done: str = await pool.execute(statement, before, BATCH)
        count = int(done.split()[-1])
        removed += count
        if count < BATCH:
            return removed
