"""The SQL of why orders are held: reasons that appear and clear."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from holdfast.database.bulk import columns
from holdfast.database.work import Work

Reasons = dict[str, str]
"""Reason -> its explanation."""


async def see(work: Work, reasons: Sequence[tuple[int, Reasons]]) -> None:
    """Add reasons to holds, or see them again; those that had cleared are active once more."""
    rows = [(hold_id, reason, text) for hold_id, found in reasons for reason, text in found.items()]
    if rows:
        await work.conn.execute(
            """INSERT INTO hold_reason AS r (hold_id, reason, explanation, active, first_seen)
               SELECT n.*, true, $4 FROM unnest($1::bigint[], $2::text[], $3::text[]) AS n
               ON CONFLICT (hold_id, reason) DO UPDATE
               SET active = true, cleared_at = NULL, explanation = excluded.explanation""",
            *columns(rows),
            work.business_now,
        )


async def change(work: Work, seen: Sequence[tuple[int, Reasons]], gone: Collection[tuple[int, str]]) -> None:
    """See reasons of holds that there have been, and clear others: who has read a hold before has read another one."""
    found = [(hold_id, reason) for hold_id, reasons in seen for reason in reasons]
    if found or gone:
        await work.conn.execute(ANOTHER_VERSION, *columns(found, 2), *columns(sorted(gone), 2))
    await _clear(work, gone)
    await see(work, seen)


ANOTHER_VERSION = """
UPDATE hold SET version = version + 1 WHERE id = ANY (ARRAY(
    SELECT n.hold_id FROM unnest($1::bigint[], $2::text[]) AS n (hold_id, reason)
    WHERE (SELECT r.active FROM hold_reason r WHERE r.hold_id = n.hold_id AND r.reason = n.reason) IS NOT TRUE
    UNION ALL
    SELECT n.hold_id FROM unnest($3::bigint[], $4::text[]) AS n (hold_id, reason)
    WHERE (SELECT r.active FROM hold_reason r WHERE r.hold_id = n.hold_id AND r.reason = n.reason)))
"""


async def _clear(work: Work, gone: Collection[tuple[int, str]]) -> None:
    """Reasons that no longer hold."""
    if gone:
        await work.conn.execute(
            """UPDATE hold_reason r SET active = false, cleared_at = $3
               FROM unnest($1::bigint[], $2::text[]) AS n (hold_id, reason)
               WHERE r.hold_id = n.hold_id AND r.reason = n.reason AND r.active""",
            *columns(gone),
            work.business_now,
        )
