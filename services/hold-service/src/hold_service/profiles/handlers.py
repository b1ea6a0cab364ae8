"""Credit profiles come from credit-service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.bus.envelope import Incoming
from holdfast.contracts.credit import ProfileChanged
from holdfast.database.bulk import columns
from holdfast.database.work import Work

UPSERT = """
INSERT INTO profile AS p (company, customer, version, currency, credit_limit, credit_limit_expiry_date,
                          mandatory, unlimited, excluded)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::numeric[], $6::date[],
                     $7::boolean[], $8::boolean[], $9::boolean[])
ON CONFLICT (company, customer) DO UPDATE
SET version = excluded.version, currency = excluded.currency, credit_limit = excluded.credit_limit,
    credit_limit_expiry_date = excluded.credit_limit_expiry_date, mandatory = excluded.mandatory,
    unlimited = excluded.unlimited, excluded = excluded.excluded
WHERE excluded.version > p.version
"""


async def apply_profiles(work: Work, events: Sequence[Incoming[Any]]) -> None:
    """Keep the newest version of each profile."""
    newest: dict[tuple[str, str], ProfileChanged] = {}
    for event in events:
        p = event.payload
        known = newest.get((p.company, p.customer))
        if known is None or known.version < p.version:
            newest[p.company, p.customer] = p
    rows = [
        (
            p.company, p.customer, p.version, p.currency, p.credit_limit, p.credit_limit_expiry_date,
            p.mandatory_credit_limit, p.unlimited_credit, p.exclude_from_credit_management,
        )
        for p in newest.values()
    ]  # fmt: skip
    await work.conn.execute(UPSERT, *columns(rows))
