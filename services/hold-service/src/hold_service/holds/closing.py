"""The SQL of how holds end, and of what a release admits once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from holdfast.database.bulk import columns
from holdfast.database.work import Work


@dataclass(frozen=True, slots=True)
class Closing:
    """How a hold ends. `amount` in the order's currency: up to what value a release counts, until `valid_until`."""

    hold_id: int
    closed_as: str
    by: str
    mode: str | None = None
    reason: str | None = None
    triggers: tuple[str, ...] = ()
    note: str | None = None
    amount: Decimal | None = None
    lines: tuple[int, ...] = ()
    valid_until: date | None = None
    freed: bool = False
    """Whether facts have let the order go, and may take that back."""


async def close(work: Work, closings: Sequence[Closing]) -> None:
    """End holds; each ends once, since the customer is locked."""
    rows = [
        (
            c.hold_id, c.closed_as, c.by, c.mode, c.reason, "\n".join(c.triggers), c.note, c.amount,
            ",".join(map(str, c.lines)), c.valid_until, c.freed,
        )
        for c in closings
    ]  # fmt: skip
    if rows:
        await work.conn.execute(
            """UPDATE hold h
               SET active = false, closed_at = $12, closed_as = n.closed_as, closed_by = n.closed_by,
                   release_mode = n.mode, release_reason = n.reason, triggers = string_to_array(n.triggers, E'\\n'),
                   close_note = n.note, released_amount = n.amount, valid_until = n.valid_until,
                   released_lines = string_to_array(n.lines, ',')::integer[], version = version + 1,
                   freed_until = CASE WHEN n.freed THEN nextval(pg_get_serial_sequence('freeing', 'id')) END
               FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                           $8::numeric[], $9::text[], $10::date[], $11::boolean[])
                    AS n (id, closed_as, closed_by, mode, reason, triggers, note, amount, lines, valid_until, freed)
               WHERE h.id = n.id AND h.active""",
            *columns(rows),
            work.business_now,
        )


@dataclass(frozen=True, slots=True)
class AdmissionRow:
    """A document that goes through once, up to `total` in `currency`, until `valid_until`. `order_version`: that of the
    order when it was released. `lines`: those that were released; none for all of it, or up to an amount."""

    hold_id: int
    company: str
    customer: str
    order: str
    checkpoint: str
    currency: str
    total: Decimal
    order_version: int
    lines: tuple[int, ...] = ()
    valid_until: date | None = None


ADMIT = """
WITH released AS (
    SELECT hold_id, company, customer, order_no, checkpoint, currency, total, order_version,
           string_to_array(lines, ',')::integer[] AS lines, valid_until
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::numeric[], $8::bigint[],
                $9::text[], $10::date[])
         AS n (hold_id, company, customer, order_no, checkpoint, currency, total, order_version, lines, valid_until)
), replaced AS (
    DELETE FROM admission a USING released r
    WHERE a.order_no = r.order_no AND a.company = r.company AND a.checkpoint = r.checkpoint
      AND (a.lines = '{}' OR r.lines = '{}' OR a.lines && r.lines)
)
INSERT INTO admission (hold_id, company, customer, order_no, checkpoint, currency, total, order_version, lines,
                       valid_until)
SELECT * FROM released
"""
"""A later release of the same document counts instead of an earlier one that was not used, unless both were of lines,
and of others: or else the same goods would go through twice."""


async def admit(work: Work, admissions: Collection[AdmissionRow]) -> None:
    """Let the held document of released orders through once, up to the released value."""
    rows = [
        (
            a.hold_id, a.company, a.customer, a.order, a.checkpoint, a.currency, a.total, a.order_version,
            ",".join(map(str, a.lines)), a.valid_until,
        )
        for a in admissions
    ]  # fmt: skip
    if rows:
        await work.conn.execute(ADMIT, *columns(rows))


async def refuse_order(work: Work, company: str, order: str) -> None:
    """Nothing of the order goes through unchecked any more."""
    await work.conn.execute("DELETE FROM order_release WHERE company = $1 AND order_no = $2", company, order)
    await work.conn.execute("DELETE FROM admission WHERE company = $1 AND order_no = $2", company, order)
