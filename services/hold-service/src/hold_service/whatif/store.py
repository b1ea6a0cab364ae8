"""The SQL of what-if runs. Decisions are read by time, a batch at a time; nothing but the run itself is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from hold_service.whatif.model import Difference
from holdfast.database.bulk import columns
from holdfast.database.work import Work

COUNTED = """
SELECT count(*) FROM decision
WHERE company = $1 AND decided_at >= $2 AND decided_at < $3 AND outcome IN ('cleared', 'held')
"""
BATCH = """
SELECT id, decided_at, outcome,
       CASE WHEN outcome = 'cleared' OR ((picture -> 'findings')::jsonb <> '[]'
                                         AND NOT (answer -> 'reasons')::jsonb ? 'forced_hold')
            THEN (picture -> 'facts')::text END AS facts
FROM decision
WHERE company = $1 AND decided_at >= $2 AND decided_at < $3 AND outcome IN ('cleared', 'held')
  AND ($4::timestamptz IS NULL OR (decided_at, id) > ($4, $5::uuid))
ORDER BY decided_at, id LIMIT $6
"""
"""No facts of what no rule decides: a forced hold, an older hold that the order waits for though no rule holds it."""
STEP = """
UPDATE what_if SET looked_at = looked_at + $2, tried = tried + $3, held = held + $4, freed = freed + $5,
       after_at = coalesce($6, after_at), after_id = coalesce($7, after_id),
       state = CASE WHEN $8 THEN 'done' ELSE 'running' END, finished_at = CASE WHEN $8 THEN $9::timestamptz END
WHERE id = $1
"""


async def count(work: Work, company: str, since: datetime, until: datetime) -> int:
    """How many decisions the period has."""
    found: int = await work.conn.fetchval(COUNTED, company, since, until)
    return found


async def add(
    work: Work, run: UUID, company: str, since: datetime, until: datetime, rules: list[dict[str, Any]], who: str
) -> None:
    """Order a run."""
    await work.conn.execute(
        """INSERT INTO what_if (id, company, since, until, rules, total, asked_by, asked_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        run, company, since, until, rules, await count(work, company, since, until), who, work.business_now,
    )  # fmt: skip


async def next_run(work: Work) -> asyncpg.Record | None:
    """The oldest run that is not done and that nobody else is at."""
    return await work.conn.fetchrow(
        "SELECT * FROM what_if WHERE state <> 'done' ORDER BY asked_at, id LIMIT 1 FOR UPDATE SKIP LOCKED"
    )


async def batch(work: Work, run: asyncpg.Record, most: int) -> list[asyncpg.Record]:
    """The next decisions of a run, in the order in which they were made."""
    return list(
        await work.conn.fetch(
            BATCH, run["company"], run["since"], run["until"], run["after_at"], run["after_id"], most
        )
    )  # fmt: skip


async def step(
    work: Work, run: UUID, rows: Sequence[asyncpg.Record], tried: int, found: Sequence[Difference], *, done: bool
) -> None:
    """Keep what a batch has found, and where to go on."""
    await work.conn.execute(
        """INSERT INTO what_if_result (run, decision, became, reasons, explanation)
           SELECT $1, decision, became, string_to_array(reasons, E'\\n'), string_to_array(explanation, E'\\n')
           FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[])
                AS r (decision, became, reasons, explanation)""",
        run,
        *columns([(UUID(d.decision), d.became, "\n".join(d.reasons), "\n".join(d.explanation)) for d in found], 4),
    )
    held = sum(d.became == "held" for d in found)
    last = rows[-1] if rows else None
    await work.conn.execute(
        STEP, run, len(rows), tried, held, len(found) - held, last and last["decided_at"], last and last["id"], done,
        work.business_now,
    )  # fmt: skip


async def rate_type(work: Work, company: str) -> str:
    """The rate type that converts amounts of a company's rules (spec 2.7)."""
    found: str | None = await work.conn.fetchval(
        """SELECT coalesce((SELECT settings ->> 'credit_limit_exchange_rate_type' FROM credit_parameters p
                            WHERE p.company = $1),
                           (SELECT exchange_rate_type FROM company c WHERE c.company = $1), 'default')""",
        company,
    )
    return found or "default"


async def read(work: Work, run: UUID) -> asyncpg.Record | None:
    """One run."""
    return await work.conn.fetchrow("SELECT * FROM what_if WHERE id = $1", run)


async def page_of_results(
    work: Work, run: UUID, became: str | None, after: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Decisions that would have been others, by id."""
    return list(
        await work.conn.fetch(
            """SELECT r.*, d.customer, d.order_no, d.checkpoint, d.check_date, d.outcome
               FROM what_if_result r JOIN decision d ON d.id = r.decision
               WHERE r.run = $1 AND ($2::text IS NULL OR r.became = $2) AND ($3::uuid IS NULL OR r.decision > $3)
               ORDER BY r.decision LIMIT $4""",
            run,
            became,
            after,
            limit,
        )
    )
