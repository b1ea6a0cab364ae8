"""What a batch of checks reads and writes: few statements, whatever the size of the batch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from hold_service.checks.model import Admission, CheckpointSetup, Known, Profile, Setup
from hold_service.rules.model import Rule
from holdfast.bus import outbox, parking
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.database.bulk import columns, together
from holdfast.database.work import Work
from holdfast.receivables.model import Party, Position, Reservation
from holdfast.receivables.positions import read_positions
from holdfast.receivables.reservations import RESERVE, STATUS, reserve_values, status_values
from holdfast.web import idempotency
from holdfast.web.idempotency import Answer, Request

OrderKey = tuple[str, str]
"""company, order"""
AttemptKey = tuple[str, str, str, str]
"""company, order, checkpoint, attempt"""

SETUP = """
SELECT
    (SELECT json_agg(json_build_array(r.id, r.company, r.kind, r.value::text, r.rule_type, r.valid_for,
                r.active_from, r.active_to, r.enabled, r.version) ORDER BY r.id)
     FROM rule r WHERE r.company = ANY($1::text[]) AND r.enabled) AS rules,
    (SELECT json_agg(json_build_array(c.company, c.document, c.check_on_posting, c.check_on_proforma))
     FROM checkpoint c WHERE c.company = ANY($1::text[])) AS checkpoints,
    (SELECT json_agg(json_build_array(p.company, p.customer, p.version, p.currency, p.credit_limit::text,
                p.unlimited, p.excluded))
     FROM unnest($1::text[], $2::text[]) AS w (company, customer)
     CROSS JOIN LATERAL (
         SELECT * FROM profile WHERE company = w.company AND customer = w.customer OFFSET 0) p) AS profiles,
    (SELECT json_agg(json_build_array(h.company, h.order_no, h.id,
                (SELECT json_object_agg(x.reason, x.explanation) FROM hold_reason x
                 WHERE x.hold_id = h.id AND x.active)))
     FROM unnest($3::text[], $4::text[]) AS w (company, order_no)
     CROSS JOIN LATERAL (
         SELECT * FROM hold WHERE company = w.company AND order_no = w.order_no AND active OFFSET 0) h) AS holds,
    (SELECT json_agg(json_build_array(a.company, a.order_no, a.checkpoint, a.currency, a.total::text, a.hold_id))
     FROM unnest($3::text[], $4::text[]) AS w (company, order_no)
     CROSS JOIN LATERAL (
         SELECT * FROM admission WHERE company = w.company AND order_no = w.order_no OFFSET 0) a) AS admissions,
    (SELECT json_agg(json_build_array(d.company, d.order_no, d.checkpoint, d.attempt, d.answer::text))
     FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS w (company, order_no, checkpoint, attempt)
     CROSS JOIN LATERAL (
         SELECT * FROM decision WHERE company = w.company AND order_no = w.order_no AND checkpoint = w.checkpoint
             AND attempt = w.attempt AND outcome <> 'released' OFFSET 0) d) AS earlier,
    (SELECT json_agg(DISTINCT party) FROM parked_party WHERE party = ANY($7::text[])) AS parked,
    (SELECT CASE WHEN bool_and(greatest(event_time, fresh_at) IS NOT NULL)
            THEN extract(epoch FROM now() - min(greatest(event_time, fresh_at)))::text END
     FROM consumer_offset WHERE topic LIKE 'erp.%') AS facts_age
"""
"""How old facts are is not known while there is a partition of which nothing has been read. `OFFSET 0` makes each
lookup go by its index, row by row, also when the plan was made while the table was small."""


@dataclass(slots=True)
class ActiveHold:
    """An order's active hold; `id` is None until it has been written."""

    id: int | None
    reasons: dict[str, str] = field(default_factory=dict)
    number: str = ""


@dataclass(slots=True)
class Loaded:
    """What is known for a batch; positions, holds and admissions move on as the batch is decided."""

    positions: dict[Party, Position]
    setups: dict[str, Setup]
    profiles: dict[Party, Profile]
    parked: set[Party]
    facts_age: float | None
    holds: dict[OrderKey, ActiveHold] = field(default_factory=dict)
    admissions: dict[tuple[str, str, str], Admission] = field(default_factory=dict)
    earlier: dict[AttemptKey, str] = field(default_factory=dict)
    """Answers as JSON"""

    def known(self, party: Party, checkpoint: str, order: str, most_facts_age: float | None) -> Known:
        """What is known for one check."""
        company = party[0]
        return Known(
            position=self.positions[party],
            setup=self.setups.get(company, Setup()),
            profile=self.profiles.get(party),
            parked=party in self.parked,
            facts_age=self.facts_age,
            most_facts_age=most_facts_age,
            admission=self.admissions.get((company, order, checkpoint)),
        )


def attempt_of(request: CheckpointRequested) -> AttemptKey:
    """What makes a check the same check."""
    return request.company, request.order, request.checkpoint.value, request.attempt


async def load(
    work: Work,
    orders: dict[Party, set[str]],
    currencies: Collection[str],
    attempts: Sequence[AttemptKey] = (),
) -> Loaded:
    """Read everything a batch needs. The customers are locked by the caller, in a statement before."""
    parties = sorted(orders)
    positions = await read_positions(work, orders, currencies=currencies)
    keys = list(attempts) or [(company, number, "", "") for (company, _), named in orders.items() for number in named]
    names = columns(keys, 4)
    row = await work.conn.fetchrow(SETUP, *columns(parties, 2), *names, parking.names_of(parties))
    assert row is not None
    return Loaded(
        positions=positions,
        setups=_setups(row["rules"] or (), row["checkpoints"] or ()),
        profiles={(p[0], p[1]): Profile(p[2], p[3], Decimal(p[4]), p[5], p[6]) for p in row["profiles"] or ()},
        parked=parking.parties_of(row["parked"] or ()),
        facts_age=None if row["facts_age"] is None else max(0.0, round(float(row["facts_age"]), 3)),
        holds={(h[0], h[1]): ActiveHold(h[2], h[3] or {}, hold_number(h[2])) for h in row["holds"] or ()},
        admissions={(a[0], a[1], a[2]): Admission(a[3], Decimal(a[4]), a[5]) for a in row["admissions"] or ()},
        earlier={(d[0], d[1], d[2], d[3]): d[4] for d in row["earlier"] or ()},
    )


def _setups(rules: Sequence[Sequence[Any]], checkpoints: Sequence[Sequence[Any]]) -> dict[str, Setup]:
    found: dict[str, tuple[list[Rule], dict[str, CheckpointSetup]]] = {}
    for r in rules:
        rule = Rule(r[0], r[1], r[2], Decimal(r[3]), r[4], r[5], _date(r[6]), _date(r[7]), r[8], r[9])
        found.setdefault(rule.company, ([], {}))[0].append(rule)
    for company, document, on_posting, on_proforma in checkpoints:
        found.setdefault(company, ([], {}))[1][document] = CheckpointSetup(on_posting, on_proforma)
    return {company: Setup(kept, places) for company, (kept, places) in found.items()}


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def hold_number(hold_id: int) -> str:
    """The number of a hold as people see it."""
    return f"H-{hold_id:06d}"


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
    $9::bigint[], $10::text[]::jsonb[], $11::text[]::jsonb[]) AS given
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


async def use_admissions(work: Work, keys: Collection[tuple[str, str, str]]) -> None:
    """An admission counts once."""
    await work.conn.execute(
        """DELETE FROM admission a USING unnest($1::text[], $2::text[], $3::text[]) AS w (company, order_no, checkpoint)
           WHERE a.company = w.company AND a.order_no = w.order_no AND a.checkpoint = w.checkpoint""",
        *columns(sorted(keys), 3),
    )


async def read_decision(work: Work, decision_id: UUID) -> Any:
    """One stored decision, or None."""
    return await work.conn.fetchrow("SELECT * FROM decision WHERE id = $1", decision_id)
