"""The SQL of what other services say about a customer: dunning level, risk group, promises, requests to block."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

LEVELS = """
INSERT INTO standing AS s (company, customer, dunning_level, dunning_sequence)
SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::bigint[])
ON CONFLICT (customer, company) DO UPDATE
SET dunning_level = excluded.dunning_level, dunning_sequence = excluded.dunning_sequence
WHERE s.dunning_sequence < excluded.dunning_sequence
"""
RISKS = """
INSERT INTO standing AS s (company, customer, risk_group, risk_version)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
ON CONFLICT (customer, company) DO UPDATE SET risk_group = excluded.risk_group, risk_version = excluded.risk_version
WHERE s.risk_version < excluded.risk_version
"""
PROMISES = """
INSERT INTO promise AS p (company, customer, promise, sequence, broken)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::boolean[])
ON CONFLICT (customer, company, promise) DO UPDATE SET sequence = excluded.sequence, broken = excluded.broken
WHERE p.sequence < excluded.sequence
"""
BLOCKS = """
INSERT INTO block_request AS b (company, customer, request, sequence, effect, reason)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[])
ON CONFLICT (customer, company, request) DO UPDATE
SET sequence = excluded.sequence, effect = excluded.effect, reason = excluded.reason
WHERE b.sequence < excluded.sequence
"""
RECOMPUTE = """
INSERT INTO standing (company, customer, broken_promises, block_effect, block_reason)
SELECT p.company, p.customer,
    (SELECT count(*) FROM promise k WHERE k.customer = p.customer AND k.company = p.company AND k.broken),
    coalesce(b.effect, 'no'), coalesce(b.reason, '')
FROM unnest($1::text[], $2::text[]) AS p (company, customer)
LEFT JOIN LATERAL (
    SELECT r.effect, r.reason FROM block_request r
    WHERE r.customer = p.customer AND r.company = p.company AND r.effect <> 'no'
    ORDER BY r.effect = 'all' DESC, r.request LIMIT 1) b ON true
ON CONFLICT (customer, company) DO UPDATE
SET broken_promises = excluded.broken_promises, block_effect = excluded.block_effect,
    block_reason = excluded.block_reason
"""


async def keep_levels(work: Work, rows: Sequence[tuple[str, str, int, int]]) -> None:
    """Keep the newest dunning level of customers; one row for each."""
    await work.conn.execute(LEVELS, *columns(rows))


async def keep_risks(work: Work, rows: Sequence[tuple[str, str, str | None, int]]) -> None:
    """Keep the newest risk group of customers; one row for each."""
    await work.conn.execute(RISKS, *columns(rows))


async def keep_promises(work: Work, rows: Sequence[tuple[str, str, str, int, bool]]) -> None:
    """Keep whether promises are broken; one row for each promise."""
    await work.conn.execute(PROMISES, *columns(rows))
    await _recompute(work, {row[:2] for row in rows})


async def keep_blocks(work: Work, rows: Sequence[tuple[str, str, str, int, str, str]]) -> None:
    """Keep who wants customers blocked, with effect and reason; one row for each request."""
    await work.conn.execute(BLOCKS, *columns(rows))
    await _recompute(work, {row[:2] for row in rows})


async def _recompute(work: Work, parties: Collection[Party]) -> None:
    await work.conn.execute(RECOMPUTE, *columns(sorted(parties)))
