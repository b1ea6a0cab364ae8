"""The SQL of approvals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from holdfast.approvals.model import Approval, State, Step
from holdfast.database.bulk import columns
from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.platform.clock import local_date

Act = tuple[UUID, str, str | None, str | None]
"""What somebody did with a request: its number, the act, for whom, and a text."""


def step_to_json(step: Step) -> dict[str, Any]:
    """A step as it is stored and shown."""
    return {
        "name": step.name, "users": list(step.users), "permission": step.permission, "needed": step.needed,
        "from_amount": None if step.from_amount is None else str(step.from_amount),
        "to_amount": None if step.to_amount is None else str(step.to_amount),
        "escalate_after_days": step.escalate_after_days, "escalate_to": list(step.escalate_to),
    }  # fmt: skip


def step_from_json(found: Mapping[str, Any]) -> Step:
    """A stored step."""
    low, high = found["from_amount"], found["to_amount"]
    return Step(
        found["name"], tuple(found["users"]), found["permission"], found["needed"],
        None if low is None else Decimal(low), None if high is None else Decimal(high),
        found["escalate_after_days"], tuple(found["escalate_to"]),
    )  # fmt: skip


SHOWN = """SELECT a.*, ARRAY(
    SELECT coalesce(t.acting_for, t.who) FROM approval_trail t WHERE t.approval = a.id AND t.act = 'approve'
      AND t.id > (SELECT coalesce(max(anew.id), 0) FROM approval_trail anew
                  WHERE anew.approval = a.id AND anew.act = 'resubmit')
    ORDER BY t.id) AS approved_by_all
FROM approval a"""
"""With those who have approved any of its steps since it was last submitted: a step that is over keeps nobody."""


async def read(work: Work, number: UUID, *, lock: bool = False) -> asyncpg.Record | None:
    """One approval, with `approved_by_all`."""
    return await work.conn.fetchrow(f"{SHOWN} WHERE a.id = $1{' FOR UPDATE OF a' if lock else ''}", number)


async def seize(work: Work, number: UUID) -> asyncpg.Record | None:
    """One approval that is open, locked; None as well when somebody else has the lock."""
    return await work.conn.fetchrow(
        """SELECT * FROM approval WHERE id = $1 AND state IN ('submitted', 'approval_pending', 'change_requested')
           FOR UPDATE SKIP LOCKED""",
        number,
    )


async def open_approval(work: Work, company: str, kind: str, subject: str) -> asyncpg.Record | None:
    """The approval that is open for a subject."""
    return await work.conn.fetchrow(
        """SELECT * FROM approval WHERE subject = $1 AND kind = $2 AND company = $3
           AND state IN ('submitted', 'approval_pending', 'change_requested')""",
        subject,
        kind,
        company,
    )


def approval_of(row: asyncpg.Record) -> Approval:
    """A row as the model knows it."""
    return Approval(
        row["requester"], row["amount"], tuple(map(step_from_json, row["steps"])), State(row["state"]), row["at"],
        tuple(row["approved_by"]), tuple(row["deciders"]), row["since"], row["escalated"], tuple(row["barred"]),
    )  # fmt: skip


async def insert(
    work: Work, number: UUID, company: str, kind: str, subject: str, approval: Approval,
    proposal: Any, basis: Any, reason: str | None,
) -> None:  # fmt: skip
    """Keep a new approval. Raises UniqueViolationError when one is open for the subject."""
    await work.conn.execute(
        """INSERT INTO approval (id, company, kind, subject, requester, amount, proposal, basis, steps, at,
               approved_by, deciders, since, escalated, state, reason, created_at, version, barred)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 1, $18)""",
        number, company, kind, subject, approval.requester, approval.amount, proposal, basis,
        [step_to_json(step) for step in approval.steps], approval.at, list(approval.approved_by),
        list(approval.deciders), approval.since or work.business_now, approval.escalated, approval.state, reason,
        work.business_now, list(approval.barred),
    )  # fmt: skip


async def insert_many(
    work: Work, company: str, kind: str, rows: Sequence[tuple[UUID, Approval, str, Any, Any]], reason: str | None
) -> None:
    """Keep new approvals that nobody has decided on: number, approval, subject, proposal, basis.

    JSON goes as text: a list among lists would be taken for a further dimension.
    """
    await work.conn.execute(
        """INSERT INTO approval (id, company, kind, subject, requester, amount, proposal, basis, steps, at,
               approved_by, deciders, since, escalated, state, reason, created_at, version, barred)
           SELECT a.id, $1, $2, a.subject, a.requester, a.amount, a.proposal::jsonb, a.basis::jsonb,
                  a.steps::jsonb, 0, '{}', '{}', $3, false, a.state, $4, $3, 1,
                  ARRAY(SELECT jsonb_array_elements_text(a.barred::jsonb))
           FROM unnest($5::uuid[], $6::text[], $7::text[], $8::numeric[], $9::text[], $10::text[], $11::text[],
                       $12::text[], $13::text[])
                AS a (id, subject, requester, amount, proposal, basis, steps, state, barred)""",
        company, kind, work.business_now, reason,
        *columns([
            (number, subject, approval.requester, approval.amount, to_json(proposal), to_json(basis),
             to_json([step_to_json(step) for step in approval.steps]), str(approval.state),
             to_json(approval.barred))
            for number, approval, subject, proposal, basis in rows
        ], 9),
    )  # fmt: skip


async def read_many(work: Work, numbers: Sequence[UUID]) -> list[asyncpg.Record]:
    """Many approvals, in this order."""
    rows = await work.conn.fetch("SELECT * FROM approval WHERE id = ANY($1::uuid[])", numbers)
    found = {row["id"]: row for row in rows}
    return [found[number] for number in numbers]


async def newest(work: Work, company: str, kind: str, subjects: Sequence[str]) -> list[asyncpg.Record]:
    """The approval of each of many subjects that was asked for last."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        """SELECT DISTINCT ON (subject) * FROM approval WHERE subject = ANY($1::text[]) AND kind = $2 AND company = $3
           ORDER BY subject, created_at DESC, id""",
        subjects,
        kind,
        company,
    )
    return rows


async def open_subjects(work: Work, company: str, kind: str, subjects: Sequence[str]) -> set[str]:
    """Those of many subjects that have an open approval."""
    rows = await work.conn.fetch(
        """SELECT subject FROM approval WHERE subject = ANY($1::text[]) AND kind = $2 AND company = $3
           AND state IN ('submitted', 'approval_pending', 'change_requested')""",
        subjects,
        kind,
        company,
    )
    return {row["subject"] for row in rows}


async def update(work: Work, number: UUID, approval: Approval, *, lapsed: bool = False) -> None:
    """Keep the new state."""
    await work.conn.execute(
        """UPDATE approval SET amount = $2, steps = $3, at = $4, approved_by = $5, since = $6, escalated = $7,
               state = $8, lapsed = $9, deciders = $10, version = version + 1 WHERE id = $1""",
        number, approval.amount, [step_to_json(step) for step in approval.steps], approval.at,
        list(approval.approved_by), approval.since, approval.escalated, approval.state, lapsed, list(approval.deciders),
    )  # fmt: skip


async def update_many(work: Work, states: Sequence[tuple[UUID, Approval]]) -> None:
    """Keep the new states of many, who has decided so far and since when they wait; lists go as text, as in
    `insert_many`."""
    await work.conn.execute(
        """UPDATE approval a SET at = n.at, since = n.since, escalated = n.escalated, state = n.state,
               approved_by = ARRAY(SELECT jsonb_array_elements_text(n.approved_by::jsonb)),
               deciders = ARRAY(SELECT jsonb_array_elements_text(n.deciders::jsonb)), version = a.version + 1
           FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::boolean[], $5::text[], $6::text[], $7::text[])
                AS n (id, at, since, escalated, state, approved_by, deciders)
           WHERE a.id = n.id""",
        *columns([
            (number, a.at, a.since, a.escalated, str(a.state), to_json(a.approved_by), to_json(a.deciders))
            for number, a in states
        ], 7),
    )  # fmt: skip


async def replace_basis(work: Work, number: UUID, basis: Any) -> None:
    """What a request that is submitted again is made on."""
    await work.conn.execute("UPDATE approval SET basis = $2 WHERE id = $1", number, basis)


async def note(
    work: Work, number: UUID, who: str, act: str, acting_for: str | None = None, text: str | None = None
) -> None:
    """Write the trail."""
    await work.conn.execute(
        "INSERT INTO approval_trail (approval, at, who, acting_for, act, note) VALUES ($1, $2, $3, $4, $5, $6)",
        number, work.business_now, who, acting_for if acting_for != who else None, act, text,
    )  # fmt: skip


async def note_many(work: Work, who: str, acts: Sequence[Act]) -> None:
    """Write the trail of many approvals."""
    await work.conn.execute(
        """INSERT INTO approval_trail (approval, at, who, act, acting_for, note)
           SELECT t.approval, $1, $2, t.act, t.acting_for, t.note
           FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[]) AS t (approval, act, acting_for, note)""",
        work.business_now, who, *columns(acts, 4),
    )  # fmt: skip


async def trail(work: Work, number: UUID) -> list[asyncpg.Record]:
    """Everything that happened to an approval."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        "SELECT at, who, acting_for, act, note FROM approval_trail WHERE approval = $1 ORDER BY id", number
    )
    return rows


async def page(
    work: Work, companies: list[str] | None, company: str | None, kind: str | None, states: Sequence[str] | None,
    after: tuple[datetime, UUID] | None, limit: int,
) -> list[asyncpg.Record]:  # fmt: skip
    """Approvals with `approved_by_all`, the oldest first; `companies` None stands for all."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        f"""{SHOWN} WHERE ($1::text[] IS NULL OR company = ANY($1)) AND ($2::text IS NULL OR company = $2)
             AND ($3::text IS NULL OR kind = $3) AND ($4::text[] IS NULL OR state = ANY($4))
             AND ($5::timestamptz IS NULL OR (created_at, id) > ($5, $6::uuid))
           ORDER BY created_at, id LIMIT $7""",
        companies, company, kind, states, after[0] if after else None, after[1] if after else None, limit,
    )  # fmt: skip
    return rows


async def overdue(work: Work, limit: int) -> list[asyncpg.Record]:
    """Pending approvals whose step has waited longer than it may, the longest first, locked."""
    rows: list[asyncpg.Record] = await work.conn.fetch(
        """SELECT * FROM approval WHERE state = 'approval_pending' AND NOT escalated
             AND since + make_interval(days => (steps -> at ->> 'escalate_after_days')::integer) <= $1
           ORDER BY since, id LIMIT $2 FOR UPDATE SKIP LOCKED""",
        work.business_now,
        limit,
    )
    return rows


async def business_date(work: Work, company: str) -> date:
    """The day delegations are looked at on: the company's business date."""
    zone = await work.conn.fetchval("SELECT time_zone FROM company WHERE company = $1", company)
    return local_date(work.business_now, zone or "UTC")
