"""The SQL of set-ups. A process remembers those it has read by their stamp, and reads what is new to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from hold_service.setups.model import Setup, Stamps, setup_of
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.model import Party

MOST_REMEMBERED = 1_000
REMEMBERED: dict[str, Setup] = {}
"""Set-ups by stamp, which is unique everywhere and for ever."""
LATEST: dict[str, Setup] = {}
"""What was read last of each company: a guess of what counts now."""

CONTENT = """
SELECT s.company, s.stamp::text AS stamp, jsonb_build_object(
    'rules', (SELECT jsonb_agg(to_jsonb(r) - 'changed_at' || jsonb_build_object(
                  'value', r.value::text, 'threshold_percent', r.threshold_percent::text) ORDER BY r.id)
              FROM rule r WHERE r.company = s.company AND r.enabled),
    'checkpoints', (SELECT jsonb_agg(jsonb_build_array(
                        c.document, c.check_on_posting, c.check_on_proforma, c.grace_days))
                    FROM checkpoint c WHERE c.company = s.company),
    'rankings', (SELECT jsonb_object_agg(r.subject, r.ranks) FROM ranking r WHERE r.company = s.company),
    'parameters', (SELECT p.settings FROM parameters p WHERE p.company = s.company),
    'credit', (SELECT p.settings FROM credit_parameters p WHERE p.company = s.company)) AS content
FROM setup s WHERE s.company = ANY($1::text[])
"""
KEEP = """
INSERT INTO setup_version (stamp, company, content) VALUES ($1::text::uuid, $2, $3) ON CONFLICT DO NOTHING
"""
SHARE = """
WITH s AS (SELECT company, stamp FROM setup WHERE company = ANY($1::text[]) ORDER BY company FOR SHARE {wait}),
     r AS (SELECT stamp FROM rate_stamp FOR SHARE {wait})
SELECT (SELECT json_object_agg(company, stamp) FROM s) AS setups, (SELECT stamp::text FROM r) AS rates
"""
ADD = """
INSERT INTO setup (company, stamp) SELECT company, gen_random_uuid() FROM unnest($1::text[]) AS c (company)
ON CONFLICT DO NOTHING
"""
BESIDE = """
SELECT w.company FROM unnest($1::text[], $2::text[]) AS w (company, customer)
UNION
SELECT o.company FROM unnest($1::text[], $2::text[]) AS w (company, customer)
CROSS JOIN LATERAL (
    SELECT m.group_id FROM credit_group_member m
    WHERE m.customer = w.customer AND m.company = w.company OFFSET 0) m
CROSS JOIN LATERAL (SELECT o.company FROM credit_group_member o WHERE o.group_id = m.group_id OFFSET 0) o
"""


async def lock(work: Work, company: str) -> None:
    """Let nobody else change the set-up of a company before this transaction ends, nor begin one. What is read
    afterwards is what the change is made on (spec 1.15: grace looks at the other checkpoints too)."""
    await work.conn.execute(ADD, [company])
    await work.conn.execute("SELECT FROM setup WHERE company = $1 FOR NO KEY UPDATE", company)


async def share(work: Work, companies: Collection[str], *, patient: bool = True) -> Stamps:
    """Let nobody change these set-ups, or exchange rates, before this transaction ends, and answer their stamps now.

    Waits for who is changing them; raises LockNotAvailableError instead unless `patient`. A company without a set-up
    gets an empty one, so that there is something to share.
    """
    found = await _share(work, companies, patient)
    if missing := sorted(set(companies) - found.setups.keys()):
        await work.conn.execute(ADD, missing)
        found = await _share(work, companies, patient)
    return found


async def _share(work: Work, companies: Collection[str], patient: bool) -> Stamps:
    row = await work.conn.fetchrow(SHARE.format(wait="" if patient else "NOWAIT"), sorted(companies))
    assert row is not None
    return Stamps(row["setups"] or {}, row["rates"])


async def companies_beside(work: Work, parties: Collection[Party]) -> set[str]:
    """The companies whose set-ups count for customers: their own, and those of the members of their groups."""
    return {row["company"] for row in await work.conn.fetch(BESIDE, *columns(sorted(parties), 2))}


async def setups(work: Work, stamps: Mapping[str, str]) -> dict[str, Setup]:
    """The set-ups of companies by their present stamps; those that are new here are read and kept for later."""
    found = {company: REMEMBERED[stamp] for company, stamp in stamps.items() if stamp in REMEMBERED}
    missing = stamps.keys() - found.keys()
    if missing:
        found |= await _read(work, missing)
    LATEST.update(found)
    return found


async def _read(work: Work, companies: Collection[str]) -> dict[str, Setup]:
    found: dict[str, Setup] = {}
    for row in await work.conn.fetch(CONTENT, sorted(companies)):
        found[row["company"]] = setup_of(row["stamp"], row["content"])
        await work.conn.execute(KEEP, row["stamp"], row["company"], row["content"])
    work.on_commit(lambda: _remember(found.values()))
    return found


def _remember(found: Collection[Setup]) -> None:
    if len(REMEMBERED) + len(found) > MOST_REMEMBERED:
        REMEMBERED.clear()
    REMEMBERED.update({setup.stamp: setup for setup in found if setup.stamp})


async def stored_setup(work: Work, stamp: str | None) -> Setup:
    """The set-up that a decision was made with."""
    if stamp is None:
        return Setup()
    content: Any = await work.conn.fetchval("SELECT content FROM setup_version WHERE stamp = $1", UUID(stamp))
    return setup_of(stamp, content or {})
