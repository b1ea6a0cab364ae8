"""The SQL of task runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from credit_service.tasks.model import Step
from holdfast.database.work import Work

READ = """
SELECT id, seq, task, company, as_of, customers, options, after_customer, state, processed, changed, incomplete,
       problem, made, started_by, started_at, ended_at
FROM task_run
"""


async def start(
    work: Work, task: str, company: str, as_of: date, customers: Sequence[str] | None, options: Any, by: str
) -> asyncpg.Record | None:
    """A new run, none of it done; None while another of the task goes on in the company."""
    run_id = uuid4()
    await work.conn.execute(
        """INSERT INTO task_run (id, task, company, as_of, customers, options, state, started_by, started_at)
           VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $8)
           ON CONFLICT (company, task) WHERE state = 'running' DO NOTHING""",
        run_id, task, company, as_of, None if customers is None else sorted(set(customers)), options, by,
        work.business_now,
    )  # fmt: skip
    return await read_run(work, run_id)


async def schedule(work: Work, tasks: Sequence[str], company: str, as_of: date) -> None:
    """One run of each task a business day, as soon as no other run of the task goes on."""
    await work.conn.execute(
        """INSERT INTO task_run (id, task, company, as_of, options, state, started_by, started_at)
           SELECT gen_random_uuid(), t.task, $2, $3, '{}', 'running', 'schedule', $4
           FROM unnest($1::text[]) WITH ORDINALITY AS t (task, place)
           WHERE NOT EXISTS (SELECT FROM task_run r WHERE r.company = $2 AND r.task = t.task AND r.as_of = $3
                               AND r.started_by = 'schedule')
           ORDER BY t.place
           ON CONFLICT DO NOTHING""",
        list(tasks), company, as_of, work.business_now,
    )  # fmt: skip


async def companies(work: Work) -> Sequence[asyncpg.Record]:
    """Companies whose master data has come."""
    found: Sequence[asyncpg.Record] = await work.conn.fetch(
        "SELECT company, time_zone FROM company WHERE currency IS NOT NULL ORDER BY company"
    )
    return found


async def read_run(work: Work, run_id: UUID) -> asyncpg.Record | None:
    """One run."""
    return await work.conn.fetchrow(f"{READ} WHERE id = $1", run_id)


async def claim_oldest(work: Work) -> asyncpg.Record | None:
    """The oldest run that is not at its end and nobody else is busy with, for this transaction.

    Of what is scheduled for a company one run after another: scores are made from the statistics of the same day.
    """
    return await work.conn.fetchrow(
        f"""{READ} r
            WHERE state = 'running' AND NOT EXISTS (
                SELECT FROM task_run earlier
                WHERE earlier.state = 'running' AND earlier.seq < r.seq AND earlier.company = r.company
                  AND earlier.started_by = 'schedule' AND r.started_by = 'schedule')
            ORDER BY seq LIMIT 1 FOR UPDATE SKIP LOCKED"""
    )


async def claim(work: Work, run_id: UUID) -> asyncpg.Record | None:
    """A run that is not at its end, for this transaction; waits for who is busy with it."""
    return await work.conn.fetchrow(f"{READ} WHERE id = $1 AND state = 'running' FOR UPDATE", run_id)


async def advance(work: Work, run_id: UUID, step: Step) -> None:
    """Keep what a step did; the run ends when nothing is left to do."""
    await work.conn.execute(
        """UPDATE task_run SET after_customer = $2, processed = processed + $3, changed = changed + $4,
                  incomplete = incomplete + $5, state = CASE WHEN $2::text IS NULL THEN 'done' ELSE 'running' END,
                  ended_at = CASE WHEN $2::text IS NULL THEN $6::timestamptz END, made = coalesce($7, made)
           WHERE id = $1""",
        run_id, step.after, step.processed, step.changed, step.incomplete, work.business_now, step.made,
    )  # fmt: skip


async def fail(work: Work, run_id: UUID, problem: str) -> None:
    """End a run that cannot go on."""
    await work.conn.execute(
        "UPDATE task_run SET state = 'failed', problem = $2, ended_at = $3 WHERE id = $1",
        run_id, problem, work.business_now,
    )  # fmt: skip


async def page_of_runs(work: Work, task: str, company: str, before: int | None, limit: int) -> Sequence[Any]:
    """Runs of a task, newest first."""
    found: Sequence[Any] = await work.conn.fetch(
        f"{READ} WHERE company = $1 AND task = $2 AND ($3::bigint IS NULL OR seq < $3) ORDER BY seq DESC LIMIT $4",
        company, task, before, limit,
    )  # fmt: skip
    return found


async def next_customers(
    work: Work, company: str, chosen: Sequence[str] | None, after: str | None, limit: int
) -> list[str]:
    """The next customers of a company in sorted order, of all that were ever heard of or of those chosen."""
    rows = await work.conn.fetch(
        """SELECT customer FROM account
           WHERE company = $1 AND ($2::text IS NULL OR customer > $2) AND ($3::text[] IS NULL OR customer = ANY ($3))
           ORDER BY customer LIMIT $4""",
        company, after, chosen, limit,
    )  # fmt: skip
    return [row["customer"] for row in rows]
