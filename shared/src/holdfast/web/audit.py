"""The audit trail: who changed what, when, from what to what, and why. Append-only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.web.correlation import correlation_id


async def record(
    work: Work,
    *,
    who: str,
    what: str,
    company: str | None,
    subject: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    why: str | None = None,
) -> None:
    """Write an entry in the transaction of the change itself."""
    await work.conn.execute(
        """INSERT INTO audit_trail (at, who, what, company, subject, before, after, why, correlation_id)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        work.business_now, who, what, company, subject, before, after, why, correlation_id.get(),
    )  # fmt: skip


Entry = tuple[str, str, dict[str, Any] | None, dict[str, Any] | None]
"""company, subject, before, after"""


async def record_many(work: Work, *, who: str, what: str, entries: Sequence[Entry], why: str | None = None) -> None:
    """Write many entries of one act in one statement."""
    await work.conn.execute(
        """INSERT INTO audit_trail (at, who, what, company, subject, before, after, why, correlation_id)
           SELECT $1, $2, $3, e.company, e.subject, e.before, e.after, $4, $5
           FROM unnest($6::text[], $7::text[], $8::jsonb[], $9::jsonb[]) AS e (company, subject, before, after)""",
        work.business_now, who, what, why, correlation_id.get(), *columns(entries, 4),
    )  # fmt: skip
