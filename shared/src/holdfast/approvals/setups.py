"""The SQL of what is set up for approvals: workflows and delegations."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from holdfast.approvals.model import Delegation, Workflow
from holdfast.approvals.store import step_from_json, step_to_json
from holdfast.database.work import Work


async def read_workflow(work: Work, company: str, kind: str, *, lock: bool = False) -> Workflow:
    """The workflow of a company; one that was never set up is inactive and has version 0."""
    row = await work.conn.fetchrow(
        f"SELECT * FROM approval_workflow WHERE kind = $1 AND company = $2{' FOR UPDATE' if lock else ''}",
        kind,
        company,
    )
    if row is None:
        return Workflow(company, kind)
    return Workflow(company, kind, row["active"], tuple(map(step_from_json, row["steps"])), row["version"])


async def write_workflow(work: Work, workflow: Workflow) -> bool:
    """Keep a new version; False when somebody else was first."""
    written = await work.conn.fetchval(
        """INSERT INTO approval_workflow (company, kind, active, steps, version, changed_at)
           VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind, company) DO UPDATE
           SET active = excluded.active, steps = excluded.steps, version = excluded.version,
               changed_at = excluded.changed_at
           WHERE approval_workflow.version = excluded.version - 1 RETURNING true""",
        workflow.company, workflow.kind, workflow.active, [step_to_json(step) for step in workflow.steps],
        workflow.version, work.business_now,
    )  # fmt: skip
    return bool(written)


async def delegations_to(work: Work, company: str, user: str) -> list[Delegation]:
    """Who has delegated to a user, at any time."""
    rows = await work.conn.fetch(
        """SELECT from_user, to_user, from_date, to_date FROM approval_delegation
           WHERE to_user = $1 AND company = $2""",
        user,
        company,
    )
    return [Delegation(*row) for row in rows]


async def page_of_delegations(
    work: Work, companies: list[str] | None, after: str | None, limit: int
) -> list[asyncpg.Record]:
    """Delegations of companies; None stands for all."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        """SELECT * FROM approval_delegation
           WHERE ($1::text[] IS NULL OR company = ANY($1)) AND ($2::text IS NULL OR id::text > $2)
           ORDER BY id::text LIMIT $3""",
        companies,
        after,
        limit,
    )
    return rows


async def add_delegation(work: Work, number: UUID, company: str, given: Delegation) -> None:
    """Keep a delegation."""
    await work.conn.execute(
        "INSERT INTO approval_delegation VALUES ($1, $2, $3, $4, $5, $6)",
        number, company, given.from_user, given.to_user, given.from_date, given.to_date,
    )  # fmt: skip


async def read_delegation(work: Work, number: UUID, companies: list[str] | None) -> asyncpg.Record | None:
    """One delegation, locked."""
    return await work.conn.fetchrow(
        """SELECT * FROM approval_delegation WHERE id = $1 AND ($2::text[] IS NULL OR company = ANY($2))
           FOR UPDATE""",
        number,
        companies,
    )


async def remove_delegation(work: Work, number: UUID) -> None:
    """End a delegation."""
    await work.conn.execute("DELETE FROM approval_delegation WHERE id = $1", number)
