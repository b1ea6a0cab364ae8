"""What a batch of checks writes: one statement, whatever the size of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from holdfast.bus import outbox
from holdfast.database.bulk import columns, together
from holdfast.database.work import Work
from holdfast.receivables.model import Reservation
from holdfast.receivables.reservations import RESERVE, STATUS, reserve_values, status_values
from holdfast.values import quick
from holdfast.web import idempotency
from holdfast.web.idempotency import Answer, Request


@quick
@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A decision as stored, with the answer that was given and the numbers it was made from."""

    id: UUID
    company: str
    customer: str
    order: str
    checkpoint: str
    attempt: str
    outcome: str
    check_date: date
    hold_id: int | None
    answer: str
    """JSON"""
    picture: str
    """JSON"""


DECISIONS = """
INSERT INTO decision (id, company, customer, order_no, checkpoint, attempt, outcome, check_date, hold_id, answer,
                      picture, decided_at)
SELECT given.*, $12 FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::date[],
    $9::bigint[], $10::text[]::json[], $11::text[]::json[]) AS given
"""
SAVE = together(DECISIONS, STATUS, RESERVE, idempotency.STORE, outbox.PUBLISH)


async def save_decisions(work: Work, rows: Sequence[DecisionRow]) -> None:
    """Store decisions."""
    await work.conn.execute(DECISIONS, *_decision_values(work, rows))


async def save(
    work: Work,
    decisions: Sequence[DecisionRow],
    statuses: Sequence[tuple[str, str, str]],
    reservations: Sequence[Reservation],
    events: Sequence[outbox.Row],
    kept: Sequence[tuple[Request, Answer]],
) -> None:
    """Store decisions with the status of their orders and what they promise, keep the answers that were given over
    HTTP, and publish: one statement."""
    await work.conn.execute(
        SAVE,
        *_decision_values(work, decisions),
        *status_values(statuses),
        *reserve_values(reservations),
        *idempotency.store_values(work, kept),
        *outbox.publish_values(work, events),
    )
    work.on_commit(outbox.WRITTEN.send)


def _decision_values(work: Work, rows: Sequence[DecisionRow]) -> list[Any]:
    values = [
        (
            r.id, r.company, r.customer, r.order, r.checkpoint, r.attempt, r.outcome, r.check_date, r.hold_id,
            r.answer, r.picture,
        )
        for r in rows
    ]  # fmt: skip
    return [*columns(values, 11), work.business_now]


async def use_admissions(work: Work, hold_ids: Sequence[int]) -> None:
    """What the releases of these holds admitted counts once."""
    await work.conn.execute("DELETE FROM admission WHERE hold_id = ANY($1::bigint[])", hold_ids)


async def read_decision(work: Work, decision_id: UUID) -> Any:
    """One stored decision, or None."""
    return await work.conn.fetchrow("SELECT * FROM decision WHERE id = $1", decision_id)
